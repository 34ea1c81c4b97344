import type { PagedSourceConfig } from '../../config/schema.ts';
import { parseDurationMs, toMs } from '../../config/units.ts';
import type { Backfill } from '../../domain/backfill.ts';
import type { BlockedError } from '../../domain/errors.ts';
import { isDate, isDateTime } from '../../domain/formats.ts';
import {
  compareCursors,
  cursorAtMs,
  cursorTimeMs,
  isCursor,
  isTimeKind,
  type CursorKind,
} from '../../domain/pull-cursor.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { parsePosition } from '../../domain/pull-position.ts';
import type { Source } from '../../domain/source.ts';
import { incrementalOf, type Incremental } from '../pull/incremental-of.ts';
import { backfillRange, countWindows, type BackfillPlan } from './backfill-mode.ts';

const DAY_MS = 86_400_000;

type PagedSource = Source<PagedSourceConfig>;

/**
 * Decides what a backfill of an API reads.
 *
 * It ends where the next run of the source itself begins to read, look-back included: runs never go back behind that. So no
 * run meets a record of the range, and takes it for a duplicate of one that a backfill has only claimed so far.
 *
 * @param position of the source's own lane
 * @throws BlockedError with code `BACKFILL_RANGE`, with what is allowed
 */
export function planPullBackfill(
  source: PagedSource,
  { from, to, step }: Backfill['asked'],
  position: string | undefined,
): BackfillPlan {
  const incremental = requireIncremental(source);
  const { kind } = incremental;
  const start = canonical(source, kind, 'from', from);
  const asked = canonical(source, kind, 'to', to);
  const limit = reachedBy(source, incremental, position);
  const end = compareCursors(kind, asked, limit) > 0 ? limit : asked;
  if (compareCursors(kind, start, end) >= 0) {
    throw backfillRange(
      source,
      compareCursors(kind, start, asked) >= 0
        ? `--from ${from} is not before --to ${to}`
        : `the source's own runs go on at ${limit}, and read everything from there on themselves; ask for a range before it`,
    );
  }
  if (isReadAtOnce(source.config) || kind.kind === 'text') return { from: start, to: end, windows: 1 };
  requireStep(source, kind, step);
  const windows = countWindows(
    source,
    step,
    (window) => compareCursors(kind, pullWindowStart(source, { from: start, step }, window), end) < 0,
  );
  return { from: start, to: end, windows };
}

/** Whether each window would list everything from its beginning on: the API takes no end, and has no order to stop by. */
export const isReadAtOnce = ({ incremental }: PagedSourceConfig): boolean =>
  incremental?.endParameter === undefined && incremental?.order !== 'ascending';

/** First cursor value of a window. */
export function pullWindowStart(
  source: PagedSource,
  { from, step }: { readonly from: string; readonly step: string },
  window: number,
): string {
  if (window === 0) return from;
  const { kind } = requireIncremental(source);
  if (isTimeKind(kind)) return cursorAtMs(kind, cursorTimeMs(kind, from) + window * toMs(step));
  return String(BigInt(from) + BigInt(window) * BigInt(step));
}

function requireIncremental(source: PagedSource): Incremental {
  const incremental = incrementalOf(source);
  if (incremental !== undefined) return incremental;
  throw backfillRange(
    source,
    'it has no `incremental`: every run reads all of it, there is nothing to backfill',
  );
}

function requireStep(source: PagedSource, kind: CursorKind, step: string): void {
  if (!isTimeKind(kind)) {
    if (/^[1-9]\d{0,18}$/.test(step)) return;
    throw backfillRange(
      source,
      `--window ${JSON.stringify(step)} must be a whole number of cursor values, such as 100000`,
    );
  }
  const unitMs = kind.kind === 'date' ? DAY_MS : kind.kind === 'number' ? (kind.unitMs ?? 1) : 1;
  const stepMs = parseDurationMs(step);
  if (stepMs !== undefined && stepMs > 0 && stepMs % unitMs === 0) return;
  throw backfillRange(
    source,
    `--window ${JSON.stringify(step)} must be a duration such as ${unitMs === DAY_MS ? '' : '"6 hours" or '}"1 day"`,
  );
}

/** A bound as the source's records write it. */
function canonical(source: PagedSource, kind: CursorKind, option: 'from' | 'to', text: string): string {
  const problem = (allowed: string): BlockedError =>
    backfillRange(
      source,
      `--${option} ${JSON.stringify(text)} is no value of ${source.config.incremental?.cursor ?? ''}, which is a ${kind.kind}: ${allowed}`,
    );
  if (isTimeKind(kind) && !isCursor(kind, text)) {
    const time = isDate(text) ? `${text}T00:00:00Z` : text;
    if (kind.kind === 'date' || !isDateTime(time)) {
      throw problem(
        kind.kind === 'date'
          ? 'give a date, such as 2025-01-31'
          : 'give a date or a time with its offset, such as 2025-01-31 or 2025-01-31T08:00:00Z',
      );
    }
    return kind.kind === 'time' ? time : cursorAtMs(kind, Date.parse(time));
  }
  if (kind.kind === 'number' && !isTimeKind(kind) && !/^-?\d{1,40}$/.test(text))
    throw problem('give a whole number');
  return text;
}

/** From here on the source's own runs read by themselves. */
function reachedBy(
  source: PagedSource,
  { kind, initialValue }: Incremental,
  position: string | undefined,
): string {
  const { since } = parsePosition(pullLane(source.name), position);
  const begin = since ?? initialValue;
  if (!isCursor(kind, begin)) {
    throw backfillRange(
      source,
      'its first run has not landed anything yet, and reads everything by itself; there is nothing to backfill',
    );
  }
  return asAsked(source, kind, begin);
}

/** Where an API that takes days or seconds really begins to read. */
function asAsked({ config }: PagedSource, kind: CursorKind, value: string): string {
  const format = config.incremental?.format;
  const unitMs = format === 'date' ? DAY_MS : format === 'epoch-seconds' ? 1000 : 1;
  if (unitMs === 1 || !isTimeKind(kind)) return value;
  return cursorAtMs(kind, Math.floor(cursorTimeMs(kind, value) / unitMs) * unitMs);
}
