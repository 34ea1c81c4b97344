import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryCostHistory } from '../../../shared/adapters/memory/memory-cost-history.ts';
import { MemoryCountStore } from '../../../shared/adapters/memory/memory-count-store.ts';
import { MemoryFindingStore } from '../../../shared/adapters/memory/memory-finding-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import type { Turn } from '../../../shared/adapters/memory/turn.ts';
import { NOTHING_SETTLED, type SettledCounts } from '../../../shared/domain/record-counts.ts';
import type { FindingEvent } from '../../../shared/domain/watch/finding-event.ts';
import { watchSources, type WatchDeps } from '../../../shared/pipeline/watch/watch-sources.ts';
import { HOUR_MS, NOW_HOUR, NOW_MS, SETTINGS } from '../../support/watch-history.ts';

const LAST = NOW_HOUR - 1;

/** Two sources over stores in memory. */
class WatchWorld {
  readonly clock = new ManualClock({ startMs: NOW_MS });
  readonly counts: MemoryCountStore;
  readonly findings = new MemoryFindingStore();
  readonly costs = new MemoryCostHistory();
  readonly telemetry = new MemoryTelemetry();
  readonly told: FindingEvent[] = [];
  /** Periods that were asked for, in hours. */
  readonly askedHours: number[] = [];
  /** What each source costs in an hour. */
  usdPerHour: Readonly<Record<string, number>> = {};
  /** What goes wrong. */
  fails: { events?: Error; costs?: Error } = {};

  constructor(options: { readonly turn?: Turn } = {}) {
    this.counts = new MemoryCountStore(options);
  }

  deps(): WatchDeps {
    return {
      deployment: 'lab',
      sources: ['orders', 'clicks'].map((source) => ({
        settings: { ...SETTINGS, source },
        lanes: ['push', 'stream'],
      })),
      counts: this.counts,
      findings: this.findings,
      costs: this.costs,
      costLog: {
        read: (sources, { fromMs, toMs }) => {
          if (this.fails.costs !== undefined) return Promise.reject(this.fails.costs);
          expect(toMs - fromMs).toBe(HOUR_MS);
          this.askedHours.push(fromMs / HOUR_MS);
          const found = sources.flatMap(({ source }) => {
            const usd = this.usdPerHour[source];
            return usd === undefined ? [] : [[source, usd] as const];
          });
          return Promise.resolve(new Map(found));
        },
      },
      events: {
        tell: (events) => {
          if (events.length > 0 && this.fails.events !== undefined) return Promise.reject(this.fails.events);
          this.told.push(...events);
          return Promise.resolve();
        },
      },
      clock: this.clock,
      telemetry: this.telemetry,
    };
  }

  settle(hour: number, counts: Partial<SettledCounts>, source = 'orders'): void {
    this.counts.settle([{ ...NOTHING_SETTLED, ...counts, source, hour }]);
  }

  /** A run, so many hours later. @returns what was told */
  async run(hoursLater = 0): Promise<string[]> {
    this.clock.advance(hoursLater * HOUR_MS);
    const before = this.told.length;
    await watchSources(this.deps());
    return this.told
      .slice(before)
      .map(({ source, kind, status, amount }) => `${source} ${kind} ${status} ${String(amount)}`);
  }
}

describe('missing records', () => {
  test('are told once, counted and logged each hour, and end when they are repaired', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 100);
    world.settle(LAST, { landed: 88 });
    expect(await world.run()).toEqual(['orders completeness new 12']);
    expect(await world.run(1)).toEqual([]);
    expect(world.telemetry.total('CriticalFindings', 'orders')).toBe(2);
    expect(world.telemetry.total('MissingRecords', 'orders')).toBe(24);
    expect(world.telemetry.logs.filter(({ level }) => level === 'error')).toHaveLength(2);
    world.settle(LAST, { landed: 5 });
    expect(await world.run(1)).toEqual(['orders completeness changed 7']);
    world.settle(LAST, { landed: 7 });
    expect(await world.run(1)).toEqual(['orders completeness ended 7']);
    expect(await world.run(1)).toEqual([]);
    expect((await world.findings.read('orders'))?.findings).toEqual([]);
  });

  test('of another source are not its own, and all is well otherwise', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 100);
    world.settle(LAST, { landed: 100 });
    await world.counts.accept('clicks', LAST, 'p', 3);
    expect(await world.run()).toEqual(['clicks completeness new 3']);
    expect(world.telemetry.total('CriticalFindings', 'orders')).toBe(0);
    expect(await world.findings.read('orders')).toEqual({ checkedAtMs: NOW_MS, findings: [] });
  });

  test('stay found after a week, until their counts expire: then nobody knows', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 1);
    expect(await world.run()).toEqual(['orders completeness new 1']);
    for (let day = 1; day <= 35; day++) expect(await world.run(24), `day ${String(day)}`).toEqual([]);
    expect(await world.run(24)).toEqual(['orders completeness expired 1']);
  });

  test('that nobody has seen for a week are not looked for', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', NOW_HOUR - 169, 'p', 1);
    await world.counts.accept('orders', NOW_HOUR - 168, 'p', 2);
    expect(await world.run()).toEqual(['orders completeness new 2']);
  });

  test('more than was accepted is said in the log alone', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 1);
    world.settle(LAST, { landed: 3 });
    expect(await world.run()).toEqual([]);
    expect(world.telemetry.logs).toEqual([
      expect.objectContaining({
        level: 'info',
        message: expect.stringMatching(/^2 records more than accepted/) as string,
      }),
    ]);
  });
});

