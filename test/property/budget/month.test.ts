import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemorySpendStore } from '../../../shared/adapters/memory/memory-spend-store.ts';
import { monthOf } from '../../../shared/domain/plan-budget.ts';
import { createBudgets, type Budgets } from '../../../shared/pipeline/budget/create-budgets.ts';
import type { SpendStore } from '../../../shared/ports/spend-store.ts';

/*
 * Processes that spend over three months. Whatever they do and when, all of them know within 75 seconds: a source whose
 * month has cost more than its cap is slowed down, and one whose month comes to less than 0.9 of it is not, as a new month
 * does that nothing was spent in.
 */

const CAP_USD = 100;
const FIXED_USD = 20;
const SEEN_MS = 75_001;
const START_MS = Date.UTC(2026, 0, 1);

interface Step {
  readonly process: number;
  readonly afterHours: number;
  readonly usd: number;
}
const steps = fc.array(
  fc.record({
    process: fc.nat(2),
    afterHours: fc.integer({ min: 1, max: 200 }),
    usd: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 60, noNaN: true })),
  }),
  { minLength: 1, maxLength: 25 },
);

/** How budgets are made of a store: as they are, or broken on purpose. */
interface Broken {
  readonly store?: (store: SpendStore) => SpendStore;
  readonly budgets?: (budgets: Budgets) => Budgets;
}

async function spendMonths(
  all: readonly Step[],
  { store: breakStore, budgets: breakBudgets }: Broken,
): Promise<void> {
  const clock = new ManualClock({ startMs: START_MS });
  const memory = new MemorySpendStore();
  const store = breakStore?.(memory) ?? memory;
  const fleet = [0, 1, 2].map(() => {
    const budgets = createBudgets({
      store,
      clock,
      telemetry: { log: () => undefined },
      caps: new Map([['it', { capUsd: CAP_USD, fixedUsd: FIXED_USD }]]),
    });
    return breakBudgets?.(budgets) ?? budgets;
  });
  const spent = new Map<number, number>();
  for (const { process, afterHours, usd } of all) {
    clock.advance(afterHours * 3_600_000);
    const { month } = monthOf(clock.nowMs());
    fleet[process]?.spend('it', usd);
    await fleet[process]?.settle();
    spent.set(month, (spent.get(month) ?? 0) + usd);

    clock.advance(SEEN_MS);
    const now = monthOf(clock.nowMs());
    // A step at the very end of a month is looked at in the next one.
    const sum = spent.get(now.month) ?? 0;
    const projected = FIXED_USD + sum / Math.max(1 / 31, now.elapsed);
    for (const budgets of fleet) {
      const { isOver } = await budgets.look('it');
      if (FIXED_USD + sum > CAP_USD + 1e-6) expect(isOver).toBe(true);
      if (projected < 0.9 * CAP_USD - 1e-6) expect(isOver).toBe(false);
      expect(budgets.isOver('it')).toBe(isOver);
    }
  }
}

/** Ways to get it wrong: what is not the code's own is done to what it calls. */
const MUTANTS: Readonly<Record<string, Broken>> = {
  'never slows': {
    budgets: (budgets) => ({
      ...budgets,
      look: () => Promise.resolve({ isOver: false, landedAtMs: undefined }),
      isOver: () => false,
    }),
  },
  'never recovers when the month turns': {
    store: (store) => ({
      read: (source) => store.read(source, 0),
      add: (source, _month, added) => store.add(source, 0, added),
      setSlowed: (source, _month, since) => store.setSlowed(source, 0, since),
    }),
  },
  'loses what was spent': {
    store: (store) => ({
      read: (source, month) => store.read(source, month),
      add: (source, month, added) => store.add(source, month, { ...added, usd: 0 }),
      setSlowed: (source, month, since) => store.setSlowed(source, month, since),
    }),
  },
  'adds what was spent twice': {
    store: (store) => ({
      read: (source, month) => store.read(source, month),
      add: (source, month, added) => store.add(source, month, { ...added, usd: 2 * added.usd }),
      setSlowed: (source, month, since) => store.setSlowed(source, month, since),
    }),
  },
  'goes by what it has seen first, for ever': {
    budgets: (budgets) => {
      let first: ReturnType<Budgets['look']> | undefined;
      return { ...budgets, look: (source) => (first ??= budgets.look(source)) };
    },
  },
};

describe('monthly budgets', () => {
  test('slow a source down in every process while its month costs too much, and never otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(steps, (all) => spendMonths(all, {})),
      { numRuns: 300 },
    );
  });

  test.each(Object.entries(MUTANTS))('one that %s is found out', async (_name, mutant) => {
    const found = await fc.check(
      fc.asyncProperty(steps, (all) => spendMonths(all, mutant)),
      { numRuns: 300, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
