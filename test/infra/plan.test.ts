import { describe, expect, test } from 'vitest';
import { planParameterPath, readPlanTexts, toDeployedPlan } from '../../shared/config/plan/deployed-plan.ts';
import { planDeployment } from '../../shared/config/plan/plan-deployment.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { FUNCTION_SIZES } from '../../shared/domain/plan/function-sizes.ts';
import { WATCH_EXPRESSION } from '../../shared/domain/plan/schedule.ts';
import { everything, orders, rates, sensors } from './configs.ts';
import { resourcesOf, synth } from './synth.ts';

/*
 * What `headgate plan` says is what the template has: streams with their shards and batches, schedules with their
 * sources, the sizes of functions, and the plan that is kept beside the deployment.
 */

const unsized = { ...sensors, shards: undefined };

/** Configurations whose lanes, shards and windows are planned in different ways. */
const CONFIGS: readonly (readonly [string, HeadgateConfigInput])[] = [
  ['a source of every type', everything],
  [
    'a source that may wait beside one that may not',
    { sources: { orders, reports: { ...orders, freshness: '10 minutes' } } },
  ],
  [
    'sources that may all wait',
    { sources: { a: { ...orders, freshness: '10 minutes' }, b: { ...orders, freshness: '3 hours' } } },
  ],
  [
    'volumes that fill several shards',
    {
      sources: {
        orders: { ...orders, volume: { gbPerDay: 900 } },
        sensors: { ...unsized, volume: { gbPerDay: 400 } },
      },
    },
  ],
  [
    'a pattern by hand',
    { sources: { orders, b: { ...orders, freshness: '20 seconds', pattern: 'micro-batch' } } },
  ],
  ['only what is read', { sources: { rates } }],
];

describe.each(CONFIGS)('the template of %s', (_name, input) => {
  const templates = synth(input);
  const plan = planDeployment(parseConfig(input));
  const { streams, landing, reads } = plan.resources;

  test('has the streams of the plan, with their shards and batches', () => {
    const deployed = resourcesOf(templates, 'AWS::Kinesis::Stream').map(
      ({ Properties }) => Properties['ShardCount'],
    );
    expect(deployed.sort()).toEqual(streams.map(({ shards }) => shards).sort());
    const windows = resourcesOf(templates, 'AWS::Lambda::EventSourceMapping')
      // Queues have mappings of their own.
      .filter(({ Properties }) => 'StartingPosition' in Properties)
      .map(({ Properties }) => Properties['MaximumBatchingWindowInSeconds']);
    expect(windows.sort()).toEqual(
      streams.map(({ eventSource }) => eventSource.maxBatchingWindowSeconds).sort(),
    );
  });

  test('has the schedules of the plan, with their sources', () => {
    const deployed = resourcesOf(templates, 'AWS::Scheduler::Schedule').map(({ Properties }) => {
      const { Input } = Properties['Target'] as { Input: string };
      const { source, sources = [] } = JSON.parse(Input) as { source?: string; sources?: string[] };
      return [
        Properties['ScheduleExpression'],
        [...sources, ...(source === undefined ? [] : [source])].join(),
      ];
    });
    const rate = (minutes: number): string => `rate(${String(minutes)} minute${minutes === 1 ? '' : 's'})`;
    expect(deployed.sort()).toEqual(
      [
        ...landing.map(({ windowMinutes, sources }) => [rate(windowMinutes), sources.join()]),
        ...reads.map(({ minutes, source }) => [rate(minutes), source]),
        // All sources are watched.
        [WATCH_EXPRESSION, ''],
      ].sort(),
    );
  });

  test('has the functions of the plan, with their memory, and no others', () => {
    const deployed = resourcesOf(templates, 'AWS::Lambda::Function').map(({ Properties }) => [
      String(Properties['FunctionName']).replace(/^.*-/, ''),
      Properties['MemorySize'],
    ]);
    // The landing zone is looked at while any source may use it.
    const planned = new Map(
      plan.sources.flatMap(({ resources }) =>
        resources.flatMap((each) => (each.kind === 'function' ? [[each.name, each.memoryMiB] as const] : [])),
      ),
    );
    planned.set('watch', FUNCTION_SIZES.watch.memoryMiB);
    expect(deployed.sort()).toEqual([...planned].map(([name, memory]) => [name, memory]).sort());
  });

  test('keeps the plan beside the deployment', () => {
    const path = planParameterPath(parseConfig(input).name);
    const texts = resourcesOf(templates, 'AWS::SSM::Parameter')
      .filter(({ Properties }) => String(Properties['Name']).startsWith(path))
      .map(({ Properties }) => String(Properties['Value']));
    expect(readPlanTexts(texts)).toEqual(toDeployedPlan(plan.resources));
  });
});
