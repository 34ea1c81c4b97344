import { createCursorOrder } from '../../shared/adapters/database/cursor-order.ts';
import type { DatabaseSourceConfig, PulledSourceConfig } from '../../shared/config/schema.ts';
import type { Backfill } from '../../shared/domain/backfill.ts';
import { isBackfilled, type MissingRows, type SourceCount } from '../../shared/domain/source-count.ts';
import { countOf, parseTablePosition } from '../../shared/domain/table-position.ts';
import { toContract } from '../../shared/domain/to-contract.ts';

/** What is known of the rows that the source has and the lake should have. */
export interface ProbeStatus {
  /** `missing`: rows were passed over; `failed`: they could not be counted. */
  readonly state: 'even' | 'missing' | 'failed' | 'waiting' | 'not-probed';
  /** Rows that were passed over. */
  readonly missing: number;
  /** For people, with what to do. */
  readonly text: string;
}

const TIMES: ReadonlySet<string> = new Set(['date', 'timestamp', 'local-timestamp']);

/** What counting at the source has come to. */
export function probeStatus(
  name: string,
  source: PulledSourceConfig,
  position: string | undefined,
  backfill: Backfill | undefined,
): ProbeStatus {
  switch (source.type) {
    case 'http':
      return notProbed('an API does not say how many records it has');
    case 'files':
      return notProbed('each run compares the objects that are listed with those that have landed');
    case 'postgres':
    case 'mysql':
      break;
  }
  const { probe, incremental, changeLog } = source;
  if (probe === false) return notProbed('probe is false');
  if (changeLog?.processed !== undefined)
    return notProbed(`an entry is read until ${changeLog.processed} is true, so none is passed over`);
  if (incremental === undefined && changeLog === undefined) return extractStatus(name, position, probe.every);
  const count = countOf(position);
  if (count === undefined) return waiting(probe.every);
  const missing = stillMissing(source, count, backfill);
  if (missing !== undefined)
    return { state: 'missing', missing: missing.rows, text: missingText(name, source, missing) };
  return { missing: 0, ...lastText(source, count, probe.every) };
}

function notProbed(why: string): ProbeStatus {
  return { state: 'not-probed', missing: 0, text: `not probed: ${why}` };
}

function waiting(every: string): ProbeStatus {
  return { state: 'waiting', missing: 0, text: `rows are counted at the source every ${every}; not yet` };
}

function extractStatus(name: string, position: string | undefined, every: string): ProbeStatus {
  const { counted } = parseTablePosition(name, 'extract', position) ?? {};
  if (counted === undefined) return waiting(every);
  return {
    state: 'even',
    missing: 0,
    text: `the extract of ${toTime(counted.atMs)} has all ${String(counted.rows)} rows that the database counted in its snapshot`,
  };
}

function lastText(
  { changes }: DatabaseSourceConfig,
  { last }: SourceCount,
  every: string,
): Pick<ProbeStatus, 'state' | 'text'> {
  if (last === undefined) return waiting(every);
  const { atMs, known, found, problem } = last;
  if (problem !== undefined) {
    return {
      state: 'failed',
      text: `rows could not be counted at the source at ${toTime(atMs)}: ${problem}; an index on the cursor and the key, or a shorter probe.every, makes it quicker`,
    };
  }
  const gone = known - found;
  const less = changes === 'append' ? 'were deleted there' : 'were changed or deleted there';
  return {
    state: 'even',
    text:
      `at ${toTime(atMs)} the source had ${String(found)} of ${String(known)} rows that were read` +
      (gone > 0 ? `; ${String(gone)} ${less} since` : ''),
  };
}

function stillMissing(
  source: DatabaseSourceConfig,
  { missing }: SourceCount,
  backfill: Backfill | undefined,
): MissingRows | undefined {
  const column = source.incremental?.cursor ?? source.changeLog?.id;
  const type = toContract(source.contract.schema).columns.find((one) => one.name === column)?.type;
  if (missing === undefined || type === undefined) return missing;
  return isBackfilled(missing, backfill, createCursorOrder(type).compare) ? undefined : missing;
}

function missingText(
  name: string,
  source: DatabaseSourceConfig,
  { rows, from, to, atMs }: MissingRows,
): string {
  const { incremental, columns, changes } = source;
  const many = changes === 'append' ? String(rows) : `at least ${String(rows)}`;
  const found = `${many} rows of the source were passed over, between ${from} and ${to} (found at ${toTime(atMs)}): they became visible after they had been read past`;
  if (incremental === undefined)
    return `${found}. Have them read, and land again what has landed since: headgate checkpoint set ${name} ${quote(from)}`;
  const isTime = TIMES.has(columns[incremental.cursor] ?? '');
  const window = isTime ? '' : ` --window ${String(BigInt(to) - BigInt(from.split('.')[0] ?? ''))}`;
  const longer =
    incremental.lookback === undefined
      ? ''
      : `, and declare an incremental.lookback that is longer than the longest transaction (now ${incremental.lookback})`;
  return `${found}. Have them read: headgate backfill ${name} --from ${quote(from)} --to ${quote(to)}${window}${longer}`;
}

const quote = (text: string): string => (/^[\w.-]+$/.test(text) ? text : `"${text}"`);
const toTime = (ms: number): string => new Date(ms).toISOString();
