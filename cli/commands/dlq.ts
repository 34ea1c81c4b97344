import { randomUUID } from 'node:crypto';
import Table from 'cli-table3';
import { Command } from 'commander';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { HeadgateError, RejectedError } from '../../shared/domain/errors.ts';
import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import { replayDelivery } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { StayingRow } from '../../shared/pipeline/replay/quarantine-candidates.ts';
import { replayQuarantine } from '../../shared/pipeline/replay/replay-quarantine.ts';
import type { OpenReplay, ReplayDeps } from '../open-replay.ts';
import { CommandError, UsageError, type Terminal } from '../terminal.ts';

export interface DlqDeps extends ReplayDeps {
  readonly terminal: Terminal;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
}

interface ReplayOptions {
  readonly config: string;
  readonly source?: string;
  readonly json?: true;
}

/** What became of one object. */
interface ReplayedObject {
  readonly key: string;
  /** `done`: nothing of it is left to replay. `left`: rows stay, see `problems`. `failed`: see `problems`. */
  readonly status: 'done' | 'left' | 'failed';
  readonly landed: number;
  readonly duplicates: number;
  /** Records that went to a new quarantine file. */
  readonly quarantined: number;
  /** Stream records, or rows, that were in the lake or done before. */
  readonly alreadyDone: number;
  /** Rows that stay in quarantine. */
  readonly staying: number;
  readonly problems: readonly string[];
}

const PARKED = 'aws/lambda/';
const QUARANTINE = 'quarantine/';
/** Problems of one object that a table shows. */
const SHOWN_PROBLEMS = 5;

/** `headgate dlq`: what did not land. */
export function createDlqCommand(
  { terminal, loadConfig, openReplay, progress }: DlqDeps,
  configFile: string,
): Command {
  async function replay(names: readonly string[], options: ReplayOptions): Promise<void> {
    for (const name of names) {
      if (name.startsWith(PARKED) || name.startsWith(QUARANTINE)) continue;
      throw new UsageError(
        `${JSON.stringify(name)} is neither a parked delivery (${PARKED}…) nor in the quarantine (${QUARANTINE}…)`,
      );
    }
    const config = await loadConfig(options.config);
    if (options.source !== undefined && config.sources[options.source] === undefined) {
      throw new UsageError(
        `--source ${options.source} is not declared in ${options.config}; there are: ${Object.keys(config.sources).join(', ')}`,
      );
    }
    const lake = await openReplay(config);
    try {
      const keys = await findKeys(lake, names);
      const results: ReplayedObject[] = [];
      for (const [i, key] of keys.entries()) {
        progress.update(i, keys.length, key);
        results.push(await replayObject(lake, key, options.source));
      }
      progress.stop();
      terminal.out(options.json ? JSON.stringify(results) : toText(results));
      const open = results.filter(({ status }) => status !== 'done').length;
      if (open > 0) {
        throw new CommandError(
          `${String(open)} of ${String(results.length)} objects are not done; mend what is named above and replay them again`,
        );
      }
    } finally {
      progress.stop();
      await lake.close();
    }
  }

  const command = new Command('dlq').description('What did not land: parked deliveries and the quarantine');
  command
    .command('replay')
    .description(
      'Land parked deliveries and quarantined records under their original identity; safe to repeat',
    )
    .argument('<key...>', `keys or prefixes in the lake bucket: ${PARKED}… or ${QUARANTINE}…`)
    .option('--source <name>', 'source that records of unknown source belong to')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate dlq replay aws/lambda/\n  $ headgate dlq replay quarantine/orders/reason=CONTRACT/',
    )
    .action(replay);
  return command;
}

async function findKeys({ list, bucket }: OpenReplay, names: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const name of names) {
    const keys = await list(name);
    if (keys.length === 0)
      throw new CommandError(`there is no object that begins with s3://${bucket}/${name}`);
    // A whole key names one object, also where another one begins with it.
    for (const key of keys.includes(name) ? [name] : keys) found.add(key);
  }
  return [...found].sort();
}

/** One object that cannot be replayed does not keep the others back. */
async function replayObject(
  lake: OpenReplay,
  key: string,
  source: string | undefined,
): Promise<ReplayedObject> {
  const options = { owner: `operator ${randomUUID()}`, deadlineMs: Number.MAX_SAFE_INTEGER };
  try {
    if (key.startsWith(PARKED)) {
      const delivery = parseParkedDelivery((await lake.read(key)) ?? new Uint8Array());
      assertOwnFunction(delivery.functionArn, lake.streamFunction);
      const { alreadyLanded, counts } = await replayDelivery(lake.engine, delivery, options);
      return toResult(key, counts, alreadyLanded, []);
    }
    const { alreadyDone, stillViolating, counts } = await replayQuarantine(lake.engine, key, {
      ...options,
      ...(source !== undefined && { source }),
    });
    return toResult(key, counts, alreadyDone, stillViolating);
  } catch (error) {
    // Whatever is denied or down is so for the other objects too.
    if (!(error instanceof HeadgateError) || error.disposition !== 'reject') throw error;
    return { ...toResult(key, new Map(), 0, []), status: 'failed', problems: [error.message] };
  }
}

/** A delivery of another function says nothing about what this deployment has landed. */
function assertOwnFunction(functionArn: string, streamFunction: string | undefined): void {
  const name = functionArn.split(':')[6];
  if (name !== undefined && name === streamFunction) return;
  throw new RejectedError(
    'REPLAY_FOREIGN',
    `the delivery was given up by function ${functionArn}, and this deployment's is ` +
      `${streamFunction ?? 'none, because no source has a stream'}; replay it with the configuration (--config) that it belongs to`,
  );
}

function toResult(
  key: string,
  counts: Awaited<ReturnType<typeof replayDelivery>>['counts'],
  alreadyDone: number,
  staying: readonly StayingRow[],
): ReplayedObject {
  const sum = (name: 'landed' | 'duplicates' | 'quarantined'): number =>
    [...counts.values()].reduce((total, count) => total + count[name], 0);
  return {
    key,
    status: staying.length === 0 ? 'done' : 'left',
    landed: sum('landed'),
    duplicates: sum('duplicates'),
    quarantined: sum('quarantined'),
    alreadyDone,
    staying: staying.length,
    problems: staying.map(({ number, problems }) => `row ${String(number)}: ${problems.join('; ')}`),
  };
}

function toText(results: readonly ReplayedObject[]): string {
  const table = new Table({
    head: ['object', 'status', 'landed', 'duplicates', 'quarantined again', 'done before', 'staying'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  table.push(
    ...results.map((result) => [
      result.key,
      result.status,
      result.landed,
      result.duplicates,
      result.quarantined,
      result.alreadyDone,
      result.staying,
    ]),
  );
  const problems = results.flatMap(({ key, problems: all }) => {
    if (all.length === 0) return [];
    const more = all.length - SHOWN_PROBLEMS;
    const rest = more > 0 ? [`  … and ${String(more)} more; --json shows all`] : [];
    return [key, ...all.slice(0, SHOWN_PROBLEMS).map((problem) => `  ${problem}`), ...rest];
  });
  return [table.toString(), ...problems].join('\n');
}
