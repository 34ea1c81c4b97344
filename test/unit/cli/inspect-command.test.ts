import { describe, expect, test } from 'vitest';
import { runCli, type CliDeps } from '../../../cli/run-cli.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryFindingStore } from '../../../shared/adapters/memory/memory-finding-store.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { hourOf } from '../../../shared/domain/record-counts.ts';
import type { LaneActivity } from '../../../shared/domain/cost/lane-activity.ts';
import { pushedOrdersConfig as config } from '../../support/pushed-orders-config.ts';

const ACTIVITY: LaneActivity = {
  source: 'orders',
  lane: 'stream',
  counters: { RecordsLanded: 40, Errors: 2 },
  usage: {},
  estimatedUsd: 0.0125,
  cpuMs: 1_500,
  latency: { p50Ms: 11_000, p99Ms: 25_000 },
  firstMs: 0,
};

async function inspect(missing: number, options: { readonly isDenied?: boolean } = {}, ...args: string[]) {
  const clock = new ManualClock();
  const ledger = new MemoryLedgerStore();
  const hour = hourOf(clock.nowMs()) - 10;
  await ledger.counts.accept('orders', hour, 'p', 40 + missing);
  ledger.counts.settle([
    { source: 'orders', hour, landed: 40, duplicates: 0, quarantined: 0, discarded: 0, extra: 0 },
  ]);
  const out: string[] = [];
  const err: string[] = [];
  const deps = {
    terminal: { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) },
    clock,
    loadConfig: () => Promise.resolve(config),
    openPull: () =>
      Promise.resolve({
        control: new MemoryPullControlStore(),
        ledger,
        counts: ledger.counts,
        findings: new MemoryFindingStore(),
        alarmsOf: () =>
          Promise.resolve([
            {
              name: 'headgate-orders-latency',
              state: 'ALARM',
              since: '2026-01-01T00:00:00.000Z',
              reason: 'late',
            },
          ]),
        close: () => undefined,
      }),
    openActivity: () =>
      options.isDenied === true
        ? Promise.reject(new Error('logs may not be read'))
        : Promise.resolve({ activity: { read: () => Promise.resolve([ACTIVITY]) }, close: () => undefined }),
    openReplay: () =>
      Promise.resolve({
        list: () => Promise.resolve([]),
        engine: { ledger },
        close: () => Promise.resolve(),
      }),
  } as unknown as CliDeps;
  const code = await runCli(['inspect', 'orders', ...args], deps);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('headgate inspect', () => {
  test('shows plan, records by hour, latency, cost, quarantine and alarms of one source', async () => {
    const { code, out } = await inspect(0);
    expect(code).toBe(0);
    for (const text of [
      'orders',
      'health: ok',
      '25.0 s',
      '0.0125',
      'No record is in quarantine',
      'orders-latency',
    ])
      expect(out).toContain(text);
  });

  test('a source with missing records is not well', async () => {
    const { code, out, err } = await inspect(3);
    expect(code).toBe(1);
    expect(out).toContain('3 records that were accepted are missing');
    expect(err).toContain('not well: orders (error)');
  });

  test('what cannot be read is said, and the rest is shown', async () => {
    const { code, out } = await inspect(0, { isDenied: true });
    expect(code).toBe(0);
    expect(out).toContain('This cannot be read: logs may not be read');
    expect(out).toContain('orders-latency');
    const json = await inspect(0, { isDenied: true }, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      source: 'orders',
      plan: { pattern: 'stream' },
      overview: { value: { counts: { accepted: 40 } } },
      activity: { problem: 'logs may not be read' },
      alarms: { value: [{ state: 'ALARM' }] },
    });
  });
});
