import { NOTHING_SETTLED, type HourCounts } from '../../shared/domain/record-counts.ts';
import type { WatchSettings } from '../../shared/domain/watch/watch-settings.ts';

export const HOUR_MS = 3_600_000;
/** The hour that has begun in most tests, on a Tuesday. */
export const NOW_HOUR = Math.floor(Date.UTC(2026, 11, 1, 10) / HOUR_MS);
/** When the watch looks in that hour. */
export const NOW_MS = NOW_HOUR * HOUR_MS + 7 * 60_000;

export const SETTINGS: WatchSettings = {
  source: 'orders',
  type: 'push',
  settledWithinMs: 5 * 60_000,
  volumeWindows: [1, 24],
  maxVolumeDrop: 0.2,
  maxCostRise: 0.2,
};

export const countsOf = (hour: number, counts: Partial<HourCounts>): HourCounts => ({
  ...NOTHING_SETTLED,
  accepted: 0,
  ...counts,
  hour,
});

/** Hours that accept so many records, and land all of them. */
export const landedHours = (hours: Readonly<Record<number, number>>): Map<number, HourCounts> =>
  new Map(
    Object.entries(hours).map(([hour, records]) => [
      Number(hour),
      countsOf(Number(hour), { accepted: records, landed: records }),
    ]),
  );
