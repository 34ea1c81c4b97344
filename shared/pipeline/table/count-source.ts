import { toMs } from '../../config/units.ts';
import { backfillLane, parseBackfill } from '../../domain/backfill.ts';
import { HeadgateError } from '../../domain/errors.ts';
import {
  afterCount,
  afterFailedCount,
  isBackfilled,
  isCountDue,
  mergeMissing,
  missingOf,
  type Edge,
  type Found,
  type MissingRows,
  type SourceCount,
} from '../../domain/source-count.ts';
import type { Followed } from '../../domain/table-position.ts';
import { COMMIT_RESERVE_MS, type TableReaderDeps } from './table-reader.ts';

type CountDeps = Pick<TableReaderDeps, 'source' | 'table' | 'ledger' | 'clock' | 'telemetry' | 'deadlineMs'>;

/** How long the database may count. */
const MAX_COUNT_MS = 120_000;
/** With less time left counting is for the next run. */
const LEAST_MS = 30_000;
const DAY_MS = 86_400_000;

/** Whether rows of a source are counted at the source. */
export const isCounted = ({ source }: Pick<CountDeps, 'source'>): boolean => source.config.probe !== false;

/**
 * Counts the rows of the stretches at the source, when it is time to.
 *
 * @param end where the open stretch ends: rows before it are not read any more
 * @returns what is known then, to be committed; undefined when it is not time to
 */
export async function countWhenDue(
  deps: CountDeps,
  by: Followed,
  count: SourceCount | undefined,
  end: Edge | undefined,
): Promise<SourceCount | undefined> {
  const { source, clock, deadlineMs } = deps;
  const { probe } = source.config;
  if (probe === false || count === undefined || end === undefined) return undefined;
  const nowMs = clock.nowMs();
  if (!isCountDue(count, nowMs, toMs(probe.every))) return undefined;
  if (deadlineMs - COMMIT_RESERVE_MS - nowMs < LEAST_MS) return undefined;
  return await countSource(deps, by, count, end);
}

async function countSource(
  deps: CountDeps,
  by: Followed,
  count: SourceCount,
  end: Edge,
): Promise<SourceCount> {
  const { table, clock, deadlineMs } = deps;
  const { open, closed } = count;
  const untilMs = Math.min(clock.nowMs() + MAX_COUNT_MS, deadlineMs - COMMIT_RESERVE_MS);
  const countRows = (from: Edge | undefined, to: Edge): Promise<number> =>
    table.count({ cursor: { from, to, until: undefined }, deadlineMs: untilMs });
  try {
    const found: Found = {
      // Where it begins a place is known: rows were read up to there.
      closed: closed === undefined || open.from === undefined ? 0 : await countRows(closed.from, open.from),
      open: await countRows(open.from, end),
    };
    const after = afterCount(count, found, end, clock.nowMs());
    const known = await stillMissing(deps, count.missing);
    const missing = await findMissing(deps, by, count, { found, end });
    return { ...after, missing: missing.reduce(merge, known) };
  } catch (error) {
    if (!(error instanceof HeadgateError) || error.code !== 'DB_TIMEOUT') throw error;
    return afterFailedCount(count, end, clock.nowMs(), error.message);
  }

  function merge(known: MissingRows | undefined, found: MissingRows): MissingRows {
    return mergeMissing(known, found, (a, b) => table.compare(a, b));
  }
}

/** What was found before, unless a backfill has mended it. */
async function stillMissing(
  { source, table, ledger }: CountDeps,
  missing: MissingRows | undefined,
): Promise<MissingRows | undefined> {
  if (missing === undefined) return undefined;
  const { position } = await ledger.read(backfillLane(source.name));
  const backfill = parseBackfill(source.name, position);
  return isBackfilled(missing, backfill, (a, b) => table.compare(a, b)) ? undefined : missing;
}

/** Says with each run that rows are missing for as long as they are, which keeps the alarm up. */
export async function tellMissing(deps: CountDeps, count: SourceCount | undefined): Promise<void> {
  if (!isCounted(deps) || (await stillMissing(deps, count?.missing)) === undefined) return;
  deps.telemetry.count('CriticalFindings', deps.source.name, 1);
}

/** The stretches that have more rows than are known, as a backfill is asked for them. */
async function findMissing(
  { table, clock, deadlineMs }: CountDeps,
  by: Followed,
  count: SourceCount,
  { found, end }: { readonly found: Found; readonly end: Edge },
): Promise<MissingRows[]> {
  const { open, closed } = count;
  const missing = missingOf(count, found);
  const all: MissingRows[] = [];
  const add = async (rows: number, from: Edge | undefined, to: Edge): Promise<void> => {
    if (rows === 0) return;
    const start = from?.cursor ?? (await firstCursor()) ?? to.cursor;
    all.push({ rows, from: start, to: after(to), atMs: clock.nowMs() });
  };
  if (open.from !== undefined) await add(missing.closed, closed?.from, open.from);
  await add(missing.open, open.from, end);
  return all;

  async function firstCursor(): Promise<string | undefined> {
    const rows = table.read({
      cursor: { from: undefined, until: undefined },
      maxRows: 1,
      deadlineMs: deadlineMs - COMMIT_RESERVE_MS,
    });
    let first: string | undefined;
    for await (const { last } of rows) first ??= last?.cursor;
    return first;
  }

  /** A value that all rows before the edge are below. */
  function after({ cursor, key }: Edge): string {
    if (key === undefined) return cursor;
    switch (by.type) {
      case 'date':
        return table.before(cursor, -DAY_MS);
      case 'timestamp':
      case 'local-timestamp':
        return table.before(cursor, -1);
      default:
        return String(BigInt(cursor.split('.')[0] ?? '') + 1n);
    }
  }
}

/** Says what a count has come to, once it is committed. */
export function tellCount(
  { source, telemetry }: CountDeps,
  before: SourceCount | undefined,
  after: SourceCount,
): void {
  const { last, missing } = after;
  if (last === undefined || last.atMs === before?.last?.atMs) return;
  const { known, found, problem } = last;
  if (problem !== undefined) {
    telemetry.log('warn', 'rows could not be counted at the source', { source: source.name, error: problem });
    return;
  }
  if (last.missing === 0 || missing === undefined) {
    telemetry.log('info', 'rows were counted at the source', { source: source.name, known, found });
    return;
  }
  telemetry.count('CriticalFindings', source.name, 1);
  telemetry.count('MissingRecords', source.name, last.missing);
  telemetry.count('CriticalFindings', source.name, 1);
  telemetry.log('error', 'the source has rows that were passed over', {
    source: source.name,
    ...{ known, found, missing: last.missing, from: missing.from, to: missing.to },
    next: `npx headgate status ${source.name} says how to have them read`,
  });
}
