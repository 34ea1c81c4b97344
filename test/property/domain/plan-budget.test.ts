import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { monthOf, planBudget } from '../../../shared/domain/plan-budget.ts';

const usd = fc.double({ min: 0, max: 10_000, noNaN: true });
const factsArb = fc.record({
  spentUsd: usd,
  capUsd: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
  elapsedOfMonth: fc.double({ min: 0, max: 1, noNaN: true }),
  fixedUsd: fc.oneof(fc.constant(0), usd),
  wasSlowed: fc.boolean(),
});

describe('the plan of a budget', () => {
  test('what has been spent beyond the cap is over it, at any time of the month', () => {
    fc.assert(
      fc.property(factsArb, fc.double({ min: 0.001, max: 100, noNaN: true }), (facts, more) => {
        const spentUsd = Math.max(0, facts.capUsd - facts.fixedUsd) + more;
        expect(planBudget({ ...facts, spentUsd }).state).toBe('slowed');
      }),
    );
  });

  test('a month that goes on as it does now ends below the cap, or the source is slowed', () => {
    fc.assert(
      fc.property(factsArb, (facts) => {
        fc.pre(facts.elapsedOfMonth >= 1 / 31);
        // In percent of the month, day by day.
        const perDay = facts.spentUsd / (facts.elapsedOfMonth * 31);
        const endUsd = facts.fixedUsd + perDay * 31;
        fc.pre(Math.abs(endUsd - facts.capUsd) > 1e-6 && Math.abs(endUsd - 0.9 * facts.capUsd) > 1e-6);
        const { state } = planBudget(facts);
        if (endUsd > facts.capUsd) expect(state).toBe('slowed');
        if (endUsd < 0.9 * facts.capUsd) expect(state).toBe('within');
        // Between the two nothing changes.
        if (endUsd < facts.capUsd && endUsd > 0.9 * facts.capUsd)
          expect(state).toBe(facts.wasSlowed ? 'slowed' : 'within');
      }),
    );
  });

  test('more spending never lets a source go, and more time never slows it', () => {
    fc.assert(
      fc.property(factsArb, usd, fc.double({ min: 0, max: 1, noNaN: true }), (facts, more, later) => {
        const isSlowed = (changed: Partial<typeof facts>): boolean =>
          planBudget({ ...facts, ...changed }).state === 'slowed';
        if (isSlowed({})) expect(isSlowed({ spentUsd: facts.spentUsd + more })).toBe(true);
        else expect(isSlowed({ elapsedOfMonth: Math.max(facts.elapsedOfMonth, later) })).toBe(false);
        // It changes over once: what slows it keeps it slowed, what lets it go keeps it going.
        const after = isSlowed({});
        expect(isSlowed({ wasSlowed: after })).toBe(after);
      }),
    );
  });

  test('the first day counts as one: a request in the first minute is no month', () => {
    const facts = { capUsd: 31, fixedUsd: 0, wasSlowed: false, elapsedOfMonth: 1e-6 };
    expect(planBudget({ ...facts, spentUsd: 0.99 })).toMatchObject({ state: 'within' });
    expect(planBudget({ ...facts, spentUsd: 1.01 })).toMatchObject({
      state: 'slowed',
      reason: 'the month is projected to cost $31.31, more than its budget of $31.00',
    });
  });
});

test('a month is that of UTC, and its parts add up', () => {
  expect(monthOf(Date.UTC(2026, 11, 31, 23, 59, 59, 999)).month).toBe(202_612);
  expect(monthOf(Date.UTC(2027, 0, 1))).toEqual({ month: 202_701, elapsed: 0 });
  expect(monthOf(Date.UTC(2028, 1, 15, 12)).elapsed).toBeCloseTo(0.5, 12);
});