describe('costs', () => {
  test('of the last hours are read once, kept, and compared', async () => {
    const world = new WatchWorld();
    world.usdPerHour = { orders: 0.1 };
    expect(await world.run()).toEqual([]);
    expect(world.askedHours).toEqual([6, 5, 4, 3, 2, 1].map((ago) => NOW_HOUR - ago));
    expect(await world.costs.read('orders', LAST, LAST)).toEqual([{ hour: LAST, usd: 0.1 }]);
    expect(await world.costs.read('clicks', LAST, LAST)).toEqual([{ hour: LAST, usd: 0 }]);
    expect(await world.run()).toEqual([]);
    expect(world.askedHours).toHaveLength(6);
    for (let hour = 0; hour < 110; hour++) expect(await world.run(1)).toEqual([]);
    expect(world.askedHours).toHaveLength(116);
    world.usdPerHour = { orders: 0.3 };
    const told: string[] = [];
    for (let hour = 0; hour < 24; hour++) told.push(...(await world.run(1)));
    expect(told).toEqual([expect.stringMatching(/^orders cost-spike new /)]);
    world.usdPerHour = { orders: 0.1 };
    for (let hour = 0; hour < 24; hour++) told.push(...(await world.run(1)));
    expect(told.slice(1)).toEqual([expect.stringMatching(/^orders cost-spike ended /)]);
  });

  test('that cannot be read do not keep records from being watched, and the run fails', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 1);
    world.fails = { costs: new Error('Logs Insights is busy') };
    await expect(world.run()).rejects.toThrow(/Logs Insights is busy/);
    expect(world.told).toHaveLength(1);
    world.fails = {};
    expect(await world.run()).toEqual([]);
    expect(await world.costs.read('orders', LAST, LAST)).toHaveLength(1);
  });
});

describe('a run that fails', () => {
  test('tells again what was not taken', async () => {
    const world = new WatchWorld();
    await world.counts.accept('orders', LAST, 'p', 1);
    world.fails = { events: new Error('no bus') };
    await expect(world.run()).rejects.toThrow(/watching orders failed: no bus/);
    world.fails = {};
    expect(await world.run()).toEqual(['orders completeness new 1']);
  });

  test('for one source judges the others', async () => {
    const turn: Turn = {
      before: ({ operation, subject }) =>
        operation === 'read' && subject === 'orders'
          ? Promise.reject(new Error('the table is gone'))
          : Promise.resolve(),
    };
    const world = new WatchWorld({ turn });
    await world.counts.accept('clicks', LAST, 'p', 4);
    await expect(world.run()).rejects.toThrow(/watching orders failed: the table is gone/);
    expect(world.told).toMatchObject([{ source: 'clicks', amount: 4 }]);
  });
});

test('warnings are counted apart, and say since when', async () => {
  const world = new WatchWorld();
  for (const week of [1, 2, 3]) {
    for (const hour of [LAST, LAST + 1, LAST + 2].map((each) => each - week * 168)) {
      await world.counts.accept('orders', hour, 'p', 1_000);
      world.settle(hour, { landed: 1_000 });
    }
  }
  expect(await world.run()).toEqual(['orders volume-drop new 0']);
  expect(await world.run(1)).toEqual([]);
  expect(world.telemetry.total('WarningFindings', 'orders')).toBe(2);
  expect(world.telemetry.total('CriticalFindings', 'orders')).toBe(0);
  expect((await world.findings.read('orders'))?.findings).toMatchObject([
    { hour: LAST + 1, sinceHour: LAST },
  ]);
  await world.counts.accept('orders', LAST + 2, 'p', 1_000);
  world.settle(LAST + 2, { landed: 1_000 });
  expect(await world.run(1)).toEqual(['orders volume-drop ended 0']);
});
