import { PRICES, type Price, type PriceName, type PriceTable } from './prices.ts';
import { amountsOf, namesOf, type Usage } from './usage.ts';

/** One line of a bill: how much of what was used, and what it costs. */
export interface BillLine {
  readonly price: PriceName;
  readonly service: string;
  readonly amount: number;
  readonly unit: string;
  readonly usd: number;
}

/** What a usage costs. */
export interface Bill {
  readonly usd: number;
  /** What was used of anything, dearest first. */
  readonly lines: readonly BillLine[];
}

/**
 * What a usage costs.
 *
 * @param usage of a whole account in one month, where amounts are so large that prices have tiers
 */
export function priceUsage(usage: Usage, prices: PriceTable = PRICES): Bill {
  const lines = amountsOf(usage)
    .filter(([, amount]) => amount !== 0)
    .map(([name, amount]): BillLine => {
      const price = prices[name];
      const { service, unit } = price;
      return { price: name, service, amount, unit, usd: priceAmount(price, amount) };
    })
    .sort((a, b) => b.usd - a.usd);
  return { usd: lines.reduce((sum, { usd }) => sum + usd, 0), lines };
}

/** What a usage costs, where nobody asks for what. */
export function usageUsd(usage: Usage, prices: PriceTable = PRICES): number {
  return namesOf(usage).reduce((sum, name) => sum + priceAmount(prices[name], usage[name] ?? 0), 0);
}

/** What an amount of one thing costs: each part of it at the price of its tier. */
export function priceAmount({ usd, per, tiers = [] }: Price, amount: number): number {
  if (tiers.length === 0) return (amount * usd) / per;
  const steps = [{ above: 0, usd }, ...tiers];
  return steps.reduce((sum, step, i) => {
    const end = Math.min(amount, steps[i + 1]?.above ?? Infinity);
    return sum + (Math.max(0, end - step.above) * step.usd) / per;
  }, 0);
}

/** The lines of a bill by who bills them, dearest first. */
export function byService({ lines }: Bill): readonly { readonly service: string; readonly usd: number }[] {
  const sums = new Map<string, number>();
  for (const { service, usd } of lines) sums.set(service, (sums.get(service) ?? 0) + usd);
  return [...sums].map(([service, usd]) => ({ service, usd })).sort((a, b) => b.usd - a.usd);
}
