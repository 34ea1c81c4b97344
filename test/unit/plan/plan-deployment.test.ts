import { describe, expect, test } from 'vitest';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { planResources } from '../../../shared/config/plan/plan-resources.ts';
import { applyWhatIf } from '../../../shared/config/plan/what-if.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';
import { configOf, declare, planOf, sourceOf, type SourceInput } from '../../support/declare-plan.ts';

describe('lanes', () => {
  test('of a small source that may wait is the landing zone: it needs no shard', () => {
    expect(planOf(declare.push({ freshness: '10 minutes', volume: { gbPerDay: 1 } })).pattern).toBe(
      'micro-batch',
    );
  });

  test('of the same source is the stream where one is there anyway', () => {
    const plan = planDeployment(
      configOf({
        slow: declare.push({ freshness: '10 minutes', volume: { gbPerDay: 1 } }),
        fast: declare.push({ volume: { gbPerDay: 20 } }),
      }),
    );
    expect(sourceOf(plan, 'slow').pattern).toBe('stream');
    expect(sourceOf(plan, 'slow').reasons.join()).toMatch(/all sources taken together/);
  });

  test('many small sources share one stream, and each pays its part of it', () => {
    const sources = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`s${String(at)}`, declare.push({ volume: { gbPerDay: 1 } })]),
    );
    const plan = planDeployment(configOf(sources));
    expect(plan.resources.streams).toMatchObject([{ name: 'ingest', shards: 1 }]);
    const alone = planOf(declare.push({ volume: { gbPerDay: 1 } }));
    const kinesis = (services: typeof alone.byService): number =>
      services.find(({ service }) => service === 'Kinesis')?.usd ?? 0;
    expect(kinesis(alone.byService) / kinesis(sourceOf(plan, 's7').byService)).toBeGreaterThan(25);
  });

  test('shards follow from what comes to the stream, and are those of the user where there are some', () => {
    const shardsOf = (change: object, ingest: object = {}): number | undefined =>
      planResources(configOf({ it: declare.push(change) }, { ingest })).streams[0]?.shards;
    expect(shardsOf({ volume: { gbPerDay: 1 } })).toBe(1);
    // 1 TB a day in frames of 1,000 records of 1,000 bytes: 11.57 MB/s, compressed 3.69 times, at 0.6 MB/s.
    expect(shardsOf({ volume: { gbPerDay: 1_000 } })).toBe(Math.ceil(1e12 / 86_400 / 3.69 / 600_000));
    expect(shardsOf({ volume: { gbPerDay: 1_000 } }, { shards: 20 })).toBe(20);
  });
});

describe('a pattern that was set by hand', () => {
  test('is deployed, and priced against the choice of the plan', () => {
    const byHand = planOf(declare.push({ freshness: '1 hour', pattern: 'stream', volume: { gbPerDay: 1 } }));
    const planned = planOf(declare.push({ freshness: '1 hour', volume: { gbPerDay: 1 } }));
    expect(byHand).toMatchObject({ pattern: 'stream', isByHand: true });
    expect(planned).toMatchObject({ pattern: 'micro-batch', ownChoice: undefined });
    expect(byHand.ownChoice?.usdPerMonth).toBeCloseTo(planned.usdPerMonth, 6);
    expect(byHand.ownChoice?.says).toMatch(/would choose "micro-batch": \$[\d.]+ instead of \$/);
  });

  test('that is the choice of the plan is said to be', () => {
    const plan = planOf(declare.push({ pattern: 'stream' }));
    expect(plan.ownChoice?.says).toMatch(/is what the plan would choose/);
  });
});

/** One source of each kind, whose price and choices are looked at. */
const KINDS: readonly (readonly [string, SourceInput])[] = [
  ['a streamed source', declare.push()],
  ['a collected source', declare.push({ freshness: '10 minutes', volume: { gbPerDay: 1 } })],
  ['a webhook', declare.webhook()],
  ['a source with a stream of its own', declare.stream()],
  ['an API', declare.http()],
  ['files', declare.files()],
  ['a table that is read as a whole', declare.table()],
  ['a table', declare.table({ changes: 'upserts', incremental: { cursor: 'updated_at' } })],
];

