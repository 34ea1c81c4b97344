import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../shared/config/define-config.ts';
import { loadPrices } from '../../../shared/config/load-prices.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';

const folder = mkdtempSync(join(tmpdir(), 'headgate-prices-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let files = 0;

function fileOf(content: unknown): string {
  const path = join(folder, `${String(files++)}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function problemsOf(content: unknown): readonly string[] {
  const path = fileOf(content);
  try {
    loadPrices(path);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) => problem.replace(`${path}: `, ''));
    throw error;
  }
  return [];
}

describe('prices from a file', () => {
  test('stand in place of those that they name', () => {
    const path = fileOf({ s3Put: { usd: 5.4, asOf: '2026-11', source: 'https://example.com/eu' } });
    const prices = loadPrices(path);
    expect(prices.s3Put).toEqual({
      ...PRICES.s3Put,
      usd: 5.4,
      asOf: '2026-11',
      source: 'https://example.com/eu',
      verified: false,
    });
    expect({ ...prices, s3Put: PRICES.s3Put }).toEqual(PRICES);
  });

  test('have the file as their source, unless they name another one', () => {
    const path = fileOf({ s3Get: { usd: 0.43 } });
    expect(loadPrices(path).s3Get.source).toBe(path);
  });

  test('replace the tiers with the price: those of another region mean nothing here', () => {
    expect(loadPrices(fileOf({ apiRequest: { usd: 1.1 } })).apiRequest.tiers).toBeUndefined();
    const tiers = [{ above: 300e6, usd: 1 }];
    expect(loadPrices(fileOf({ apiRequest: { usd: 1.1, tiers } })).apiRequest.tiers).toEqual(tiers);
    expect(loadPrices(fileOf({ apiRequest: { verified: true } })).apiRequest).toEqual({
      ...PRICES.apiRequest,
      source: expect.any(String) as string,
      verified: true,
    });
  });

  test.each([
    ['a price that is not there', { s3Putt: { usd: 1 } }, /^s3Putt: is no price; there are: apiRequest, /],
    ['a number alone', { s3Put: 5 }, /^s3Put: must be an object such as/],
    ['a negative price', { s3Put: { usd: -1 } }, /^s3Put\.usd: must be US dollars, a number from 0 on$/],
    ['a price as text', { s3Put: { usd: '5' } }, /^s3Put\.usd: must be US dollars/],
    ['a field that is not there', { s3Put: { usd: 5, unit: 'x' } }, /^s3Put: Unrecognized key: "unit"/],
    [
      'a month that is none',
      { s3Put: { usd: 5, asOf: '2026-13' } },
      /^s3Put\.asOf: must be a year and a month/,
    ],
    ['tiers without the first price', { s3Put: { tiers: [] } }, /^s3Put\.usd: is required with `tiers`/],
    [
      'tiers in disorder',
      {
        s3Put: {
          usd: 5,
          tiers: [
            { above: 2, usd: 1 },
            { above: 1, usd: 1 },
          ],
        },
      },
      /^s3Put\.tiers: must be in ascending order/,
    ],
    ['a list', [], /^must be an object of prices/],
    ['text that is no JSON', '{', /^is no JSON: /],
  ])('%s is refused, with its place', (_, content, message) => {
    expect(problemsOf(content)).toEqual([expect.stringMatching(message) as string]);
  });

  test('tell all that is wrong with them', () => {
    expect(problemsOf({ a: {}, s3Put: { usd: -1, per: 0 } })).toHaveLength(3);
  });

  test('are asked for where there is no file', () => {
    expect(() => loadPrices(join(folder, 'none.json'))).toThrow(
      /none\.json: cannot be read: .*name a JSON file/,
    );
  });
});
