import { hourOf, type HourCounts } from '../record-counts.ts';
import { findCostSpike } from './find-cost-spike.ts';
import { findDrift } from './find-drift.ts';
import { findMissing } from './find-missing.ts';
import { findVolumeDrop } from './find-volume-drop.ts';
import { compareFindings, type SourceFinding } from './source-finding.ts';
import { LOOK_BACK_HOURS, type WatchSettings } from './watch-settings.ts';

/** What is known of a source. */
export interface SourceHistory {
  /** Counts by hour; hours without any are left out. */
  readonly hours: ReadonlyMap<number, HourCounts>;
  /** US dollars by hour, as far as they are known. */
  readonly costs: ReadonlyMap<number, number>;
  /** What was wrong when it was last judged. */
  readonly before: readonly SourceFinding[];
}

/**
 * The oldest hour whose completeness is judged: those of the last days, and older ones that are known to lack records, as
 * long as they are counted.
 *
 * @param keptHours how long counts are kept for certain
 */
export function oldestJudgedHour(before: readonly SourceFinding[], nowMs: number, keptHours: number): number {
  const now = hourOf(nowMs);
  const open = before.filter(({ kind }) => kind === 'completeness').map(({ hour }) => hour);
  return Math.max(now - keptHours, Math.min(now - LOOK_BACK_HOURS, ...open));
}

/** What is wrong with a source, by all that is known of it; critical findings first. */
export function judgeSource(
  settings: WatchSettings,
  { hours, costs, before }: SourceHistory,
  nowMs: number,
  oldestHour: number,
): readonly SourceFinding[] {
  const since = (kind: SourceFinding['kind']): number | undefined =>
    before.find((finding) => finding.kind === kind)?.sinceHour;
  const judged = [...hours.values()].filter(({ hour }) => hour >= oldestHour);
  const found = [
    ...findMissing(settings, judged, nowMs),
    findVolumeDrop(settings, hours, nowMs),
    findCostSpike(settings, costs, nowMs),
    ...findDrift(settings, hours, nowMs, since),
  ].filter((finding) => finding !== undefined);
  return found
    .map((finding) =>
      finding.kind === 'completeness'
        ? finding
        : { ...finding, sinceHour: since(finding.kind) ?? finding.sinceHour },
    )
    .sort(compareFindings);
}
