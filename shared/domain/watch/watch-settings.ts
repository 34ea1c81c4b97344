import { hourOf } from '../record-counts.ts';

/** How a source is watched; see shared/config/watch-settings-of.ts. */
export interface WatchSettings {
  readonly source: string;
  readonly type: string;
  /** What was received in an hour is settled so long after its end. */
  readonly settledWithinMs: number;
  /**
   * Hours of which the records are compared with the weeks before: the first in which enough are expected. None where the
   * source is read so seldom that its runs decide how much a day has.
   */
  readonly volumeWindows: readonly number[];
  /** Part by which records may be fewer than in the weeks before, 0 to 1; false: that is not looked at. */
  readonly maxVolumeDrop: number | false;
  /** Part by which a day may cost more than those of the week before; false: that is not looked at. */
  readonly maxCostRise: number | false;
}

/** Hours of completeness and of fields that are looked at; an hour with missing records stays known for longer. */
export const LOOK_BACK_HOURS = 7 * 24;

export const WEEK_HOURS = 7 * 24;

/** Weeks before that a volume is compared with. */
export const COMPARED_WEEKS = 4;

/** The newest hour that is over. */
export const lastFullHour = (nowMs: number): number => hourOf(nowMs) - 1;

/** The newest hour of which everything should be settled. */
export const lastSettledHour = ({ settledWithinMs }: WatchSettings, nowMs: number): number =>
  lastFullHour(nowMs - settledWithinMs);
