import { acceptedOf, hasEdge, settledOf, type HourCounts } from '../record-counts.ts';
import type { SourceFinding } from './source-finding.ts';
import { lastSettledHour, type WatchSettings } from './watch-settings.ts';
import { toAmount, toDigits, toHourText } from './words.ts';

/**
 * Hours with records that were accepted and are not settled although their time is over. That more is settled than was
 * accepted is no loss, see decision 15.
 */
export function findMissing(
  settings: WatchSettings,
  hours: Iterable<HourCounts>,
  nowMs: number,
): readonly SourceFinding[] {
  const { source, type } = settings;
  const last = lastSettledHour(settings, nowMs);
  const findings: SourceFinding[] = [];
  for (const counts of hours) {
    const { hour } = counts;
    const accepted = acceptedOf(type, counts);
    const missing = accepted - settledOf(counts);
    if (hour > last || missing <= 0) continue;
    findings.push({
      kind: 'completeness',
      hour,
      sinceHour: hour,
      amount: missing,
      expected: accepted,
      message:
        `${toAmount(missing, 'record')} of ${source} that ${missing === 1 ? 'was' : 'were'} accepted in the hour from ` +
        `${toHourText(hour)} ${missing === 1 ? 'is' : 'are'} missing in the lake: ${toDigits(accepted)} were accepted, ` +
        `${toDigits(settledOf(counts))} are landed, duplicates, in quarantine or discarded. Look at the dead letters ` +
        'and the errors of the functions; parked deliveries land with: npx headgate dlq replay aws/lambda/',
    });
  }
  return findings;
}

/** Records of an hour that are settled and were not accepted, see decision 15; 0 where that is as it should be. */
export function surplusOf({ type }: WatchSettings, counts: HourCounts): number {
  return hasEdge(type) ? Math.max(0, settledOf(counts) - counts.accepted) : 0;
}
