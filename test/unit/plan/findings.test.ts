import { describe, expect, test } from 'vitest';
import { CONTRADICTIONS } from '../../../shared/config/plan/contradictions.ts';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { TRAPS } from '../../../shared/config/plan/traps.ts';
import type { Finding } from '../../../shared/domain/plan/finding.ts';
import { configOf, declare, planOf, sourceOf, type SourceInput } from '../../support/declare-plan.ts';

/** What a source has that is called `it`, alone or with others. */
function findingsOf(
  source: SourceInput,
  others: Record<string, SourceInput> = {},
  change: object = {},
): readonly Finding[] {
  return sourceOf(planDeployment(configOf({ ...others, it: source }, change)), 'it').findings;
}

/** Each rule: a source that breaks it, the answer that is named, and a source that does not. */
type Case = readonly [
  rule: string,
  breaks: SourceInput,
  field: string,
  level: Finding['level'],
  keeps: SourceInput,
  others?: Record<string, SourceInput>,
  change?: object,
];

const network = { subnets: ['subnet-0ab1', 'subnet-0ab2'], securityGroups: ['sg-0ab1'] };
const connection = { host: 'db.example.com', database: 'shop', user: 'headgate', auth: 'iam' };
const single = { recordsPerSecond: 50, recordBytes: 900 };

const CONTRADICTION_CASES: readonly Case[] = [
  [
    'fresher-than-a-schedule',
    declare.files({ freshness: '10 seconds' }),
    'freshness',
    'error',
    declare.files({ freshness: '1 minute' }),
  ],
  [
    'fresher-than-a-schedule',
    declare.http({ freshness: '30 seconds' }),
    'freshness',
    'error',
    declare.http(),
  ],
  [
    'fresher-than-a-schedule',
    declare.table({ freshness: '5 seconds' }),
    'freshness',
    'error',
    declare.files({ freshness: '30 seconds', notifications: true }),
  ],
  [
    'slower-than-asked',
    declare.push({ freshness: '10 seconds', pattern: 'micro-batch' }),
    'pattern',
    'error',
    declare.push({ freshness: '10 seconds' }),
  ],
  [
    'slower-than-asked',
    declare.files({ freshness: '10 seconds', notifications: true }),
    'freshness',
    'warning',
    declare.files({ freshness: '30 seconds', notifications: true }),
  ],
  [
    'alarm-below-schedule',
    declare.http({ alarms: { stoppedAfter: '10 minutes' } }),
    'alarms.stoppedAfter',
    'warning',
    declare.http({ alarms: { stoppedAfter: '1 hour' } }),
  ],
  [
    'latency-alarm-below-expected',
    declare.http({ alarms: { maxLatency: '2 minutes' } }),
    'alarms.maxLatency',
    'warning',
    declare.http({ alarms: { maxLatency: '30 minutes' } }),
  ],
  [
    'budget-only-watched',
    declare.http({ budget: { usdPerMonth: 900 } }),
    'budget.usdPerMonth',
    'warning',
    declare.http({ budget: { usdPerMonth: 900 }, polling: { floor: '1 minute' } }),
  ],
  [
    'budget-only-watched',
    declare.push({ budget: { usdPerMonth: 900 }, freshness: '5 seconds', orderBy: ['id'] }),
    'budget.usdPerMonth',
    'warning',
    declare.push({ budget: { usdPerMonth: 900 }, freshness: '5 seconds' }),
  ],
  [
    'limit-below-volume',
    declare.push({ volume: { recordsPerSecond: 300, recordBytes: 500 }, recordsPerRequest: 1 }),
    'limits.requestsPerSecond',
    'error',
    declare.push({ volume: { recordsPerSecond: 300, recordBytes: 500 } }),
  ],
  [
    'bytes-limit-below-volume',
    declare.push({ limits: { bytesPerSecond: '10 kB' } }),
    'limits.bytesPerSecond',
    'error',
    declare.push({ limits: { bytesPerSecond: '1 MB' } }),
  ],
  [
    'reads-never-catch-up',
    declare.http({ volume: { gbPerDay: 5_000 } }),
    'volume',
    'warning',
    declare.http({ volume: { gbPerDay: 50 } }),
  ],
  [
    'api-budget-below-volume',
    declare.http({ volume: { gbPerDay: 5 }, apiBudget: { requests: 100, per: '1 hour' } }),
    'apiBudget',
    'error',
    declare.http({ apiBudget: { requests: 100, per: '1 minute' } }),
  ],
  [
    'stream-too-small',
    declare.stream({ volume: { gbPerDay: 200 }, shards: 2 }),
    'shards',
    'error',
    declare.stream({ volume: { gbPerDay: 200 } }),
  ],
  [
    'landing-too-slow',
    declare.push({ freshness: '10 minutes', pattern: 'micro-batch', volume: { gbPerDay: 2_000 } }),
    'volume',
    'warning',
    declare.push({ freshness: '10 minutes', pattern: 'micro-batch' }),
  ],
  [
    'more-than-a-stream',
    declare.stream({ volume: { gbPerDay: 30_000 } }),
    'volume',
    'error',
    declare.stream(),
  ],
  [
    'requests-larger-than-allowed',
    declare.push({ recordsPerRequest: 9_000, volume: { recordsPerSecond: 10_000, recordBytes: 9_000 } }),
    'recordsPerRequest',
    'error',
    declare.push({ recordsPerRequest: 900 }),
  ],
];

