import { describe, expect, test } from 'vitest';
import { createCostCommand } from '../../../cli/commands/cost.ts';
import { UsageError } from '../../../cli/terminal.ts';
import { MemorySpendStore } from '../../../shared/adapters/memory/memory-spend-store.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { LaneActivity, Period } from '../../../shared/domain/cost/lane-activity.ts';
import { PRICES, type PriceTable } from '../../../shared/domain/cost/prices.ts';

const source = {
  type: 'push',
  key: ['id'],
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
  volume: { gbPerDay: 1 },
} as const;
const config = parseConfig({
  sources: {
    orders: { ...source, freshness: '30 seconds' },
    reports: { ...source, freshness: '1 hour', pattern: 'micro-batch' },
  },
});
const NOW_MS = Date.UTC(2026, 11, 8, 12);
const DAY_MS = 86_400_000;

const activity = (name: string, lane: string, more: Partial<LaneActivity>): LaneActivity => ({
  source: name,
  lane,
  counters: {},
  usage: {},
  estimatedUsd: 0,
  cpuMs: 0,
  latency: undefined,
  firstMs: NOW_MS - DAY_MS,
  ...more,
});

interface Run {
  readonly out: string;
  readonly asked: { readonly lanes: unknown; readonly period: Period }[];
}

async function run(
  args: readonly string[],
  found: readonly LaneActivity[],
  prices: PriceTable = PRICES,
  declared = config,
  spend = new MemorySpendStore(),
): Promise<Run> {
  const lines: string[] = [];
  const asked: Run['asked'] = [];
  let closed = 0;
  const command = createCostCommand(
    {
      terminal: { out: (text) => void lines.push(text), err: () => undefined, confirm: undefined },
      clock: new ManualClock({ startMs: NOW_MS }),
      loadConfig: () => Promise.resolve(declared),
      openSpend: () =>
        declared === config
          ? Promise.reject(new Error('no source has a budget, and nobody is to be asked'))
          : Promise.resolve({ store: spend, close: () => undefined }),
      loadPrices: () => prices,
      openActivity: () =>
        Promise.resolve({
          activity: {
            read: (lanes, period) => {
              asked.push({ lanes, period });
              return Promise.resolve(found);
            },
          },
          close: () => {
            closed++;
          },
        }),
    },
    'headgate.config.ts',
  )
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  await command.parseAsync([...args], { from: 'user' });
  expect(closed).toBe(1);
  return { out: lines.join('\n'), asked };
}

interface Answer {
  readonly usd: number;
  readonly usdPerMonth: number;
  readonly sources: readonly {
    readonly source: string;
    readonly meteredUsd: number;
    readonly standingUsd: number;
    readonly usdPerGb?: number;
    readonly share: number;
    readonly services: readonly { readonly service: string; readonly usd: number }[];
  }[];
}
const parse = (out: string): Answer => JSON.parse(out) as Answer;

const pushed = activity('orders', 'push', {
  counters: { BytesReceived: 2e9, RecordsReceived: 2e6 },
  usage: { apiRequest: 4_000, kinesisPutUnit: 16_000 },
});
const landed = activity('orders', 'stream', { counters: { BytesCommitted: 2e9 }, usage: { s3Put: 1_000 } });

