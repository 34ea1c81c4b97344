import type { PriceName } from './prices.ts';

/** Amounts of what is billed, by price, in single units: requests, not millions of them. */
export type Usage = Readonly<Partial<Record<PriceName, number>>>;

/** The amounts of a usage, with the names of their prices. */
export function amountsOf(usage: Usage): readonly (readonly [PriceName, number])[] {
  return Object.entries(usage) as [PriceName, number][];
}

/** The sum of usages. */
export function addUsage(...usages: readonly Usage[]): Usage {
  const sum: Partial<Record<PriceName, number>> = {};
  for (const usage of usages) {
    for (const [name, amount] of amountsOf(usage)) sum[name] = (sum[name] ?? 0) + amount;
  }
  return sum;
}

/** A usage as many times as `factor` says. */
export function scaleUsage(usage: Usage, factor: number): Usage {
  return Object.fromEntries(amountsOf(usage).map(([name, amount]) => [name, amount * factor]));
}
