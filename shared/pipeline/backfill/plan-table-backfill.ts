import { parseColumnType } from '../../domain/column-type.ts';
import { BlockedError } from '../../domain/errors.ts';
import { parseDurationMs, toMs } from '../../config/units.ts';
import type { DatabaseSourceConfig } from '../../config/schema.ts';
import type { Source } from '../../domain/source.ts';
import { parseTablePosition } from '../../domain/table-position.ts';
import type { Backfill } from '../../domain/backfill.ts';
import type { TableSource } from '../../ports/table-source.ts';
import { backfillRange, countWindows, type BackfillPlan } from './backfill-mode.ts';

/** How far an `incremental.lookback` is trusted: a reading that takes longer than this begins that much earlier the next time. */
const LOOKBACK_MARGIN_MS = 86_400_000;
const DAY_MS = 86_400_000;

const TIMES: ReadonlySet<string> = new Set(['date', 'timestamp', 'local-timestamp']);

type Order = Pick<TableSource, 'before' | 'compare'>;

/**
 * Decides what a backfill reads.
 *
 * It ends where the source's own runs have come to: they never go back behind that, and everything before it was final
 * when they passed it. So a row in the range is read by the backfill alone, and what the runs landed of it before is in
 * the lake: nothing lands twice however they run beside each other.
 *
 * @param position of the source's own lane
 * @throws BlockedError with code `BACKFILL_RANGE`, with what is allowed
 */
export function planTableBackfill(
  source: Source<DatabaseSourceConfig>,
  order: Order,
  { from, to, step }: Backfill['asked'],
  position: string | undefined,
): BackfillPlan {
  requireStep(source, step);
  const start = canonical(source, order, 'from', from);
  const asked = canonical(source, order, 'to', to);
  const limit = reachedBy(source, order, position);
  const end = order.compare(asked, limit) > 0 ? limit : asked;
  if (order.compare(start, end) >= 0) {
    throw backfillRange(
      source,
      order.compare(start, asked) >= 0
        ? `--from ${from} is not before --to ${to}`
        : `the source's own runs have not come beyond ${limit}, and read everything after it themselves; ask for a range before it`,
    );
  }
  const windows = countWindows(
    source,
    step,
    (window) => order.compare(tableWindowStart(source, order, { from: start, step }, window), end) < 0,
  );
  return { from: start, to: end, windows };
}

/** First cursor value of a window. */
export function tableWindowStart(
  source: Source<DatabaseSourceConfig>,
  order: Order,
  { from, step }: { readonly from: string; readonly step: string },
  window: number,
): string {
  if (isTime(source)) return order.before(from, -window * toMs(step));
  return String(BigInt(from) + BigInt(window) * BigInt(step));
}

function requireStep(source: Source<DatabaseSourceConfig>, step: string): void {
  const { incremental, columns } = source.config;
  if (!isTime(source)) {
    if (/^[1-9]\d*$/.test(step)) return;
    throw backfillRange(
      source,
      `--window ${JSON.stringify(step)} must be a whole number of cursor values, such as 100000`,
    );
  }
  const unitMs = columns[incremental?.cursor ?? ''] === 'date' ? DAY_MS : 1;
  const stepMs = parseDurationMs(step);
  if (stepMs !== undefined && stepMs > 0 && stepMs % unitMs === 0) return;
  throw backfillRange(
    source,
    `--window ${JSON.stringify(step)} must be a duration such as ${unitMs === 1 ? '"6 hours" or ' : ''}"1 day"`,
  );
}

/** A bound as the database writes it. */
function canonical(
  source: Source<DatabaseSourceConfig>,
  order: Order,
  option: 'from' | 'to',
  text: string,
): string {
  try {
    if (isTime(source)) return order.before(text, 0);
    return String(BigInt(text));
  } catch (cause) {
    const { incremental, columns } = source.config;
    const column = incremental?.cursor ?? '';
    throw new BlockedError(
      'BACKFILL_RANGE',
      `--${option} ${JSON.stringify(text)} is no value of ${column}, which is ${columns[column] ?? 'not declared'}: ${isTime(source) ? 'give a date or a time, such as 2025-01-31 or "2025-01-31 08:00:00"' : 'give a whole number'}`,
      { cause },
    );
  }
}

/** Everything before this cursor value is passed by the source's own runs for good. */
function reachedBy(source: Source<DatabaseSourceConfig>, order: Order, position: string | undefined): string {
  const { incremental, changeLog } = source.config;
  if (incremental === undefined) throw backfillRange(source, notIncremental(changeLog));
  const { initialValue, lookback } = incremental;
  const start = initialValue === undefined ? undefined : canonical(source, order, 'from', initialValue);
  const reached = lookback === undefined ? placeOf() : highestOf(lookback);
  const later =
    start !== undefined && reached !== undefined && order.compare(start, reached) > 0 ? start : reached;
  const limit = later ?? start;
  if (limit !== undefined) return limit;
  throw backfillRange(
    source,
    'its first run has not landed anything yet, and reads everything by itself; there is nothing to backfill',
  );

  function placeOf(): string | undefined {
    return parseTablePosition(source.name, 'cursor', position)?.place?.cursor;
  }

  /** Runs read again a look-back behind the highest cursor, and more if reading takes long. */
  function highestOf(text: string): string | undefined {
    const known = parseTablePosition(source.name, 'lookback', position);
    if (known?.floor !== undefined) return known.floor;
    if (known?.highest === undefined || known.swept === undefined) return undefined;
    const behind = order.before(known.highest, toMs(text) + known.swept.forMs + LOOKBACK_MARGIN_MS);
    if (known.sweep === undefined) return behind;
    const at = known.sweep.place.cursor;
    return order.compare(behind, at) < 0 ? behind : at;
  }
}

function notIncremental(changeLog: DatabaseSourceConfig['changeLog']): string {
  if (changeLog === undefined)
    return 'it is not read incrementally: every run reads all of it, there is nothing to backfill';
  return changeLog.processed === undefined
    ? `it follows a change log by ${changeLog.id}; move its checkpoint back instead: headgate checkpoint set`
    : `it reads the entries of a change log that ${changeLog.processed} is false of; set it to false for those that are to be read again`;
}

function isTime({ config }: Source<DatabaseSourceConfig>): boolean {
  const type = config.columns[config.incremental?.cursor ?? ''] ?? '';
  return TIMES.has(type) && parseColumnType(type) !== undefined;
}
