import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { pricesOf } from '../../../cli/prices-of.ts';
import { PRICES, type PriceTable } from '../../../shared/domain/cost/prices.ts';
import { configOf, declare } from '../../support/declare-plan.ts';

const declared = (prices?: string): ReturnType<typeof configOf> =>
  configOf({ orders: declare.push() }, prices === undefined ? {} : { prices });

function filesAsked(options: { readonly prices?: string }, prices?: string): readonly string[] {
  const files: string[] = [];
  const table: PriceTable = { ...PRICES };
  const found = pricesOf({ config: 'deploy/prod.config.ts', ...options }, declared(prices), (file) => {
    files.push(file);
    return table;
  });
  expect(found).toBe(files.length > 0 ? table : PRICES);
  return files;
}

test('prices are those of the list where nothing names others', () => {
  expect(filesAsked({})).toEqual([]);
});

test('a file that the configuration names is beside it', () => {
  expect(filesAsked({}, 'prices.json')).toEqual([resolve('deploy/prices.json')]);
});

test('--prices comes first, and is where the command is run', () => {
  expect(filesAsked({ prices: 'other.json' }, 'prices.json')).toEqual(['other.json']);
});
