import { expect, test } from 'vitest';
import { createPlanCommand } from '../../../cli/commands/plan.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { LaneActivity, Period } from '../../../shared/domain/cost/lane-activity.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';
import type { SourceLanes } from '../../../shared/ports/activity-log.ts';
import type { QueryHistory } from '../../../shared/ports/query-history.ts';

const source = {
  type: 'push',
  key: ['id'],
  freshness: '30 seconds',
  dedupe: 'request',
  volume: { gbPerDay: 10 },
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
} as const;
const config = parseConfig({ name: 'my-lab', sources: { orders: source, clicks: source } });
const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;

const pushed: LaneActivity = {
  source: 'orders',
  lane: 'push',
  counters: { BytesReceived: 20e9, RecordsReceived: 20e6, Requests: 15e6 },
  usage: {},
  estimatedUsd: 0,
  cpuMs: 0,
  latency: undefined,
  firstMs: NOW_MS - 2 * DAY_MS,
};

async function run(
  args: readonly string[],
  queryHistory: QueryHistory | undefined,
  declared = config,
): Promise<{ out: string; asked: Period[]; lanes: readonly SourceLanes[] }> {
  const lines: string[] = [];
  let lanes: readonly SourceLanes[] = [];
  const asked: Period[] = [];
  const command = createPlanCommand(
    {
      terminal: { out: (text) => void lines.push(text), err: () => undefined, confirm: undefined },
      clock: new ManualClock({ startMs: NOW_MS }),
      loadConfig: () => Promise.resolve(declared),
      loadPrices: () => PRICES,
      openRowSketches: () => Promise.reject(new Error('nobody asked for rows')),
      openSpend: () => Promise.reject(new Error('no source has a budget')),
      readDeployedPlan: () => Promise.resolve([]),
      openActivity: () =>
        Promise.resolve({
          activity: {
            read: (found, period) => {
              asked.push(period);
              lanes = found;
              return Promise.resolve([pushed]);
            },
          },
          close: () => undefined,
        }),
      queryHistory,
    },
    'headgate.config.ts',
  ).exitOverride();
  await command.parseAsync(['--offline', ...args], { from: 'user' });
  return { out: lines.join('\n'), asked, lanes };
}

const history: QueryHistory = {
  count: (database, tables, { fromMs }) => {
    expect([database, tables]).toEqual(['my_lab', ['orders', 'clicks']]);
    return Promise.resolve({ queries: new Map([['orders', 3]]), sinceMs: fromMs });
  },
};

test('a plan asks nobody what was measured unless it is told to', async () => {
  const { out, asked } = await run([], history);
  expect(asked).toEqual([]);
  expect(out).not.toContain('Measured');
});

test('what was measured stands beside the plan, with what to decide anew and what it is worth', async () => {
  const { out, asked } = await run(['--measured'], history);
  expect(asked).toEqual([{ fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS }]);
  expect(out).toMatch(/orders: 10 GB a day, records of 1000 bytes, 1\.3 in a request.*3 queries by Athena/);
  expect(out).toMatch(/requests had 1\.3 records on average.*\[saves \$[\d.]+ a month\]/);
  expect(out).toContain('clicks: nothing arrived');
});

test('as JSON, of one source, over the time that is named, and without a history of queries', async () => {
  const { out, asked } = await run(['orders', '--measured', '24 hours', '--json'], undefined);
  expect(asked).toEqual([{ fromMs: NOW_MS - DAY_MS, toMs: NOW_MS }]);
  const { measured } = JSON.parse(out) as { measured: { source: string; queries?: number }[] };
  expect(measured).toMatchObject([
    { source: 'orders', measured: { gbPerDay: 20 }, findings: [{ id: 'few-records-in-requests' }, {}] },
  ]);
  expect(measured[0]).not.toHaveProperty('queries');
});

test('a source without a pattern is looked for in the lane that the plan has chosen', async () => {
  const slow = { ...source, freshness: '15 minutes', volume: { gbPerDay: 1 } } as const;
  const { lanes } = await run(['--measured'], undefined, parseConfig({ sources: { fast: source, slow } }));
  expect(lanes.find((each) => each.source === 'slow')?.lanes).toContain('stream');
});
