import { describe, expect, test } from 'vitest';
import { shareOf, tokensUnder, type ShareDemand } from '../../../shared/domain/quota-share.ts';

const demand = (more: Partial<ShareDemand>): ShareDemand => ({
  limit: 100,
  own: 1,
  total: 50,
  usualCost: 1,
  ...more,
});

describe('a share', () => {
  test('is the part of the limit that its demand is of all demand', () => {
    expect(shareOf(demand({ own: 30, total: 300 })).perSecond).toBeCloseTo(10);
  });

  test('is no more than the limit, and no more than eight times the demand', () => {
    expect(shareOf(demand({ own: 50, total: 50 })).perSecond).toBe(100);
    expect(shareOf(demand({ own: 1, total: 2 })).perSecond).toBe(8);
  });

  test('serves on credit from five seconds of it on, whatever more it may save up', () => {
    expect(shareOf(demand({ own: 1, total: 200 }))).toEqual({
      perSecond: 0.5,
      capacity: 10,
      creditFrom: 2.5,
    });
    expect(shareOf(demand({ own: 100, total: 200 }))).toEqual({
      perSecond: 50,
      capacity: 250,
      creditFrom: 250,
    });
  });
});

describe('tokens under a share', () => {
  const size = shareOf(demand({ own: 1, total: 100 }));
  const full = { size, tokens: size.capacity, total: 50 };

  test('of an instance that had used nothing are its part of the common burst when the limit is overrun', () => {
    const surge = demand({ own: 10, total: 1_000 });
    expect(tokensUnder(shareOf(surge), surge, full, 0.5)).toBe(5);
  });

  test('are what is left of that part when the instance had used some', () => {
    const surge = demand({ own: 10, total: 1_000 });
    expect(tokensUnder(shareOf(surge), surge, { ...full, tokens: size.capacity - 3 }, 0.5)).toBe(2);
    expect(tokensUnder(shareOf(surge), surge, { ...full, tokens: 1 }, 0.5)).toBe(0);
  });

  test('stay as they are while the limit stays overrun, or is not', () => {
    const surge = demand({ own: 10, total: 1_000 });
    expect(tokensUnder(shareOf(surge), surge, { ...full, total: 900 }, 0.5)).toBe(size.capacity);
    const near = demand({ own: 1, total: 120 });
    expect(tokensUnder(shareOf(near), near, full, 0.5)).toBe(size.capacity);
  });

  test('are spread over the time between two requests, where that is more than a burst', () => {
    const surge = demand({ own: 10, total: 10_000, usualCost: 4 });
    const share = shareOf(surge);
    for (const before of [undefined, { ...full, tokens: 40, size: { ...size, capacity: 40 } }]) {
      expect(tokensUnder(share, surge, before, 0.5)).toBeCloseTo(share.creditFrom - 2);
      expect(tokensUnder(share, surge, before, 0.999)).toBeCloseTo(share.creditFrom - 4, 1);
    }
  });

  test('of a new instance are two requests while there is room', () => {
    const quiet = demand({ own: 0.1, total: 10 });
    expect(tokensUnder(shareOf(quiet), quiet, undefined, 0.5)).toBe(2);
  });
});