const TRAP_CASES: readonly Case[] = [
  [
    'streaming-where-batch-would-do',
    declare.push({ freshness: '1 hour', pattern: 'stream', volume: { gbPerDay: 1 }, recordsPerRequest: 500 }),
    'pattern',
    'warning',
    declare.push({ freshness: '1 hour', volume: { gbPerDay: 1 } }),
  ],
  ['stream-that-idles', declare.stream({ volume: { gbPerDay: 0.5 } }), 'type', 'warning', declare.stream()],
  [
    'single-record-requests',
    declare.push({ volume: single, recordsPerRequest: 1 }),
    'recordsPerRequest',
    'warning',
    declare.push({ volume: single, recordsPerRequest: 50 }),
  ],
  [
    'single-record-requests',
    declare.stream(),
    'type',
    'warning',
    declare.stream({ volume: { recordsPerSecond: 5, recordBytes: 20_000 } }),
  ],
  [
    'too-many-small-files',
    declare.push({ freshness: '5 seconds', volume: { gbPerDay: 1 } }),
    'freshness',
    'warning',
    declare.push({ freshness: '1 hour', pattern: 'micro-batch', volume: { gbPerDay: 1 } }),
  ],
  [
    'too-many-small-files',
    declare.push({ freshness: '1 hour', volume: { gbPerDay: 1 } }),
    'pattern',
    'warning',
    declare.table(),
    { fast: declare.push({ freshness: '5 seconds' }) },
  ],
  [
    'redundant-ingestion',
    declare.http(),
    'url',
    'warning',
    declare.http({ url: 'https://api.example.com/customers' }),
    { first: declare.http({ freshness: '1 hour' }) },
  ],
  [
    'redundant-ingestion',
    declare.table(),
    'table',
    'warning',
    declare.table({ table: 'public.customers' }),
    { first: declare.table({ freshness: '1 hour' }) },
  ],
  [
    'redundant-ingestion',
    declare.files({ location: 's3://supplier/stock/2026/' }),
    'location',
    'warning',
    declare.files({ location: 's3://supplier/prices/' }),
    { first: declare.files() },
  ],
  [
    'inefficient-format',
    declare.files({ volume: { gbPerDay: 20 } }),
    'format',
    'warning',
    declare.files({ volume: { gbPerDay: 20 }, pattern: '**/*.csv.gz' }),
  ],
  [
    'nat-gateway',
    declare.table({ connection: { ...connection, network } }),
    'connection.network',
    'warning',
    declare.table(),
  ],
  [
    'cross-zone-traffic',
    declare.table({ volume: { gbPerDay: 20 }, connection: { ...connection, network } }),
    'connection.network.subnets',
    'warning',
    declare.table({
      volume: { gbPerDay: 20 },
      connection: { ...connection, network: { ...network, subnets: ['subnet-0ab1'] } },
    }),
  ],
  ['over-provisioned-shards', declare.stream({ shards: 9 }), 'shards', 'warning', declare.stream()],
  [
    'chatty-logs',
    declare.push({ volume: single, recordsPerRequest: 1 }),
    'recordsPerRequest',
    'warning',
    declare.push({ volume: { gbPerDay: 100 } }),
  ],
  [
    'chatty-logs',
    declare.webhook({ volume: { recordsPerSecond: 10, recordBytes: 900 } }),
    'type',
    'warning',
    declare.webhook({ volume: { recordsPerSecond: 0.01, recordBytes: 900 } }),
  ],
];

const fieldOf = (field: string): string => `sources.it.${field}`;

