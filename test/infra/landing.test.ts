import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import { functionsOf } from '../../infra/bundling/bundled-code.ts';
import { planLandingSchedules, type LandingSchedule } from '../../shared/config/plan/landing-schedules.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { orders } from './configs.ts';
import { createApp, resourcesOf, synth, templateOf } from './synth.ts';

type SourceInput = HeadgateConfigInput['sources'][string];

/** A pushed source that is collected. */
const collected = (changed: object = {}): SourceInput => ({ ...orders, freshness: '10 minutes', ...changed });

const schedulesOf = (sources: Record<string, SourceInput>): readonly LandingSchedule[] =>
  planLandingSchedules(parseConfig({ sources }));

/** Windows and sources of the schedules. */
const planOf = (sources: Record<string, SourceInput>): [number, string][] =>
  schedulesOf(sources).map(({ windowMinutes, sources: names }) => [windowMinutes, names.join()]);

describe('the schedules of the landing lane', () => {
  test.each([
    ['2 minutes', 1],
    ['3 minutes', 1],
    ['4 minutes', 2],
    ['11 minutes', 5],
    ['2 hours', 60],
    ['30 days', 60],
  ])('a freshness of %s leaves half of it for landing: every %i minutes', (freshness, minutes) => {
    expect(planOf({ a: collected({ freshness }) })).toEqual([[minutes, 'a']]);
  });

  test('a source that is collected by hand although it is to be fresh is landed each minute', () => {
    expect(planOf({ a: collected({ freshness: '10 seconds', pattern: 'micro-batch' }) })).toEqual([[1, 'a']]);
  });

  test('what is spilled is landed within five minutes at most', () => {
    const spill = { overflow: 'spill' };
    expect(planOf({ a: collected({ ...spill, freshness: '10 seconds' }) })).toEqual([[1, 'a']]);
    expect(planOf({ a: collected({ ...spill, freshness: '1 hour', pattern: 'stream' }) })).toEqual([
      [5, 'a'],
    ]);
  });

  test('none is there where every source is streamed', () => {
    expect(planOf({ orders })).toEqual([]);
  });

  test('a streamed source is looked at each hour: frames may wait from the time before it was streamed', () => {
    expect(planOf({ a: collected(), b: orders })).toEqual([
      [5, 'a'],
      [60, 'b'],
    ]);
  });

  test('sources with one window share a schedule while one run can land what they bring', () => {
    // A run of five minutes is planned with 8 MB/s: 691 GB a day.
    const half = collected({ volume: { gbPerDay: 300 } });
    expect(planOf({ a: half, b: half })).toEqual([[5, 'a,b']]);
    expect(planOf({ a: half, b: half, c: half, d: collected() })).toEqual([
      [5, 'a,b,d'],
      [5, 'c'],
    ]);
    const names = schedulesOf({ a: half, b: half, c: half }).map(({ name }) => name);
    expect(names).toEqual(['every-5-minutes-1', 'every-5-minutes-2']);
  });

  test('a run has fifteen minutes, however long it collects', () => {
    const volume = { recordsPerSecond: 1_500, recordBytes: 1_000 };
    const hourly = collected({ freshness: '3 hours', volume });
    expect(schedulesOf({ a: hourly })[0]?.isOverloaded).toBe(false);
    expect(planOf({ a: hourly, b: hourly })).toEqual([
      [60, 'a'],
      [60, 'b'],
    ]);
  });

  test('only a single source brings more than one run can land, and that is said', () => {
    const much = collected({ volume: { gbPerDay: 2_000 } });
    expect(schedulesOf({ a: much, b: collected() }).map(({ isOverloaded }) => isOverloaded)).toEqual([
      true,
      false,
    ]);
    const app = createApp({
      sources: { a: collected({ volume: { gbPerDay: 2_000 }, pattern: 'micro-batch' }) },
    });
    Annotations.fromStack(Stack.of(app.node.findChild('headgate-landing'))).hasWarning(
      '*',
      Match.stringLikeRegexp('sources.a.volume: .* pattern: "stream"'),
    );
  });

  test('hundreds of sources do not make an event that is too long', () => {
    const sources = Object.fromEntries(
      Array.from({ length: 450 }, (_, at) => [`s${String(at)}`, collected({ volume: { gbPerDay: 0.001 } })]),
    );
    const sizes = schedulesOf(sources).map(({ sources: names }) => names.length);
    expect(sizes).toEqual([200, 200, 50]);
  });
});

