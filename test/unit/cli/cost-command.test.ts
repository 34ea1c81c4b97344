import { describe, expect, test } from 'vitest';
import { createCostCommand } from '../../../cli/commands/cost.ts';
import { UsageError } from '../../../cli/terminal.ts';
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
): Promise<Run> {
  const lines: string[] = [];
  const asked: Run['asked'] = [];
  let closed = 0;
  const command = createCostCommand(
    {
      terminal: { out: (text) => void lines.push(text), err: () => undefined, confirm: undefined },
      clock: new ManualClock({ startMs: NOW_MS }),
      loadConfig: () => Promise.resolve(config),
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
