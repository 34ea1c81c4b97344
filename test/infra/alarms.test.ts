import { describe, expect, test } from 'vitest';
import { planAlarmWindow } from '../../infra/alarm-window.ts';
import { everything, orders } from './configs.ts';
import { resourcesOf, synth, templateOf } from './synth.ts';

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

interface AlarmProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly Dimension[];
  readonly Metrics?: readonly {
    readonly Expression?: string;
    readonly MetricStat?: {
      readonly Metric: { Dimensions: readonly Dimension[] };
      readonly Period?: number;
    };
  }[];
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly Statistic?: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Period: number;
  readonly ExtendedStatistic?: string;
}

const templates = synth(everything);
const alarms = resourcesOf(templates, 'AWS::CloudWatch::Alarm').map(
  ({ Properties }) => Properties as unknown as AlarmProperties,
);

function alarm(name: string): AlarmProperties {
  const found = alarms.find(({ AlarmName }) => AlarmName === `lab-${name}`);
  if (found === undefined)
    throw new Error(`no alarm lab-${name}, only ${alarms.map(({ AlarmName }) => AlarmName).join()}`);
  return found;
}

function dimensionsOf({ Dimensions = [], Metrics = [] }: AlarmProperties): readonly Dimension[][] {
  return Metrics.length === 0
    ? [[...Dimensions]]
    : Metrics.flatMap(({ MetricStat }) =>
        MetricStat === undefined ? [] : [[...MetricStat.Metric.Dimensions]],
      );
}

const values = (dimensions: readonly Dimension[] | undefined): Record<string, unknown> =>
  Object.fromEntries((dimensions ?? []).map(({ Name, Value }) => [Name, Value]));

const observability = templateOf(templates, 'observability');
const topicNamed = (word: string): string => {
  const found = Object.entries(observability.findResources('AWS::SNS::Topic')).find(([, { Properties }]) =>
    (Properties as { DisplayName: string }).DisplayName.endsWith(word),
  );
  if (found === undefined) throw new Error(`no topic of ${word}`);
  return found[0];
};
const topics = { critical: topicNamed('alarms'), warning: topicNamed('warnings') };

interface CompositeProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmRule: unknown;
  readonly AlarmActions: readonly unknown[];
  readonly OKActions: readonly unknown[];
}

const composites = resourcesOf(templates, 'AWS::CloudWatch::CompositeAlarm').map(
  ({ Properties }) => Properties as unknown as CompositeProperties,
);

/** Whether a composite alarm is on while an alarm is. */
function watches({ AlarmRule: rule }: CompositeProperties, { AlarmName: name }: AlarmProperties): boolean {
  const found = Object.entries(observability.findResources('AWS::CloudWatch::Alarm')).find(
    ([, { Properties }]) => (Properties as { AlarmName: string }).AlarmName === name,
  );
  return found !== undefined && JSON.stringify(rule).includes(`"${found[0]}"`);
}

const isWarning = ({ AlarmName: name }: AlarmProperties): boolean =>
  /-(warnings|spilled|over-budget)$/.test(name);

describe('the composite alarm of a source', () => {
  test.each(Object.keys(everything.sources))('%s: tells the topic of critical alarms once', (source) => {
    const found = composites.filter(({ AlarmName }) => AlarmName === `lab-${source}-critical`);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      AlarmActions: [{ Ref: topics.critical }],
      OKActions: [{ Ref: topics.critical }],
    });
    expect(found[0]?.AlarmDescription).toContain(`headgate status ${source}`);
    const watched = alarms.filter((child) => found[0] !== undefined && watches(found[0], child));
    expect(watched.map(({ AlarmName }) => AlarmName)).toContain(`lab-${source}-error-rate`);
    expect(watched.map(({ AlarmName }) => AlarmName)).toContain(`lab-${source}-findings`);
    expect(watched.filter(isWarning)).toEqual([]);
    for (const { AlarmName } of watched) expect(AlarmName).toMatch(new RegExp(`^lab-${source}-`));
  });
});