describe('headgate cost', () => {
  test('asks for every lane that may work for a source, a week back', async () => {
    const { asked } = await run([], []);
    expect(asked).toEqual([
      {
        lanes: [
          { source: 'orders', lanes: ['push', 'stream'] },
          { source: 'reports', lanes: ['push', 'land'] },
        ],
        period: { fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS },
      },
    ]);
  });

  test('adds up what the lanes of a source metered, and divides what stands and waits', async () => {
    const answer = parse((await run(['--since', '24 hours', '--json'], [pushed, landed])).out);
    const [orders, reports] = answer.sources;
    // $1, $0.014 and $5 a million.
    expect(orders?.meteredUsd).toBeCloseTo(0.004 + 0.000224 + 0.005, 9);
    expect(orders?.usdPerGb).toBeCloseTo(((orders?.meteredUsd ?? 0) + (orders?.standingUsd ?? 0)) / 2, 9);
    // A shard of $0.015 an hour is on the one that is streamed.
    expect(orders?.services.find(({ service }) => service === 'Kinesis')?.usd).toBeGreaterThan(24 * 0.015);
    expect(reports?.meteredUsd).toBe(0);
    expect(reports?.services.map(({ service }) => service)).not.toContain('Kinesis');
    expect(reports?.standingUsd).toBeGreaterThan(0);
    expect((orders?.share ?? 0) + (reports?.share ?? 0)).toBeCloseTo(1, 9);
    expect(answer.usdPerMonth).toBeCloseTo(answer.usd * (730 / 24), 6);
  });

  test('what only metrics still know is a sum without a service', async () => {
    const old = activity('orders', 'push', { usage: undefined, estimatedUsd: 0.5, firstMs: undefined });
    const [orders] = parse((await run(['orders', '--since', '100 days', '--json'], [old])).out).sources;
    expect(orders?.services).toContainEqual({ service: 'unknown', usd: 0.5 });
    expect(orders?.meteredUsd).toBeCloseTo(0.5, 9);
  });

  test('prices come from a file when one is named', async () => {
    const dear = { ...PRICES, s3Put: { ...PRICES.s3Put, usd: 50 } };
    const usual = parse((await run(['--json'], [landed])).out).sources[0]?.meteredUsd ?? 0;
    const more = parse((await run(['--json', '--prices', 'p.json'], [landed], dear)).out).sources[0];
    expect(more?.meteredUsd).toBeCloseTo(10 * usual, 9);
  });

  test('--month begins with the month, in UTC', async () => {
    const { asked } = await run(['--month'], []);
    expect(asked[0]?.period.fromMs).toBe(Date.UTC(2026, 11, 1));
  });

  test('a table has a column for each service, and a line for what all of it costs', async () => {
    const { out } = await run(['--since', '24 hours'], [pushed, landed]);
    for (const text of ['orders', 'reports', 'Kinesis', 'API Gateway', '$/GB', 'a month at this rate'])
      expect(out).toContain(text);
    expect((await run(['reports', '--since', '24 hours'], [pushed])).out).not.toContain('orders');
  });

  describe('a source with a monthly budget', () => {
    const declared = parseConfig({
      sources: {
        orders: { ...source, freshness: '30 seconds', budget: { usdPerMonth: 50 } },
        reports: { ...source, freshness: '1 hour', budget: { usdPerGb: 5 } },
      },
    });

    test('shows what was spent this month, what that comes to, and since when it is slowed down', async () => {
      const spend = new MemorySpendStore();
      await spend.add('orders', 202612, { usd: 20 });
      await spend.setSlowed('orders', 202612, Date.UTC(2026, 11, 7, 9, 30));
      // What another month has cost is of no interest.
      await spend.add('orders', 202611, { usd: 1_000 });
      const { out } = await run([], [], PRICES, declared, spend);
      // 7.5 of 31 days, and what stands and waits on top.
      const [, spent, projected] =
        /orders: \$([\d.]+) of \$50\.00 spent, \$([\d.]+) projected; slowed since 2026-12-07 09:30: its records go to the landing zone/.exec(
          out,
        ) ?? [];
      const fixed = (Number(spent) - 20) / (7.5 / 31);
      expect(fixed).toBeGreaterThan(10);
      expect(Number(projected)).toBeCloseTo((20 * 31) / 7.5 + fixed, 0);
      expect(out).not.toMatch(/ {2}reports: \$/);
    });

    test('is within it when nobody has slowed it down; as JSON too', async () => {
      const { out } = await run(['--json'], [], PRICES, declared);
      const { budgets } = JSON.parse(out) as { budgets: object[] };
      expect(budgets).toMatchObject([{ source: 'orders', capUsd: 50, slowing: 'landing' }]);
      expect(budgets[0]).not.toHaveProperty('slowedSince');
      expect((await run(['reports'], [], PRICES, declared)).out).not.toContain('Budgets');
    });
  });

  test('a source that is not declared is named with those that are', async () => {
    await expect(run(['order'], [])).rejects.toThrow(/"order" is not declared.*orders, reports/);
    await expect(run(['order'], [])).rejects.toBeInstanceOf(UsageError);
  });

  test.each(['--since 7weeks', '--since 0d', '--since 1h --month'])('wrong usage: %s', async (args) => {
    await expect(run(args.split(' '), [])).rejects.toMatchObject({
      code: expect.stringMatching(/^commander\./) as string,
    });
  });
});