function describeRows(kind: string, cases: readonly Case[], ids: readonly string[]): void {
  describe(kind, () => {
    for (const [at, [id, breaks, field, level, keeps, others, change]] of cases.entries()) {
      test(`${id} (${String(at)}): names the answer, says why and what to do`, () => {
        const found = findingsOf(breaks, others, change).find((finding) => finding.id === id);
        expect(found).toMatchObject({ level, field: fieldOf(field) });
        expect(found?.says).toMatch(/\w{3}/);
        expect(found?.next).toMatch(/\w{3}/);
        expect(findingsOf(keeps, others, change).map((finding) => finding.id)).not.toContain(id);
      });
    }

    test('have a case above for each row', () => {
      expect([...new Set(cases.map(([id]) => id))].sort()).toEqual([...ids].sort());
    });
  });
}

describeRows(
  'contradictions',
  CONTRADICTION_CASES,
  CONTRADICTIONS.map(({ id }) => id),
);
describeRows(
  'traps',
  TRAP_CASES,
  TRAPS.map(({ id }) => id),
);

describe('the money at stake', () => {
  test('of requests with single records is what batches of 500 save', () => {
    const alone = declare.push({ volume: single, recordsPerRequest: 1 });
    const found = findingsOf(alone).find(({ id }) => id === 'single-record-requests');
    const saved =
      planOf(alone).usdPerMonth -
      planOf(declare.push({ volume: single, recordsPerRequest: 500 })).usdPerMonth;
    expect(found?.usdPerMonth).toBeCloseTo(saved, 6);
    expect(saved).toBeGreaterThan(100);
  });

  test('of shards beyond the volume is their price by the hour', () => {
    const found = findingsOf(declare.stream({ shards: 9 }), {}, { ingest: { retention: '1 day' } });
    const over = found.find(({ id }) => id === 'over-provisioned-shards');
    // 10 GB a day as plain JSON fill a fifth of one shard; 8 more at 0.015 dollars an hour.
    expect(over?.usdPerMonth).toBeCloseTo(8 * 730 * 0.015, 6);
  });

  test('of a NAT gateway is its hours and what goes through it', () => {
    const found = findingsOf(declare.table({ connection: { ...connection, network } }));
    const nat = found.find(({ id }) => id === 'nat-gateway')?.usdPerMonth ?? 0;
    expect(nat).toBeGreaterThan(730 * 0.045);
    expect(nat).toBeLessThan(730 * 0.045 + 1);
  });

  test('below half a dollar a month is not worth a word', () => {
    const found = findingsOf(declare.files({ volume: { gbPerDay: 0.1 } }));
    expect(found.map(({ id }) => id)).not.toContain('inefficient-format');
  });
});

describe('budgets', () => {
  test('that are kept are not mentioned', () => {
    expect(findingsOf(declare.push({ budget: { usdPerGb: 5 } })).map(({ id }) => id)).not.toContain(
      'over-budget',
    );
  });

  test('that one change meets name it, and it does', () => {
    const source = { volume: single, recordsPerRequest: 1 };
    const over = findingsOf(declare.push({ ...source, budget: { usdPerGb: 0.6 } })).find(
      ({ id }) => id === 'over-budget',
    );
    expect(over).toMatchObject({ level: 'error', field: 'sources.it.budget' });
    expect(over?.next).toMatch(/^set recordsPerRequest: 500: /);
    expect(planOf(declare.push({ ...source, recordsPerRequest: 500 })).usdPerGb).toBeLessThanOrEqual(0.6);
  });

  test('that nothing meets name the nearest that can be met', () => {
    const over = findingsOf(declare.push({ budget: { usdPerMonth: 0.01 } })).find(
      ({ id }) => id === 'over-budget',
    );
    expect(over?.next).toMatch(/^no plan meets it\. The nearest: .*or raise the budget/);
  });

  test('of the deployment name the largest savings first, until they meet it', () => {
    const sources = {
      chatty: declare.push({ volume: single, recordsPerRequest: 1 }),
      quiet: declare.http(),
    };
    const { findings, usdPerMonth } = planDeployment(configOf(sources, { budget: { usdPerMonth: 60 } }));
    expect(usdPerMonth).toBeGreaterThan(60);
    expect(findings).toMatchObject([{ id: 'deployment-over-budget', level: 'error', field: 'budget' }]);
    expect(findings[0]?.next).toMatch(/^this meets it: sources\.chatty: /);
    expect(planDeployment(configOf(sources, { budget: { usdPerMonth: 800 } })).findings).toEqual([]);
  });
});
