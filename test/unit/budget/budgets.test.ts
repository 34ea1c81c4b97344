import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemorySpendStore } from '../../../shared/adapters/memory/memory-spend-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import type { StoreCall } from '../../../shared/adapters/memory/turn.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { planMonthlyCaps } from '../../../shared/config/plan/monthly-caps.ts';
import { createBudgets } from '../../../shared/pipeline/budget/create-budgets.ts';

const DAY_MS = 86_400_000;
/** After so long a process has forgotten what it saw. */
const FORGOTTEN_MS = 75_000;
/** The tenth of a month of 30 days. */
const START_MS = Date.UTC(2026, 10, 4);
const MONTH = 202_611;

/** Two processes over one store: $30 a month, nothing of it fixed. */
function setUp() {
  const clock = new ManualClock({ startMs: START_MS, jump: true });
  const telemetry = new MemoryTelemetry();
  const calls: StoreCall[] = [];
  let failure: Error | undefined;
  const store = new MemorySpendStore({
    turn: {
      before: (call) => {
        calls.push(call);
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      },
    },
  });
  const caps = new Map([['orders', { capUsd: 30, fixedUsd: 0 }]]);
  const open = () => createBudgets({ store, clock, telemetry, caps });
  return {
    clock,
    telemetry,
    calls,
    store,
    open,
    fail: (error: Error | undefined) => {
      failure = error;
    },
  };
}

describe('budgets of a process', () => {
  test('slow a source down while its month is projected to cost more, and every process knows within a minute', async () => {
    const { clock, open, store, telemetry } = setUp();
    const [one, two] = [open(), open()];
    one.spend('orders', 2.9);
    await one.settle();
    expect((await two.look('orders')).isOver).toBe(false);
    clock.advance(FORGOTTEN_MS);
    one.spend('orders', 0.2);
    await one.settle();
    expect(one.isOver('orders')).toBe(true);
    expect((await two.look('orders')).isOver).toBe(true);
    expect((await store.read('orders', MONTH)).slowedSinceMs).toBe(clock.nowMs());
    expect(telemetry.logs.map(({ message, fields }) => [message, fields['reason']])).toEqual([
      ['the source is over its budget', expect.stringContaining('more than its budget of $30.00')],
    ]);
    // 3.1 / (3.4 / 30) = 27.35 is below the cap and above nine tenths of it, 3.1 / (3.5 / 30) = 26.6 below both.
    clock.advance(0.4 * DAY_MS);
    expect((await two.look('orders')).isOver).toBe(true);
    clock.advance(0.1 * DAY_MS);
    one.spend('orders', 0.000_001);
    await one.settle();
    expect((await store.read('orders', MONTH)).slowedSinceMs).toBeUndefined();
    expect((await two.look('orders')).isOver).toBe(false);
    // Another month begins with nothing.
    two.spend('orders', 50);
    await two.settle();
    expect(two.isOver('orders')).toBe(true);
    clock.advance(30 * DAY_MS);
    expect((await one.look('orders')).isOver).toBe(false);
  });

  test('are read and added to once a minute, however many requests come', async () => {
    const { clock, open, calls, store } = setUp();
    const budgets = open();
    for (let second = 0; second < 130; second++) {
      await budgets.look('orders');
      budgets.spend('orders', 0.001);
      await budgets.settle();
      clock.advance(1_000);
    }
    expect(calls.map(({ operation }) => operation)).toEqual(['read', 'add', 'add', 'add']);
    // What came after the last addition is still to be added: 9 of 130.
    expect((await store.read('orders', MONTH)).usd).toBeCloseTo(0.121, 9);
  });

  test('a source without one costs nothing and is always within', async () => {
    const { open, calls } = setUp();
    const budgets = open();
    budgets.spend('clicks', 1_000);
    budgets.noteLanded('clicks');
    await budgets.settle();
    expect((await budgets.look('clicks')).isOver).toBe(false);
    expect(calls).toEqual([]);
  });

  test('a store that fails makes no request fail: the source counts as within, and nothing is added twice', async () => {
    const { clock, open, store, fail, calls, telemetry } = setUp();
    await store.add('orders', MONTH, { usd: 29 });
    const budgets = open();
    expect((await budgets.look('orders')).isOver).toBe(true);
    clock.advance(FORGOTTEN_MS);
    fail(new Error('it does not answer'));
    expect((await budgets.look('orders')).isOver).toBe(false);
    budgets.spend('orders', 5);
    await budgets.settle();
    const before = calls.length;
    await budgets.look('orders');
    expect(calls.length).toBe(before);
    expect(telemetry.logs.filter(({ level }) => level === 'warn')).toHaveLength(2);
    fail(undefined);
    clock.advance(FORGOTTEN_MS);
    expect((await budgets.look('orders')).isOver).toBe(true);
    await budgets.settle();
    expect((await store.read('orders', MONTH)).usd).toBe(29);
  });

  test('the landing of a source is noted at once', async () => {
    const { clock, open } = setUp();
    const [one, two] = [open(), open()];
    one.spend('orders', 1);
    await one.settle();
    clock.advance(1_000);
    one.noteLanded('orders');
    await one.settle();
    expect((await two.look('orders')).landedAtMs).toBe(clock.nowMs());
  });
});

describe('monthly caps', () => {
  const orders = {
    type: 'push' as const,
    freshness: '10 seconds',
    volume: { gbPerDay: 1 },
    key: ['id'],
    contract: { schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } },
  };

  test('are those of sources that name one, with what stands and waits by itself', () => {
    const caps = planMonthlyCaps(
      parseConfig({
        sources: {
          orders: { ...orders, budget: { usdPerMonth: 40 } },
          clicks: { ...orders, budget: { usdPerGb: 1 } },
        },
      }),
    );
    expect([...caps.keys()]).toEqual(['orders']);
    expect(caps.get('orders')?.capUsd).toBe(40);
    // Half of a shard at $0.015 an hour is 5.5, and metrics and alarms come on top.
    expect(caps.get('orders')?.fixedUsd).toBeGreaterThan(5.4);
    expect(caps.get('orders')?.fixedUsd).toBeLessThan(20);
    expect(planMonthlyCaps(parseConfig({ sources: { clicks: orders } })).size).toBe(0);
  });
});
