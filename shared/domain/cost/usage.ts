import type { PriceName } from './prices.ts';

/** Amounts of what is billed, by price, in single units: requests, not millions of them. */
export type Usage = Readonly<Partial<Record<PriceName, number>>>;

/** The prices that a usage has amounts of. Plans add up usages by the hundred thousand: names are quicker than pairs. */
export function namesOf(usage: Usage): readonly PriceName[] {
  return Object.keys(usage) as PriceName[];
}

/** The amounts of a usage, with the names of their prices. */
export function amountsOf(usage: Usage): readonly (readonly [PriceName, number])[] {
  return Object.entries(usage) as [PriceName, number][];
}

/** The sum of usages. */
export function addUsage(...usages: readonly Usage[]): Usage {
  const sum: Partial<Record<PriceName, number>> = {};
  for (const usage of usages) {
    for (const name of namesOf(usage)) sum[name] = (sum[name] ?? 0) + (usage[name] ?? 0);
  }
  return sum;
}

/** A usage as many times as `factor` says. */
export function scaleUsage(usage: Usage, factor: number): Usage {
  const scaled: Partial<Record<PriceName, number>> = {};
  for (const name of namesOf(usage)) scaled[name] = (usage[name] ?? 0) * factor;
  return scaled;
}
