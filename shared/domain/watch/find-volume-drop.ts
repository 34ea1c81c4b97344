import { acceptedOf, hasEdge, type HourCounts } from '../record-counts.ts';
import type { SourceFinding } from './source-finding.ts';
import {
  COMPARED_WEEKS,
  lastFullHour,
  lastSettledHour,
  WEEK_HOURS,
  type WatchSettings,
} from './watch-settings.ts';
import { toDigits, toHourText } from './words.ts';

/** With fewer records too much is chance. */
const LEAST_EXPECTED = 100;
/** Weeks before that must be known. */
const LEAST_WEEKS = 2;
/** What arrives by chance is rarely so many standard deviations away from what is expected: once in a thousand hours. */
const DEVIATIONS = 3;

/**
 * The newest hour that the volume is judged by. What an edge accepts is counted at once; what is read is known when it is
 * settled.
 */
export const volumeHour = (settings: WatchSettings, nowMs: number): number =>
  hasEdge(settings.type) ? lastFullHour(nowMs) : lastSettledHour(settings, nowMs);

/**
 * Whether far fewer records came than at this time in the weeks before: than their median, as one of them may have been
 * unusual itself. Where an hour has too few to tell, the day up to it is compared.
 */
export function findVolumeDrop(
  settings: WatchSettings,
  hours: ReadonlyMap<number, HourCounts>,
  nowMs: number,
): SourceFinding | undefined {
  const { source, type, maxVolumeDrop, volumeWindows } = settings;
  if (maxVolumeDrop === false) return undefined;
  const last = volumeHour(settings, nowMs);
  const recordsUpTo = (to: number, window: number): number => {
    let sum = 0;
    for (let hour = to - window + 1; hour <= to; hour++) {
      const counts = hours.get(hour);
      if (counts !== undefined) sum += acceptedOf(type, counts);
    }
    return sum;
  };
  for (const window of volumeWindows) {
    const weeks = Array.from({ length: COMPARED_WEEKS }, (_, i) =>
      recordsUpTo(last - (i + 1) * WEEK_HOURS, window),
    );
    // Before its first records there was no source to have any.
    const known = weeks.slice(0, weeks.findLastIndex((records) => records > 0) + 1);
    if (known.length < LEAST_WEEKS) continue;
    const expected = medianOf(known);
    if (expected < LEAST_EXPECTED) continue;
    const records = recordsUpTo(last, window);
    const isDrop =
      records < (1 - maxVolumeDrop) * expected && expected - records > DEVIATIONS * Math.sqrt(expected);
    if (!isDrop) return undefined;
    const first = last - window + 1;
    return {
      kind: 'volume-drop',
      hour: last,
      sinceHour: last,
      amount: records,
      expected,
      message:
        `${source} has received ${records === 0 ? 'no' : toDigits(records)} records in the ` +
        `${window === 1 ? 'hour' : `${String(window)} hours`} from ${toHourText(first)}, ` +
        `${String(Math.round((1 - records / expected) * 100))} % fewer than the ${toDigits(expected)} of the same time in ` +
        `the ${String(known.length)} weeks before. Ask the sender whether that is meant; look at: npx headgate status ${source}`,
    };
  }
  return undefined;
}

/** The middle one, or the mean of the two in the middle. */
function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? 0;
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
}
