import {
  compareCursors,
  cursorAtMs,
  cursorTimeMs,
  isCursor,
  isTimeKind,
  type CursorKind,
} from './pull-cursor.ts';

/*
 * Reading a long range window by window. A window that is closed (it ended so long ago that nothing can appear in it any
 * more) is done with once it has been listed, whatever was found, and the cursor moves to its end. The last window, up to
 * now, moves the cursor only to values that were found: clocks differ, and records may still appear.
 */

/** Which part of a source a listing asks for, beside where it begins. */
export interface ListingRange {
  /** Where it ends; undefined where no end is asked for. */
  readonly until: string | undefined;
  readonly isClosed: boolean;
}

/** Everything from the beginning on. */
export const OPEN_RANGE: ListingRange = { until: undefined, isClosed: false };

export interface WindowRules {
  readonly kind: CursorKind;
  /** How long after its time a record may appear. */
  readonly lookbackMs: number;
  /** Longest range of one listing; undefined: up to now at once. */
  readonly windowMs: number | undefined;
}

/** How far the source's clock may be behind ours. */
const SKEW_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

/**
 * The range of a listing that begins at a cursor value.
 *
 * @param anchor where it begins, inclusive
 * @param nowMs when it begins, ms since the epoch
 */
export function planRange(
  anchor: string | undefined,
  nowMs: number,
  { kind, lookbackMs, windowMs }: WindowRules,
): ListingRange {
  if (!isTimeKind(kind)) return OPEN_RANGE;
  if (windowMs !== undefined && anchor !== undefined && isCursor(kind, anchor)) {
    const endMs = cursorTimeMs(kind, anchor) + windowMs;
    const until = endMs <= nowMs - lookbackMs - SKEW_MS ? cursorAtMs(kind, endMs) : undefined;
    // A window that does not get ahead would be read for ever.
    if (until !== undefined && compareCursors(kind, until, anchor) > 0) return { until, isClosed: true };
  }
  // An API may take the end as exclusive, and today must not wait until it is over.
  return { until: cursorAtMs(kind, kind.kind === 'date' ? nowMs + DAY_MS : nowMs), isClosed: false };
}
