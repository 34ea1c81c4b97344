import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_RETRY_POLICY, nextDelayMs, type RetryPolicy } from '../../../shared/domain/backoff.ts';

const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 12 }),
  baseDelayMs: fc.integer({ min: 1, max: 1_000 }),
  maxDelayMs: fc.integer({ min: 1, max: 60_000 }),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** Bounds by doubling step by step, which is how the rule is told to people. */
function boundMs(policy: RetryPolicy, attempts: number): number {
  let bound = policy.baseDelayMs;
  for (let i = 1; i < attempts; i++) bound *= 2;
  return bound > policy.maxDelayMs ? policy.maxDelayMs : bound;
}

test('a wait is below the doubled bound, the maximum and the deadline', () => {
  fc.assert(
    fc.property(
      policies,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: -10, max: 100_000 }),
      randoms,
      (policy, attempts, remainingMs, random) => {
        const delayMs = nextDelayMs(policy, attempts, remainingMs, random);
        if (delayMs === undefined) return;
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThan(boundMs(policy, attempts));
        expect(delayMs).toBeLessThan(remainingMs);
        expect(attempts).toBeLessThan(policy.maxAttempts);
      },
    ),
  );
});

test('with time left, a caller makes exactly as many attempts as the policy says', () => {
  fc.assert(
    fc.property(policies, fc.array(randoms, { minLength: 12, maxLength: 12 }), (policy, random) => {
      let attempts = 1;
      while (nextDelayMs(policy, attempts, Infinity, random[attempts - 1] ?? 0) !== undefined) attempts++;
      expect(attempts).toBe(policy.maxAttempts);
    }),
  );
});

test('a caller that waits as told never sleeps past its deadline', () => {
  fc.assert(
    fc.property(
      policies,
      fc.integer({ min: 0, max: 10_000 }),
      fc.array(randoms, { minLength: 12, maxLength: 12 }),
      (policy, budgetMs, random) => {
        let nowMs = 0;
        for (let attempts = 1; ; attempts++) {
          const delayMs = nextDelayMs(policy, attempts, budgetMs - nowMs, random[attempts - 1] ?? 0);
          if (delayMs === undefined) break;
          nowMs += delayMs;
        }
        expect(nowMs).toBeLessThanOrEqual(budgetMs);
      },
    ),
  );
});

test('the jitter is full: waits reach from nearly nothing to nearly the bound', () => {
  expect(nextDelayMs(DEFAULT_RETRY_POLICY, 3, Infinity, 0)).toBe(0);
  expect(nextDelayMs(DEFAULT_RETRY_POLICY, 3, Infinity, 0.999)).toBe(199);
  expect(nextDelayMs(DEFAULT_RETRY_POLICY, 3, Infinity, 0.5)).toBe(100);
});

test('no call is made more than five times by default', () => {
  expect(DEFAULT_RETRY_POLICY.maxAttempts).toBe(5);
  expect(nextDelayMs(DEFAULT_RETRY_POLICY, 5, Infinity, 0)).toBeUndefined();
});
