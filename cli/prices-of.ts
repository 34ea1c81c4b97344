import { dirname, resolve } from 'node:path';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { PRICES, type PriceTable } from '../shared/domain/cost/prices.ts';

/**
 * The prices that a command reckons with: those of `--prices`, those that the configuration names, whose path begins
 * where its own file is, or the list prices.
 */
export function pricesOf(
  options: { readonly config: string; readonly prices?: string },
  config: HeadgateConfig,
  loadPrices: (file: string) => PriceTable,
): PriceTable {
  if (options.prices !== undefined) return loadPrices(options.prices);
  if (config.prices !== undefined) return loadPrices(resolve(dirname(options.config), config.prices));
  return PRICES;
}
