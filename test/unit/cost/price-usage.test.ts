import { describe, expect, test } from 'vitest';
import { byService, priceAmount, priceUsage } from '../../../shared/domain/cost/price-usage.ts';
import { PRICES, type Price, type PriceTable } from '../../../shared/domain/cost/prices.ts';

describe('a bill', () => {
  test('has what was used, dearest first, and its sum', () => {
    const { usd, lines } = priceUsage({ s3Get: 1e6, s3Put: 1e6, kmsKeyMonth: 1, apiRequest: 0 });
    expect(lines.map(({ price, service, usd: each }) => [price, service, each])).toEqual([
      ['s3Put', 'S3', 5],
      ['kmsKeyMonth', 'KMS', 1],
      ['s3Get', 'S3', 0.4],
    ]);
    expect(usd).toBeCloseTo(6.4, 12);
  });

  test('is summed up by who sends it', () => {
    const bill = priceUsage({ s3Get: 1e6, s3Put: 1e6, kmsKeyMonth: 8 });
    expect(byService(bill)).toEqual([
      { service: 'KMS', usd: 8 },
      { service: 'S3', usd: 5.4 },
    ]);
  });

  test('is at the prices of the table that is given', () => {
    const prices: PriceTable = { ...PRICES, s3Put: { ...PRICES.s3Put, usd: 5.4 } };
    expect(priceUsage({ s3Put: 1e6 }, prices).usd).toBeCloseTo(5.4, 12);
  });
});

describe('tiers', () => {
  const price: Price = {
    ...PRICES.s3Put,
    usd: 3,
    per: 10,
    tiers: [
      { above: 100, usd: 2 },
      { above: 300, usd: 1 },
    ],
  };

  test.each([
    [0, 0],
    [100, 30],
    [101, 30.2],
    [300, 70],
    [400, 80],
  ])('%d units cost $%d: each part has the price of its tier', (amount, usd) => {
    expect(priceAmount(price, amount)).toBeCloseTo(usd, 12);
  });
});

describe('the table of prices', () => {
  test.each(Object.entries(PRICES) as [string, Price][])(
    '%s says where it was read, and when',
    (_, price) => {
      expect(price.usd).toBeGreaterThan(0);
      expect(price.source).toMatch(/^https:\/\/\S+$/);
      expect(price.asOf).toMatch(/^20\d\d-(0[1-9]|1[0-2])$/);
      const { tiers = [] } = price;
      expect([...tiers].sort((a, b) => a.above - b.above)).toEqual(tiers);
    },
  );
});
