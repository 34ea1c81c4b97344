import Table from 'cli-table3';
import { Command } from 'commander';
import { planNeeds } from '../../shared/config/plan/plan-needs.ts';
import type { AccountFinding } from '../../shared/domain/doctor/account-checks.ts';
import { examineAccount } from '../../shared/pipeline/doctor/examine-account.ts';
import type { Account } from '../../shared/ports/account.ts';
import type { ChecksDeps } from '../open-checks.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { checkConfig, DEFAULT_DEADLINE, parseDeadline, toText, whereChecked } from './check-report.ts';

export interface DoctorDeps extends ChecksDeps {
  /** The account that the environment points at. */
  readonly openAccount: () => Account & { close(): void };
  /** Whether that is an emulator on this machine. */
  readonly isLocal: boolean;
  /** Version of Node, such as `24.1.0`. */
  readonly nodeVersion: string;
}

interface DoctorOptions {
  readonly config: string;
  readonly connect?: true;
  readonly local?: true;
  readonly deadline: string;
  readonly json?: true;
}

/** Longest time for one question to AWS. */
const QUESTION_MS = 15_000;

/** `headgate doctor`: looks at an account before something is deployed to it. */
export function createDoctorCommand(deps: DoctorDeps, configFile: string): Command {
  const { terminal, loadConfig, openAccount, isLocal, nodeVersion } = deps;

  async function examine(options: DoctorOptions): Promise<void> {
    const limitMs = parseDeadline(options.deadline);
    if (options.local && !isLocal)
      throw new UsageError(
        '--local is for an emulator on this machine: set AWS_ENDPOINT_URL as "npm start" or "npm run cloud" prints it',
      );
    const config = await loadConfig(options.config);
    const account = openAccount();
    let checks: readonly AccountFinding[];
    try {
      const needs = planNeeds(config);
      checks = await examineAccount({ account, needs, nodeVersion, isLocal, limitMs: QUESTION_MS });
    } finally {
      account.close();
    }
    if (!options.json) terminal.out(showChecks(checks));
    const sources = options.connect ? await checkConfig(deps, config, [], limitMs) : undefined;
    if (options.json) terminal.out(JSON.stringify({ checks, ...(sources && { sources }) }));
    else if (sources !== undefined && sources.length > 0) {
      terminal.out(toText(sources));
      terminal.err(whereChecked());
    }
    const bad = [
      ...checks.filter(({ status }) => status === 'error').map(({ code }) => code),
      ...(sources ?? []).filter(({ ok }) => !ok).map(({ source }) => `source ${source}`),
    ];
    if (bad.length > 0) throw new CommandError(`not ready: ${bad.join(', ')}`);
  }

  return new Command('doctor')
    .description(
      'Look at the account before you deploy: credentials, bootstrapping, quotas, names, permissions. Nothing is changed; ' +
        'the exit code is 1 if something would not work',
    )
    .option('--config <path>', 'configuration file', configFile)
    .option('--connect', 'look at what the sources read too, as headgate validate --connect does')
    .option(
      '--local',
      'make sure that it is an emulator on this machine (AWS_ENDPOINT_URL) that is looked at',
    )
    .option('--deadline <duration>', 'with --connect: longest time for one source', DEFAULT_DEADLINE)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ headgate doctor\n  $ headgate doctor --connect --json')
    .action(examine);
}

/** One row per check, and what to do below. */
function showChecks(checks: readonly AccountFinding[]): string {
  const table = new Table({
    head: ['check', 'state', 'found'],
    style: { head: [], border: [] },
    colWidths: [null, null, 90],
    wordWrap: true,
  });
  table.push(...checks.map(({ code, status, found }) => [code, status, found]));
  const next = checks.flatMap(({ code, status, next: advice }) =>
    advice === undefined || status === 'ok' ? [] : [`${code}: ${advice}`],
  );
  return [table.toString(), ...next].join('\n');
}
