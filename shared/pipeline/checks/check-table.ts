import type { DatabaseSourceConfig } from '../../config/schema.ts';
import { findingOf, findingOfFailure, type Finding } from '../../domain/checks/finding.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TableDescription, TableRead, TableSource } from '../../ports/table-source.ts';

export interface TableCheckDeps {
  readonly source: Source<DatabaseSourceConfig>;
  readonly table: TableSource;
  readonly clock: Clock;
  /** When the check must be over, ms since the epoch. */
  readonly deadlineMs: number;
  /** An address of the database's host that only its own network reaches; undefined where there is none. */
  readonly privateAddress: () => Promise<string | undefined>;
}

/** Transactions are open for seconds; one that is open for so long was forgotten. */
const LONG_OPEN_MS = 3_600_000;
/** Up to so many rows, looking for the first one by cursor is cheap without an index too. */
const CHEAP_ROWS = 1_000_000;

/**
 * Looks at a table as a run would: it is described, its horizon is read where one is needed, and its first row is read
 * the way that rows are read. Nothing is written, and nothing is read twice as costly as a run that finds nothing.
 */
export async function checkTable(deps: TableCheckDeps): Promise<readonly Finding[]> {
  const { source, table, deadlineMs } = deps;
  let description: TableDescription;
  try {
    description = await table.describe(deadlineMs);
  } catch (error) {
    return [judgeUnreachable(source.config, findingOfFailure(error))];
  }
  const findings = await checkAddress(deps);
  findings.push(...judgeWarnings(source.config, description));
  findings.push(...(await checkHorizon(deps)));
  findings.push(...(await checkFirstRow(deps, description)));
  return distinctCodes(findings);
}

/** From outside of its network a database cannot be judged. */
function judgeUnreachable({ connection }: DatabaseSourceConfig, finding: Finding): Finding {
  if (finding.code !== 'DB_UNREACHABLE' || connection.network === undefined) return finding;
  return {
    ...finding,
    level: 'warning',
    message:
      `${finding.message}. The function stands in the network of \`connection.network\`, and this machine may not: ` +
      'run the check on a machine in it',
  };
}

async function checkAddress({ source, privateAddress }: TableCheckDeps): Promise<Finding[]> {
  if (source.config.connection.network !== undefined) return [];
  const address = await privateAddress();
  if (address === undefined) return [];
  return [
    findingOf(
      'DB_PRIVATE_ADDRESS',
      `\`connection.host\` has the address ${address}, which is not reached from the internet: this machine does, and the ` +
        'function will not. Set `connection.network` to subnets and security groups of the VPC that the database is in',
    ),
  ];
}

/** Whether rows are followed by a cursor, which needs a key that is unique. */
const isFollowed = ({ incremental, changeLog }: DatabaseSourceConfig): boolean =>
  incremental !== undefined || (changeLog !== undefined && changeLog.processed === undefined);

function judgeWarnings(config: DatabaseSourceConfig, { warnings }: TableDescription): readonly Finding[] {
  return warnings.map(({ code, message }): Finding => {
    const finding = findingOf(code, message);
    return code === 'DB_KEY_NOT_UNIQUE' && isFollowed(config) ? { ...finding, level: 'error' } : finding;
  });
}

/** Whether it can be seen how far reading may go. */
async function checkHorizon({
  source: { config },
  table,
  clock,
  deadlineMs,
}: TableCheckDeps): Promise<readonly Finding[]> {
  if (!isFollowed(config) || config.incremental?.lookback !== undefined) return [];
  try {
    const { oldestOpenMs } = await table.readHorizon({ former: undefined, deadlineMs });
    const nowMs = clock.nowMs();
    if (oldestOpenMs === undefined || nowMs - oldestOpenMs < LONG_OPEN_MS) return [];
    const since = new Date(oldestOpenMs).toISOString();
    return [
      findingOf(
        'DB_HELD_BACK',
        `a transaction has been open since ${since}: rows that were written after it began wait for its end, because it ` +
          'may still commit earlier ones. End it, or set `incremental.lookback`',
      ),
    ];
  } catch (error) {
    return [findingOfFailure(error)];
  }
}

/** The first row, read as runs read: columns, types and permissions are those of the real statement. */
async function checkFirstRow(
  deps: TableCheckDeps,
  description: TableDescription,
): Promise<readonly Finding[]> {
  try {
    for await (const batch of deps.table.read({ ...planFirstRead(deps, description), maxRows: 1 }))
      if (batch.rows.rows > 0) return [];
    return [];
  } catch (error) {
    const finding = findingOfFailure(error);
    // The deadline here is shorter than that of a run.
    return [finding.code === 'DB_TIMEOUT' ? { ...finding, level: 'warning' } : finding];
  }
}

function planFirstRead(
  { source: { config }, deadlineMs }: TableCheckDeps,
  { warnings, estimatedRows }: TableDescription,
): TableRead {
  if (config.changeLog?.processed !== undefined) return { unprocessed: true, deadlineMs };
  const isIndexed = config.query === undefined && !warnings.some(({ code }) => code === 'DB_CURSOR_NO_INDEX');
  // Sorting a large table for one row is left to the runs.
  if (!isFollowed(config) || !(isIndexed || (estimatedRows ?? Infinity) <= CHEAP_ROWS)) return { deadlineMs };
  const start = config.incremental?.initialValue;
  const from = start === undefined ? undefined : { cursor: start, key: undefined };
  return { cursor: { from, until: undefined }, deadlineMs };
}

/** What two steps have met is said once. */
function distinctCodes(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ code }, i) => findings.findIndex((other) => other.code === code) === i);
}