describe.each(alarms.map((properties) => [properties.AlarmName, properties] as const))(
  '%s',
  (_, properties) => {
    test('measures something in particular', () => {
      const all = dimensionsOf(properties);
      expect(all).not.toEqual([]);
      for (const dimensions of all) expect(dimensions).not.toEqual([]);
    });

    test('tells a topic when it fires and when it is over, or a composite alarm does, and only one of them', () => {
      const told = properties.AlarmActions ?? [];
      expect(properties.OKActions ?? []).toEqual(told);
      expect(told.length + composites.filter((composite) => watches(composite, properties)).length).toBe(1);
      if (told.length > 0)
        expect(told).toEqual([{ Ref: isWarning(properties) ? topics.warning : topics.critical }]);
    });

    test('says what silence means and what to do', () => {
      expect(['breaching', 'notBreaching']).toContain(properties.TreatMissingData);
      const text = JSON.stringify(properties.AlarmDescription);
      expect(text.length).toBeGreaterThan(80);
      expect(text).toMatch(/look|mend|ask|raise|check/i);
    });
  },
);

test('the topics take messages of the alarms of this deployment', () => {
  const policies = resourcesOf(templates, 'AWS::SNS::TopicPolicy');
  expect(policies).toHaveLength(2);
  for (const { Properties } of policies) {
    const { Statement: statements } = Properties['PolicyDocument'] as {
      readonly Statement: readonly { readonly Effect: string }[];
    };
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(allowed).toMatchObject([
      {
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      },
    ]);
    expect(JSON.stringify(allowed)).toContain(':alarm:lab-*');
  }
});

test('changes of its alarms are forwarded to an event bus where there is one', () => {
  const bus = 'arn:aws:events:us-east-1:123456789012:event-bus/alarms';
  const rules = resourcesOf(synth({ ...everything, notify: { eventBus: bus } }), 'AWS::Events::Rule').filter(
    ({ Properties }) => JSON.stringify(Properties).includes('CloudWatch Alarm State Change'),
  );
  expect(rules.map(({ Properties }) => Properties)).toMatchObject([
    {
      EventPattern: { source: ['aws.cloudwatch'], detail: { alarmName: [{ prefix: 'lab-' }] } },
      Targets: [{ Arn: bus }],
    },
  ]);
});

test('names of alarms are unique', () => {
  const names = [...alarms, ...composites].map(({ AlarmName }) => AlarmName);
  expect(new Set(names).size).toBe(names.length);
});

