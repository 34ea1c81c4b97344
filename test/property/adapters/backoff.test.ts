import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { API_TIMEOUT } from '../../../infra/tuning.ts';
import { FUNCTION_SIZES } from '../../../shared/domain/plan/function-sizes.ts';
import { SEND_BUDGET_MS } from '../../../lambdas/push/create-frame-buses.ts';
import { PolicyRetryStrategy } from '../../../shared/adapters/aws/retry-strategy.ts';
import {
  DEFAULT_RETRY_POLICY,
  LANDING_TIMEOUTS,
  nextDelayMs,
  PUSH_TIMEOUTS,
  type RetryPolicy,
} from '../../../shared/domain/backoff.ts';

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

test('no call lasts longer than it may, however long its attempts take and however it waits', async () => {
  const durations = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 0, max: 60_000 }),
      durations,
      fc.array(randoms, { minLength: 12, maxLength: 12 }),
      async (policy, attemptMs, moreMs, shares, random) => {
        const callMs = attemptMs + moreMs;
        let nowMs = 0;
        let attempts = 0;
        const strategy = new PolicyRetryStrategy(
          policy,
          { attemptMs, callMs },
          { nowMs: () => nowMs, random: () => random[attempts] ?? 0 },
        );
        let token: Awaited<ReturnType<typeof strategy.acquireInitialRetryToken>> | undefined =
          await strategy.acquireInitialRetryToken();
        while (token !== undefined) {
          expect(token.getRetryCount()).toBe(attempts);
          nowMs += token.getRetryDelay() + (shares[attempts] ?? 0) * attemptMs;
          attempts++;
          token = await strategy
            .refreshRetryTokenForRetry(token, { errorType: 'THROTTLING' })
            .catch(() => undefined);
        }
        expect(nowMs).toBeLessThanOrEqual(callMs);
        expect(attempts).toBeLessThanOrEqual(policy.maxAttempts);
      },
    ),
  );
});

describe('the ladder of deadlines', () => {
  const functionMs = FUNCTION_SIZES.push.timeoutSeconds * 1000;

  test('a push that waits as long as it may for each of its calls ends before its function, and that before the API', () => {
    const lookUpMs = PUSH_TIMEOUTS.callMs;
    const beginMs = PUSH_TIMEOUTS.callMs;
    const rememberMs = PUSH_TIMEOUTS.callMs;
    expect(lookUpMs + beginMs + SEND_BUDGET_MS + rememberMs).toBeLessThan(functionMs);
    expect(functionMs).toBeLessThan(API_TIMEOUT.toMilliseconds());
  });

  test.each([
    ['push', PUSH_TIMEOUTS],
    ['stream', LANDING_TIMEOUTS],
    ['pull', LANDING_TIMEOUTS],
  ] as const)(
    'a call of %s that is never answered is made a second time, and ends before the function',
    (lane, timeouts) => {
      expect(timeouts.callMs).toBeGreaterThan(2 * timeouts.attemptMs + DEFAULT_RETRY_POLICY.baseDelayMs);
      expect(timeouts.callMs).toBeLessThan(FUNCTION_SIZES[lane].timeoutSeconds * 1000);
    },
  );

  test('a refusal that comes at once is repeated five times within the time of a call', () => {
    const waitsMs = [1, 2, 3, 4].map((attempts) => boundMs(DEFAULT_RETRY_POLICY, attempts));
    const longestMs = waitsMs.reduce((sum, wait) => sum + wait, 0);
    expect(longestMs).toBeLessThan(PUSH_TIMEOUTS.callMs - PUSH_TIMEOUTS.attemptMs);
  });
});
