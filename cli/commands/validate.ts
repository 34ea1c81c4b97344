import Table from 'cli-table3';
import { Command } from 'commander';
import { deletesNote } from '../../shared/config/deletes-note.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import type { ChecksDeps } from '../open-checks.ts';
import { isPulled } from '../pull/pulled-source.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { checkConfig, DEFAULT_DEADLINE, parseDeadline, toText, whereChecked } from './check-report.ts';

interface ValidateOptions {
  readonly connect?: true;
  readonly source?: readonly string[];
  readonly deadline: string;
  readonly json?: true;
}

function describe([name, source]: [string, SourceConfig]): {
  source: string;
  type: string;
  freshness: string;
  key: readonly string[];
  eventTime: string | null;
  partition: string;
  columns: number;
  contract: string;
  deletes: string | null;
} {
  const contract = toContract(source.contract.schema);
  return {
    source: name,
    type: source.type,
    freshness: source.freshness,
    key: source.key,
    eventTime: source.eventTime?.path ?? null,
    partition: source.partition,
    columns: contract.columns.length,
    contract: contract.version,
    deletes: isPulled(source) ? deletesNote(source).text : null,
  };
}

/** `headgate validate`: checks a configuration and shows its sources; with `--connect`, what is behind them too. */
export function createValidateCommand(deps: ChecksDeps, configFile: string): Command {
  const { terminal, loadConfig } = deps;

  async function connect(file: string, options: ValidateOptions): Promise<void> {
    const limitMs = parseDeadline(options.deadline);
    const checked = await checkConfig(deps, await loadConfig(file), options.source ?? [], limitMs);
    if (options.json) terminal.out(JSON.stringify(checked));
    else if (checked.length === 0)
      terminal.err(`${file} declares no source that depends on something outside.`);
    else {
      terminal.out(toText(checked));
      terminal.err(whereChecked());
    }
    const bad = checked.filter(({ ok }) => !ok);
    if (bad.length > 0)
      throw new CommandError(`would not work: ${bad.map(({ source }) => source).join(', ')}`);
  }

  async function show(file: string, asJson: boolean): Promise<void> {
    const sources = Object.entries((await loadConfig(file)).sources).map(describe);
    if (asJson) {
      terminal.out(JSON.stringify({ valid: true, sources }));
      return;
    }
    const table = new Table({
      head: ['source', 'type', 'freshness', 'key', 'event time', 'partition', 'columns', 'contract'],
      style: { head: [], border: [] },
    });
    table.push(
      ...sources.map((row) => [
        row.source,
        row.type,
        row.freshness,
        row.key.join(', '),
        row.eventTime ?? '(receipt)',
        row.partition,
        row.columns,
        row.contract,
      ]),
    );
    terminal.out(table.toString());
    for (const { source, deletes } of sources) if (deletes !== null) terminal.out(`${source}: ${deletes}`);
  }

  return new Command('validate')
    .description(
      'Check a configuration and show its sources; every problem is listed. With --connect, look at the databases, APIs ' +
        'and files behind them as well; the exit code is 1 if one would not work',
    )
    .argument('[config]', 'configuration file', configFile)
    .option('--connect', 'connect to what the sources read, as their functions would; nothing is changed')
    .option('--source <names...>', 'with --connect: only these sources')
    .option('--deadline <duration>', 'with --connect: longest time for one source', DEFAULT_DEADLINE)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate validate headgate.config.ts\n  $ headgate validate --connect --source orders invoices',
    )
    .action(async (file: string, options: ValidateOptions) => {
      if (options.connect) await connect(file, options);
      else if (options.source !== undefined)
        throw new UsageError('--source needs --connect: without it the whole configuration is checked');
      else await show(file, options.json === true);
    });
}