const byHand = { pattern: 'micro-batch' } as const;
const templates = synth({ name: 'lab', sources: { reports: collected(byHand), orders } });
const landing = templateOf(templates, 'landing');

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** What a lane's function may do with objects: actions with the prefixes that they are allowed under. */
function objectAccess(stack: string): string[] {
  return resourcesOf(new Map([[stack, templateOf(templates, stack)]]), 'AWS::IAM::Policy')
    .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement)
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => {
        const prefixes = [...JSON.stringify(Resource).matchAll(/"\/([^"]*)\*"/g)].map(([, prefix]) => prefix);
        return action.startsWith('s3:') ? prefixes.map((prefix) => `${action} ${prefix ?? ''}`) : [];
      }),
    )
    .sort();
}

describe('the land function', () => {
  test('is started by a schedule that names its sources, and whose failed events and runs are kept', () => {
    landing.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'every-5-minutes-1',
      GroupName: Match.anyValue(),
      ScheduleExpression: 'rate(5 minutes)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: Match.objectLike({
        Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Lander'), 'Arn'] },
        Input: '{"sources":["reports"]}',
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('ScheduleDeadLetters'), 'Arn'] } },
      }),
    });
    landing.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('RunDeadLetters'), 'Arn'] } },
      },
    });
  });

  test('reads and removes frames, keeps manifests, and lands: nothing else of the lake', () => {
    expect(objectAccess('landing')).toEqual([
      's3:DeleteObject landing/frames/',
      's3:GetObject landing/batches/',
      's3:GetObject landing/claims/',
      's3:GetObject landing/frames/',
      's3:GetObject quarantine/',
      's3:GetObject raw/',
      's3:PutObject landing/batches/',
      's3:PutObject landing/claims/',
      's3:PutObject quarantine/',
      's3:PutObject raw/',
    ]);
  });

  test('has the environment that its handler reads, and its size', () => {
    const [fn] = resourcesOf(new Map([['landing', landing]]), 'AWS::Lambda::Function');
    const { Variables } = fn?.Properties['Environment'] as { Variables: object };
    expect(Object.keys(Variables).sort()).toEqual([
      'CLAIMS_TABLE',
      'LAKE_BUCKET',
      'LEDGER_TABLE',
      'NODE_OPTIONS',
    ]);
    expect(fn?.Properties).toMatchObject({ FunctionName: 'lab-land', MemorySize: 1769, Timeout: 900 });
  });

  test('has alarms of its own, dead letters included', () => {
    const names = resourcesOf(templates, 'AWS::CloudWatch::Alarm').map(({ Properties }) =>
      String(Properties['AlarmName']),
    );
    for (const alarm of [
      'function-errors',
      'function-throttles',
      'schedule-dead-letters',
      'run-dead-letters',
    ])
      expect(names).toContain(`lab-land-${alarm}`);
  });
});

describe('frames that wait', () => {
  test('are put there by the push function, which can neither read nor remove one', () => {
    expect(objectAccess('push')).toEqual(['s3:PutObject landing/frames/']);
  });

  test('do not expire; what was removed is gone a day later', () => {
    const [bucket] = resourcesOf(templates, 'AWS::S3::Bucket');
    const { Rules } = bucket?.Properties['LifecycleConfiguration'] as {
      Rules: readonly { Prefix?: string; ExpirationInDays?: number }[];
    };
    const rules = Rules.filter(({ Prefix = '' }) => 'landing/frames/x'.startsWith(Prefix));
    expect(rules.every(({ ExpirationInDays }) => ExpirationInDays === undefined)).toBe(true);
    expect(rules).toContainEqual(
      expect.objectContaining({
        Prefix: 'landing/frames/',
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      }),
    );
  });
});

describe('a deployment', () => {
  test('whose sources are all collected has no stream and no consumer: nothing costs while nothing comes', () => {
    const all = synth({ name: 'lab', sources: { reports: collected() } });
    expect([...all.keys()].sort()).toEqual(['landing', 'observability', 'push', 'storage', 'watch']);
    expect(resourcesOf(all, 'AWS::Kinesis::Stream')).toEqual([]);
    expect(functionsOf(parseConfig({ sources: { reports: collected() } }))).toEqual([
      'push',
      'land',
      'watch',
    ]);
  });

  test('whose sources are all streamed has no landing zone', () => {
    expect(synth({ name: 'lab', sources: { orders } }).has('landing')).toBe(false);
    expect(functionsOf(parseConfig({ sources: { orders } }))).toEqual(['push', 'stream', 'watch']);
  });

  test('with a source that spills has both', () => {
    const spilling = { ...orders, overflow: 'spill' } as const;
    expect(synth({ name: 'lab', sources: { spilling } }).has('landing')).toBe(true);
    expect(functionsOf(parseConfig({ sources: { spilling } }))).toEqual(['push', 'stream', 'land', 'watch']);
  });
});
