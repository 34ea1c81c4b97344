import { toUsd } from '../plan/words.ts';
import type { SourceFinding } from './source-finding.ts';
import { lastFullHour, type WatchSettings } from './watch-settings.ts';
import { toHourText } from './words.ts';

const DAY_HOURS = 24;
/** Hours that a day is compared with. */
const COMPARED_HOURS = 7 * DAY_HOURS;
/** Of them so many must be known. */
const LEAST_COMPARED = 3 * DAY_HOURS;
/** Of the last day so many must be known: an hour that could not be read is no reason not to judge. */
const LEAST_OF_DAY = 20;
/** Below that nobody cares. */
const LEAST_RISE_USD = 0.01;

/** The hours of costs that are looked at. */
export const costHours = (nowMs: number): { readonly first: number; readonly last: number } => {
  const last = lastFullHour(nowMs);
  return { first: last - DAY_HOURS - COMPARED_HOURS + 1, last };
};

/** Whether the last 24 hours have cost more than a day of the seven before. */
export function findCostSpike(
  { source, maxCostRise }: WatchSettings,
  costs: ReadonlyMap<number, number>,
  nowMs: number,
): SourceFinding | undefined {
  if (maxCostRise === false) return undefined;
  const { first, last } = costHours(nowMs);
  const day = dailyCost(costs, last - DAY_HOURS + 1, last, LEAST_OF_DAY);
  const before = dailyCost(costs, first, last - DAY_HOURS, LEAST_COMPARED);
  if (day === undefined || before === undefined) return undefined;
  if (day <= (1 + maxCostRise) * before || day - before <= LEAST_RISE_USD) return undefined;
  const change = before === 0 ? '' : `, ${String(Math.round((day / before - 1) * 100))} % more`;
  return {
    kind: 'cost-spike',
    hour: last,
    sinceHour: last,
    amount: day,
    expected: before,
    message:
      `${source} has cost ${toUsd(day)} in the 24 hours up to ${toHourText(last + 1)}, and ${toUsd(before)} a day in the ` +
      `week before${change}. See what it is spent on with: npx headgate cost; and what would be cheaper with: ` +
      `npx headgate plan ${source}`,
  };
}

/** What 24 hours cost, by the hours that are known; undefined where those are too few. */
function dailyCost(
  costs: ReadonlyMap<number, number>,
  first: number,
  last: number,
  least: number,
): number | undefined {
  let usd = 0;
  let known = 0;
  for (let hour = first; hour <= last; hour++) {
    const cost = costs.get(hour);
    if (cost === undefined) continue;
    usd += cost;
    known++;
  }
  return known < least ? undefined : (usd / known) * DAY_HOURS;
}
