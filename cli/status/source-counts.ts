import { settledWithinMs } from '../../shared/config/watch-settings-of.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import {
  acceptedOf,
  hasEdge,
  hourOf,
  hourStartMs,
  settledOf,
  type HourCounts,
} from '../../shared/domain/record-counts.ts';

/** What became of the records that a source received in some time. */
export interface SourceCounts {
  readonly accepted: number;
  readonly landed: number;
  readonly duplicates: number;
  /** Rows in quarantine that nobody has replayed or given up. */
  readonly quarantined: number;
  readonly discarded: number;
  /** Accepted, and not settled yet: there is time. */
  readonly inFlight: number;
  /** Accepted, and not settled although the time for that is over. */
  readonly missing: number;
}

/** The counts of one hour. */
export interface CountedHour extends SourceCounts {
  /** When it begins, ISO 8601. */
  readonly hour: string;
}

/** The hours of a source with any record, and what is still missing of each. */
export function countedHours(
  source: SourceConfig,
  hours: readonly HourCounts[],
  nowMs: number,
): readonly CountedHour[] {
  const lastSettled = hourOf(nowMs - settledWithinMs(source)) - 1;
  return hours.map((counts) => {
    const { hour, landed, duplicates, quarantined, discarded } = counts;
    const open = hasEdge(source.type) ? Math.max(0, counts.accepted - settledOf(counts)) : 0;
    const isOver = hour <= lastSettled;
    return {
      hour: new Date(hourStartMs(hour)).toISOString(),
      accepted: acceptedOf(source.type, counts),
      ...{ landed, duplicates, quarantined, discarded },
      inFlight: isOver ? 0 : open,
      missing: isOver ? open : 0,
    };
  });
}

export function sumCounts(hours: readonly SourceCounts[]): SourceCounts {
  const of = (name: keyof SourceCounts): number => hours.reduce((sum, hour) => sum + hour[name], 0);
  return {
    accepted: of('accepted'),
    landed: of('landed'),
    duplicates: of('duplicates'),
    quarantined: of('quarantined'),
    discarded: of('discarded'),
    inFlight: of('inFlight'),
    missing: of('missing'),
  };
}
