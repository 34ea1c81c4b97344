import type { Backfill } from '../../domain/backfill.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { Source } from '../../domain/source.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { LaneReader } from '../lane.ts';

/** A range of cursor values. */
export interface Window {
  readonly lane: string;
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly until: string;
}

/** What a backfill reads. */
export interface BackfillPlan {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly windows: number;
}

/** A reader of one window. */
export interface WindowReader extends LaneReader {
  /** Told what the ledger says when the window is left. */
  observe(state: LedgerState): void;
  /** When it is worth going on, ms since the epoch, where something at the source has ended the reading; undefined: at once. */
  resumeAtMs?(): number | undefined;
}

/** What differs between the kinds of sources that are backfilled. */
export interface BackfillMode {
  /**
   * Decides what a backfill reads.
   *
   * @param position of the source's own lane
   * @throws BlockedError with code `BACKFILL_RANGE`, with what is allowed
   */
  plan(asked: Backfill['asked'], position: string | undefined): BackfillPlan;
  /** First cursor value of a window, which may lie behind the end of the last one. */
  windowStart(range: { readonly from: string; readonly step: string }, window: number): string;
  openReader(window: Window): WindowReader;
}

/** Windows of one backfill at most: each is a lane. */
const MAX_WINDOWS = 5_000;

/** What a range that nobody may ask for is refused with. */
export function backfillRange({ name }: Pick<Source, 'name'>, problem: string): BlockedError {
  return new BlockedError('BACKFILL_RANGE', `source ${name} cannot be backfilled like this: ${problem}`);
}

/**
 * Windows of a range.
 *
 * @param beginsInside whether a window, counted from 0, begins before the end of the range
 * @throws BlockedError with code `BACKFILL_RANGE` when there are too many
 */
export function countWindows(
  source: Pick<Source, 'name'>,
  step: string,
  beginsInside: (window: number) => boolean,
): number {
  let windows = 1;
  while (beginsInside(windows)) {
    windows++;
    if (windows > MAX_WINDOWS)
      throw backfillRange(
        source,
        `the range has more than ${String(MAX_WINDOWS)} windows of ${step}; choose a longer --window`,
      );
  }
  return windows;
}
