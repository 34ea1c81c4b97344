import { toPercent } from '../plan/words.ts';
import { settledOf, type HourCounts } from '../record-counts.ts';
import type { SourceFinding } from './source-finding.ts';
import { lastSettledHour, LOOK_BACK_HOURS, type WatchSettings } from './watch-settings.ts';
import { toDigits, toHourText } from './words.ts';

/** Hours with rows that an hour is compared with: a day of a source that has some each hour. */
const COMPARED_HOURS = 24;
/** A source that had no rows for so long has nothing new to look at. */
const NEWEST_WITHIN_HOURS = 24;
/** What has been so for a day is as usual. */
const USUAL_AFTER_HOURS = 24;
/** Less is no drift. */
const LEAST_SHARE = 0.01;
/** So many times what is expected. */
const RISE = 5;
const DEVIATIONS = 3;

/** What is looked at: some of the rows. */
interface Watched {
  readonly kind: 'schema-drift' | 'quarantine-rise';
  readonly of: (counts: HourCounts) => number;
  readonly rows: (counts: HourCounts) => number;
  readonly says: (source: string, some: string, all: string) => string;
}

const NEW_FIELDS: Watched = {
  kind: 'schema-drift',
  of: ({ extra }) => extra,
  rows: ({ landed }) => landed,
  says: (source, some, all) =>
    `${some} of ${all} rows of ${source} have fields that their contract does not name`,
};
const QUARANTINE_RISE: Watched = {
  kind: 'quarantine-rise',
  of: ({ quarantined }) => Math.max(0, quarantined),
  rows: (counts) => settledOf(counts),
  says: (source, some, all) => `${some} of ${all} records of ${source} went to quarantine`,
};

/** How to see which. */
const nextStepOf = (kind: Watched['kind'], source: string): string =>
  kind === 'schema-drift'
    ? `See which with: npx headgate query "SELECT DISTINCT unnest(json_keys(_extra)) FROM ${source} WHERE _extra IS NOT NULL"`
    : `See why with: npx headgate dlq list --source ${source}`;

/**
 * Whether rows have become different: many more than before have fields that their contract does not name, or go to
 * quarantine. Judged by the newest hour with rows; what was found stays found for a day at most, then it is usual.
 *
 * @param since the hours in which what is still found was found first
 */
export function findDrift(
  settings: WatchSettings,
  hours: ReadonlyMap<number, HourCounts>,
  nowMs: number,
  since: (kind: SourceFinding['kind']) => number | undefined,
): readonly SourceFinding[] {
  return [NEW_FIELDS, QUARANTINE_RISE].flatMap((watched) => {
    const found = findRise(settings, watched, hours, nowMs, since(watched.kind));
    return found === undefined ? [] : [found];
  });
}

function findRise(
  settings: WatchSettings,
  { kind, of, rows, says }: Watched,
  hours: ReadonlyMap<number, HourCounts>,
  nowMs: number,
  since: number | undefined,
): SourceFinding | undefined {
  const { source } = settings;
  const last = lastSettledHour(settings, nowMs);
  const withRows = [...hours.values()]
    .filter((counts) => counts.hour <= last && counts.hour > last - LOOK_BACK_HOURS && rows(counts) > 0)
    .sort((a, b) => b.hour - a.hour);
  const [newest] = withRows;
  if (newest === undefined || newest.hour <= last - NEWEST_WITHIN_HOURS) return undefined;
  const sinceHour = Math.min(since ?? newest.hour, newest.hour);
  if (newest.hour - sinceHour >= USUAL_AFTER_HOURS) return undefined;
  const before = withRows.filter(({ hour }) => hour < sinceHour).slice(0, COMPARED_HOURS);
  const allBefore = before.reduce((sum, counts) => sum + rows(counts), 0);
  if (allBefore === 0) return undefined;
  const shareBefore = before.reduce((sum, counts) => sum + of(counts), 0) / allBefore;
  const [some, all] = [of(newest), rows(newest)];
  const expected = shareBefore * all;
  const isRise =
    some > 0 &&
    some >= LEAST_SHARE * all &&
    some >= RISE * expected &&
    some - expected > DEVIATIONS * Math.sqrt(expected);
  if (!isRise) return undefined;
  return {
    kind,
    hour: newest.hour,
    sinceHour,
    amount: some,
    expected,
    message:
      `${says(source, toDigits(some), toDigits(all))} in the hour from ${toHourText(newest.hour)}; before it was ` +
      `${toPercent(shareBefore)}. ${nextStepOf(kind, source)}`,
  };
}
