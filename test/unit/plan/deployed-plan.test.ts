import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  diffPlans,
  readPlanTexts,
  toDeployedPlan,
  toPlanTexts,
  type DeployedPlan,
} from '../../../shared/config/plan/deployed-plan.ts';
import { planResources } from '../../../shared/config/plan/plan-resources.ts';
import { configOf, declare, type SourceInput } from '../../support/declare-plan.ts';

const deployedOf = (sources: Record<string, SourceInput>, change: object = {}): DeployedPlan =>
  toDeployedPlan(planResources(configOf(sources, change)));

const slow = declare.push({ freshness: '10 minutes', volume: { gbPerDay: 1 } });

describe('the plan that a deployment keeps', () => {
  test('says of each source where it goes', () => {
    const plan = deployedOf({ fast: declare.push(), api: declare.http(), own: declare.stream() });
    expect(plan.sources).toEqual({
      fast: { lane: 'stream', freshness: '30 seconds', stream: 'ingest' },
      api: { lane: 'pull', freshness: '15 minutes', everyMinutes: 15 },
      own: { lane: 'stream', freshness: '10 seconds', stream: 'own' },
    });
    expect(plan.streams).toEqual({
      ingest: { shards: 1, batchingWindowSeconds: 10, retentionHours: 168 },
      own: { shards: 1, batchingWindowSeconds: 3, retentionHours: 168 },
    });
    expect(plan.memoryMiB).toEqual({ push: 1769, stream: 1769, pull: 1024 });
  });

  test('is the same when it is read again, in parts that a parameter of SSM takes each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 250 }), fc.integer({ min: 1, max: 63 }), (count, length) => {
        const names = Array.from({ length: count }, (_, at) => `s${String(at)}`.padEnd(length, 'x'));
        const plan: DeployedPlan = {
          version: 1,
          sources: Object.fromEntries(
            names.map((name, at) => [name, { lane: 'pull', freshness: '15 minutes', everyMinutes: at }]),
          ),
          streams: Object.fromEntries(
            names.map((name, shards) => [name, { shards, batchingWindowSeconds: 3, retentionHours: 24 }]),
          ),
          memoryMiB: { push: 1769 },
        };
        const texts = toPlanTexts(plan);
        for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
        // SSM gives them back in the order of their names as text, not as numbers.
        expect(readPlanTexts([...texts].sort())).toEqual(plan);
      }),
      { numRuns: 40 },
    );
  });

  test('of another version is not understood, and not taken for something else', () => {
    expect(readPlanTexts(['{"version":2,"sources":{}}'])).toBeUndefined();
    expect(readPlanTexts(['no JSON'])).toBeUndefined();
    expect(readPlanTexts(['{"version":1,"sources":{"a":{"lane":"pull"}}}'])).toBeUndefined();
  });
});

describe('what a deployment would change', () => {
  test('is nothing where the plan is the same', () => {
    const plan = deployedOf({ fast: declare.push(), slow });
    expect(diffPlans(plan, plan, 'lab')).toEqual([]);
  });

  test('names what comes, goes and changes', () => {
    const before = deployedOf({ a: declare.http(), b: declare.http() });
    const after = deployedOf({ a: declare.http({ freshness: '1 hour' }), c: declare.files() });
    expect(diffPlans(before, after, 'lab').map(({ what, change }) => [what, change])).toEqual([
      ['sources.a', 'changed'],
      ['sources.b', 'removed'],
      ['sources.c', 'added'],
    ]);
    expect(diffPlans(before, after, 'lab')[0]?.says).toBe(
      'pull lane, every 15 minutes, fresh within 15 minutes → pull lane, every 1 hour, fresh within 1 hour',
    );
  });

  test('says that a source which had the landing zone for itself leaves frames behind that its stack still lands', () => {
    const moved = diffPlans(deployedOf({ slow }), deployedOf({ slow, fast: declare.push() }), 'lab');
    expect(moved.find(({ what }) => what === 'functions.land')?.note).toMatch(
      /stack lab-landing behind, which goes on landing what waits/,
    );
  });

  test('says nothing of the sort while frames of another source may still spill into the landing zone', () => {
    const spilling = declare.push({ overflow: 'spill' });
    const moved = diffPlans(
      deployedOf({ slow: { ...slow, pattern: 'micro-batch' } as typeof slow, spilling }),
      deployedOf({ slow, spilling }),
      'lab',
    );
    expect(moved.map(({ what }) => what)).toEqual(['sources.slow']);
    expect(moved[0]?.note).toBeUndefined();
  });

  test.each([
    ['pull', declare.http(), /stack lab-pull behind, which goes on reading its sources/],
    ['extract', declare.table(), /stack lab-extract behind.*delete-stack --stack-name lab-extract/],
    ['stream', declare.stream(), /stack lab-stream behind, which goes on landing/],
  ])(
    'says which stack the last source of the lane %s leaves behind, and what to do',
    (lane, source, says) => {
      const files = declare.push({ pattern: 'micro-batch', freshness: '10 minutes' });
      const emptied = diffPlans(deployedOf({ files, it: source }), deployedOf({ files }), 'lab');
      expect(emptied.find(({ what }) => what === `functions.${lane}`)?.note).toMatch(says);
      const kept = diffPlans(deployedOf({ other: source, it: source }), deployedOf({ other: source }), 'lab');
      expect(kept.filter(({ what }) => what.startsWith('functions.'))).toEqual([]);
    },
  );

  test('says what a source that is removed leaves on its stream, and in the landing zone', () => {
    const own = diffPlans(deployedOf({ it: declare.stream(), slow }), deployedOf({ slow }), 'lab');
    expect(own.find(({ what }) => what === 'streams.it')?.note).toMatch(/stream is kept.*delete it when/);
    expect(own.find(({ what }) => what === 'sources.it')?.note).toMatch(/UNKNOWN_SOURCE/);
    const files = declare.push({ pattern: 'micro-batch', freshness: '10 minutes' });
    const collected = diffPlans(deployedOf({ it: files, files }), deployedOf({ files }), 'lab');
    expect(collected.find(({ what }) => what === 'sources.it')?.note).toMatch(/landing zone have landed/);
  });

  test('says that a shared stream which nobody needs any more must drain', () => {
    const moved = diffPlans(deployedOf({ slow, fast: declare.push() }), deployedOf({ slow }), 'lab');
    expect(moved.find(({ what }) => what === 'sources.slow')?.note).toMatch(/let it drain/);
  });

  test.each([
    [2, 4, undefined],
    [2, 5, /doubles at most: deploy with 4 shards first/],
    [8, 4, undefined],
    [9, 4, /halves at most: deploy with 5 shards first/],
  ])('%i shards that become %i', (from, to, note) => {
    const plan = (shards: number): DeployedPlan => deployedOf({ it: declare.stream({ shards }) });
    const found = diffPlans(plan(from), plan(to), 'lab').find(({ what }) => what === 'streams.it')?.note;
    if (note === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(note);
  });
});