describe.each(KINDS)('%s', (_name, source) => {
  const plan = planOf(source);

  test('is priced by service, and the services are the price', () => {
    const sum = plan.byService.reduce((total, { usd }) => total + usd, 0);
    expect(sum).toBeCloseTo(plan.usdPerMonth, 6);
    expect(plan.usdPerGb * plan.gbPerDay * (730 / 24)).toBeCloseTo(plan.usdPerMonth, 6);
    expect(plan.idleUsdPerMonth).toBeGreaterThan(0);
    expect(plan.idleUsdPerMonth).toBeLessThanOrEqual(plan.usdPerMonth);
  });

  test('says what is cheaper and what is faster, and both are true', () => {
    const { nextCheaper, nextFaster } = plan;
    if (nextCheaper !== undefined) {
      expect(nextCheaper.usdPerMonth).toBeLessThan(plan.usdPerMonth);
      expect(nextCheaper.askedMs).toBeGreaterThan(plan.freshness.askedMs);
      expect(nextCheaper.says).toMatch(/^relax .* to .*: −\d+ %$/);
    }
    if (nextFaster !== undefined) {
      expect(nextFaster.freshness.p99Ms).toBeLessThan(plan.freshness.p99Ms);
      expect(nextFaster.askedMs).toBeLessThan(plan.freshness.askedMs);
    }
  });

  test('costs on its curve what a plan with that freshness costs', () => {
    for (const { askedMs, usdPerMonth, freshness } of plan.curve) {
      const config = applyWhatIf(
        configOf({ it: source }),
        'it',
        `freshness=${String(askedMs / 1000)} seconds`,
      );
      const asked = sourceOf(planDeployment(config), 'it');
      expect(usdPerMonth).toBeCloseTo(asked.usdPerMonth, 4);
      expect(freshness.p99Ms).toBe(asked.freshness.p99Ms);
    }
  });

  test('is planned in the same way again', () => {
    expect(planOf(source)).toEqual(plan);
  });
});

describe('what a source on a shared stream would cost with another freshness', () => {
  test('counts what it costs the others that the stream is read more often for it', () => {
    const totalOf = (freshness: string): number =>
      planDeployment(
        configOf({
          large: declare.push({ volume: { gbPerDay: 20 } }),
          small: declare.push({ freshness, volume: { gbPerDay: 2 } }),
        }),
      ).usdPerMonth;
    const plan = planDeployment(
      configOf({
        large: declare.push({ volume: { gbPerDay: 20 } }),
        small: declare.push({ freshness: '1 minute', volume: { gbPerDay: 2 } }),
      }),
    );
    const small = sourceOf(plan, 'small');
    const fresh = small.curve.find(({ askedMs }) => askedMs === 10_000);
    const said = (fresh?.usdPerMonth ?? 0) - small.usdPerMonth;
    const really = totalOf('10 seconds') - totalOf('1 minute');
    expect(said / really).toBeGreaterThan(0.8);
    expect(said / really).toBeLessThan(1.2);
  });
});

describe('patterns that Headgate does not have', () => {
  const deletes = declare.table({ changes: 'upserts-and-deletes', incremental: undefined });

  test('a table with deletes that is read whole is deployed as it is declared', () => {
    expect(planOf(deletes)).toMatchObject({ pattern: 'batch', asksFor: 'batch' });
  });

  test('rows that are to be fresh within seconds ask for log CDC; the nearest is deployed, and what is lost is said', () => {
    const plan = planOf(
      declare.table({ freshness: '10 seconds', changes: 'upserts', incremental: { cursor: 'updated_at' } }),
    );
    expect(plan).toMatchObject({ pattern: 'query-cdc', asksFor: 'log-cdc' });
    const nearest = plan.findings.find(({ id }) => id === 'nearest-pattern');
    expect(nearest?.says).toMatch(
      /does not read the logs of databases.*Lost: deletes: .*; what a row was between two reads/,
    );
    expect(plan.tools.find(({ id }) => id === 'database-replication')).toMatchObject({
      verdict: 'hand-over',
    });
  });

  test('trigger CDC is deployed where a log of changes is declared', () => {
    const plan = planOf(
      declare.table({ changes: 'upserts-and-deletes', changeLog: { id: 'id' }, columns: { id: 'bigint' } }),
    );
    expect(plan).toMatchObject({ pattern: 'trigger-cdc', asksFor: 'trigger-cdc' });
  });
});

describe('other tools', () => {
  test('are the right ones for batches of more than 1 TB a day, with their prices', () => {
    const plan = planOf(declare.table({ volume: { gbPerDay: 1_500 } }));
    const spark = plan.tools.find(({ id }) => id === 'high-volume-batch');
    expect(spark?.verdict).toBe('hand-over');
    for (const tool of spark?.tools ?? []) {
      expect(tool.usdPerGb).toBeGreaterThan(0);
      expect(tool.sources[0]).toMatch(/^https:/);
      expect(tool.asOf).toMatch(/^20\d\d-\d\d$/);
    }
  });
});

describe('prices', () => {
  test('of another region change what the plan says, and not what is deployed', () => {
    const config = configOf({ slow: declare.push({ freshness: '10 minutes' }), fast: declare.push() });
    const dear = {
      ...PRICES,
      s3Put: { ...PRICES.s3Put, usd: 500 },
      dynamoWriteUnit: { ...PRICES.dynamoWriteUnit, usd: 60 },
    };
    const [here, there] = [planDeployment(config), planDeployment(config, dear)];
    expect(there.usdPerMonth).toBeGreaterThan(here.usdPerMonth);
    expect(there.resources).toEqual(here.resources);
  });
});
