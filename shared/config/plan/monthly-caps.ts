import { priceUsage } from '../../domain/cost/price-usage.ts';
import { standingOf } from '../../domain/cost/report-cost.ts';
import type { HeadgateConfig } from '../schema.ts';
import { standingUsage } from './standing-usage.ts';

/** What a source may cost in a month, in US dollars, and what of it is spent whatever the source brings. */
export interface MonthlyCap {
  readonly capUsd: number;
  readonly fixedUsd: number;
}

/** The monthly budgets of the sources that have one. */
export function planMonthlyCaps(config: HeadgateConfig): ReadonlyMap<string, MonthlyCap> {
  const capped = Object.entries(config.sources).flatMap(([name, { budget }]) =>
    budget?.usdPerMonth === undefined ? [] : [[name, budget.usdPerMonth] as const],
  );
  if (capped.length === 0) return new Map();
  const standing = standingUsage(config);
  return new Map(
    capped.map(([name, capUsd]) => [
      name,
      { capUsd, fixedUsd: priceUsage(standingOf(name, standing, new Map())).usd },
    ]),
  );
}