describe('the alarms of a source', () => {
  test('stopped: nothing received for the configured time, where silence is what is wrong', () => {
    const stopped = alarm('orders-stopped');
    expect(stopped).toMatchObject({
      MetricName: 'RecordErrors',
      Statistic: 'SampleCount',
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
    expect(stopped.Period * stopped.EvaluationPeriods).toBe(20 * 60);
    expect(stopped.DatapointsToAlarm).toBe(stopped.EvaluationPeriods);
    expect(values(stopped.Dimensions)).toEqual({ source: 'orders' });
  });

  test('stopped is there only where the configuration asks for it', () => {
    expect(alarms.filter(({ AlarmName }) => AlarmName.endsWith('-stopped'))).toHaveLength(1);
  });

  test('spilled: requests that the stream did not take, only where a source may spill', () => {
    const overflowing = {
      ...everything,
      sources: { ...everything.sources, orders: { ...orders, overflow: 'spill' as const } },
    };
    const spilled = resourcesOf(synth(overflowing), 'AWS::CloudWatch::Alarm')
      .map(({ Properties }) => Properties as unknown as AlarmProperties)
      .filter(({ AlarmName }) => AlarmName.endsWith('-spilled'));
    expect(spilled).toMatchObject([
      {
        AlarmName: 'lab-orders-spilled',
        MetricName: 'RequestsSpilled',
        Threshold: 0,
        TreatMissingData: 'notBreaching',
      },
    ]);
    expect(values(spilled[0]?.Dimensions)).toEqual({ source: 'orders' });
    expect(alarms.some(({ AlarmName }) => AlarmName.endsWith('-spilled'))).toBe(false);
  });

  test('of a source that lands on a schedule: what to look at when it is late, and an idle function', () => {
    const collected = {
      ...everything,
      sources: {
        ...everything.sources,
        orders: { ...orders, freshness: '1 hour' as const, pattern: 'micro-batch' as const },
      },
    };
    const found = resourcesOf(synth(collected), 'AWS::CloudWatch::Alarm').map(
      ({ Properties }) => Properties as unknown as AlarmProperties,
    );
    const of = (name: string): AlarmProperties | undefined =>
      found.find(({ AlarmName }) => AlarmName === `lab-${name}`);
    expect(of('orders-latency')?.AlarmDescription).toContain('land function');
    expect(of('land-function-idle')).toMatchObject({
      MetricName: 'Invocations',
      Period: 3600,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
    expect(alarms.some(({ AlarmName }) => AlarmName === 'lab-land-function-idle')).toBe(false);
  });

  test('latency: p99 over the configured limit, where records land', () => {
    const latency = alarm('orders-latency');
    expect(latency).toMatchObject({
      MetricName: 'EndToEndLatency',
      ExtendedStatistic: 'p99',
      Threshold: 180_000,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
    expect(values(latency.Dimensions)).toEqual({ source: 'orders' });
  });

  test.each([
    ['clicks', 180_000],
    // Twice 24 seconds is under a minute.
    ['sensors', 60_000],
  ])('latency of %s is twice its freshness by default, a minute at least', (source, threshold) => {
    expect(alarm(`${source}-latency`).Threshold).toBe(threshold);
  });

  test('late: of a source that is read, its age after the best run of three intervals, or silence', () => {
    const late = alarm('rates-late');
    expect(late).toMatchObject({
      MetricName: 'CheckpointAge',
      Statistic: 'Minimum',
      Threshold: 840_000,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    });
    expect(late.Period * late.EvaluationPeriods).toBeGreaterThanOrEqual(3 * 7 * 60);
    expect(late.DatapointsToAlarm).toBe(late.EvaluationPeriods);
  });

  test('a source that is read too seldom for that is told when it has paused itself', () => {
    const seldom = {
      ...everything,
      sources: {
        ...everything.sources,
        rates: { ...everything.sources.rates, freshness: '4 days' as const },
      },
    };
    const names = resourcesOf(synth(seldom), 'AWS::CloudWatch::Alarm').map(
      ({ Properties }) => Properties['AlarmName'],
    );
    expect(names).toContain('lab-rates-paused');
    expect(names).not.toContain('lab-rates-late');
  });

  test('error rate: the average of zeros and ones', () => {
    const rate = alarm('orders-error-rate');
    expect(rate).toMatchObject({
      MetricName: 'RecordErrors',
      Statistic: 'Average',
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
    expect(rate.Threshold).toBeCloseTo(0.07);
  });

  test.each(['findings', 'warnings'])('%s: whatever the hourly watch has found', (kind) => {
    expect(alarm(`orders-${kind}`)).toMatchObject({
      MetricName: kind === 'findings' ? 'CriticalFindings' : 'WarningFindings',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
  });
});

describe('the alarms of a lane', () => {
  test.each(['ingest', 'sensors'])(
    '%s: the iterator is older than a quarter of the retention, or nobody reads',
    (label) => {
      expect(alarm(`${label}-iterator-age`)).toMatchObject({
        MetricName: 'GetRecords.IteratorAgeMilliseconds',
        Threshold: 24 * 3_600_000,
        TreatMissingData: 'breaching',
      });
    },
  );

  test.each(['ingest', 'sensors'])('%s: one parked or dropped batch is enough', (label) => {
    expect(alarm(`${label}-dead-letters`)).toMatchObject({
      MetricName: 'OnFailureDestinationDeliveredEventCount',
      Threshold: 0,
      EvaluationPeriods: 1,
    });
    expect(alarm(`${label}-dropped`)).toMatchObject({ MetricName: 'DroppedEventCount', Threshold: 0 });
    const mappings = resourcesOf(templates, 'AWS::Lambda::EventSourceMapping').filter(
      ({ Properties }) => Properties['StartingPosition'] !== undefined,
    );
    expect(mappings).not.toEqual([]);
    for (const mapping of mappings) {
      expect(mapping.Properties['MetricsConfig']).toEqual({ Metrics: ['EventCount'] });
    }
  });

  test.each(['pull-schedule', 'pull-run'])('%s: one message in the dead-letter queue is enough', (label) => {
    expect(alarm(`${label}-dead-letters`)).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 0,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  test.each(['push', 'stream', 'pull'])('%s: errors and throttles of the function', (lane) => {
    expect(alarm(`${lane}-function-errors`)).toMatchObject({ MetricName: 'Errors', DatapointsToAlarm: 3 });
    expect(alarm(`${lane}-function-throttles`)).toMatchObject({
      MetricName: 'Throttles',
      DatapointsToAlarm: 5,
    });
  });

  test('are not there for lanes that are not', () => {
    const names = resourcesOf(synth({ sources: { orders } }), 'AWS::CloudWatch::Alarm').map(
      ({ Properties }) => Properties['AlarmName'],
    );
    expect(names).toContain('headgate-push-function-errors');
    expect(names.filter((name) => String(name).includes('pull'))).toEqual([]);
  });
});

describe('the window of an alarm', () => {
  test.each([
    [60_000, 60, 1],
    [61_000, 60, 2],
    [12 * 60_000, 60, 12],
    [20 * 60_000, 300, 4],
    [3_600_000, 300, 12],
    [24 * 3_600_000, 3600, 24],
    [7 * 24 * 3_600_000, 3600, 168],
  ])('%i ms is %i s times %i', (durationMs, periodSeconds, periods) => {
    expect(planAlarmWindow(durationMs)).toEqual({ periodSeconds, periods });
  });

  test('covers the duration and stays within what CloudWatch takes, for every length in minutes', () => {
    for (let minutes = 1; minutes <= 7 * 24 * 60; minutes++) {
      const { periodSeconds, periods } = planAlarmWindow(minutes * 60_000);
      const seconds = periodSeconds * periods;
      expect(seconds).toBeGreaterThanOrEqual(minutes * 60);
      expect(seconds - minutes * 60).toBeLessThan(periodSeconds);
      expect(seconds).toBeLessThanOrEqual(periodSeconds < 3600 ? 86_400 : 7 * 86_400);
    }
  });
});

describe('the topic', () => {
  test('is encrypted and tells the configured address', () => {
    const observability = templateOf(templates, 'observability');
    const [topic] = resourcesOf(templates, 'AWS::SNS::Topic');
    expect(JSON.stringify(topic?.Properties['KmsMasterKeyId'])).toContain('Key');
    observability.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
  });

  test('has no subscription when no address is configured', () => {
    const { sources } = everything;
    expect(resourcesOf(synth({ sources }), 'AWS::SNS::Subscription')).toEqual([]);
  });
});

test('the dashboard has a row for every source, with its health, records and latency', () => {
  const [dashboard] = resourcesOf(templates, 'AWS::CloudWatch::Dashboard');
  const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
  for (const source of Object.keys(everything.sources)) {
    expect(body).toContain(`## ${source}`);
    for (const title of ['health', 'records']) expect(body).toContain(`${source}: ${title}`);
    expect(body).toMatch(new RegExp(`${source}: (latency|how far the lake is behind), ms`));
    expect(body).toContain(`alarm:lab-${source}-critical`);
  }
});
