import { describe, expect, test } from 'vitest';
import { evaluateAlarm, judge, type AlarmProperties } from '../../support/cloudwatch/evaluate-alarm.ts';
import { MetricHistory } from '../../support/cloudwatch/metric-history.ts';

const MINUTE_MS = 60_000;

const alarm = (more: Partial<AlarmProperties>): AlarmProperties => ({
  AlarmName: 'an alarm',
  AlarmDescription: '',
  Namespace: 'Headgate',
  MetricName: 'Errors',
  Dimensions: [{ Name: 'source', Value: 'orders' }],
  Period: 60,
  Statistic: 'Sum',
  Threshold: 0,
  ComparisonOperator: 'GreaterThanThreshold',
  TreatMissingData: 'notBreaching',
  EvaluationPeriods: 3,
  ...more,
});

/** The data points of the documentation: 0 is within the threshold, X is not, - is missing. */
function seriesOf(points: string): Map<number, number> {
  return new Map(
    points.split(' ').flatMap((point, i) => (point === '-' ? [] : [[i * MINUTE_MS, point === 'X' ? 1 : 0]])),
  );
}

/** The tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html */
describe.each([
  { needed: 3, points: '0 - X - X', breaching: 'OK', notBreaching: 'OK' },
  { needed: 3, points: '0 - - - -', breaching: 'OK', notBreaching: 'OK' },
  { needed: 3, points: '- - - - -', breaching: 'ALARM', notBreaching: 'OK' },
  { needed: 3, points: '0 X X - X', breaching: 'ALARM', notBreaching: 'ALARM' },
  { needed: 3, points: '- - - - X', breaching: 'ALARM', notBreaching: 'OK' },
  { needed: 3, points: 'X - - - -', breaching: 'ALARM', notBreaching: 'OK' },
  { needed: 2, points: '0 - X - X', breaching: 'ALARM', notBreaching: 'ALARM' },
  { needed: 2, points: '0 0 X 0 X', breaching: 'ALARM', notBreaching: 'ALARM' },
  { needed: 2, points: '0 - X - -', breaching: 'ALARM', notBreaching: 'OK' },
  { needed: 2, points: '- - - - 0', breaching: 'ALARM', notBreaching: 'OK' },
  { needed: 2, points: '- - - - X', breaching: 'ALARM', notBreaching: 'OK' },
] as const)('$needed of 3 points of $points', ({ needed, points, ...states }) => {
  test.each(['breaching', 'notBreaching'] as const)('where silence is %s', (silence) => {
    const range = { fromMs: 0, toMs: 5 * MINUTE_MS, periodMs: MINUTE_MS };
    const rules = alarm({ TreatMissingData: silence, DatapointsToAlarm: needed });
    expect(judge(rules, seriesOf(points), range)).toBe(states[silence]);
  });
});

const SURE = { extraPeriods: 2, fillsEmptySeries: true };
const errors = { namespace: 'Headgate', name: 'Errors', dimensions: { source: 'orders' } };

test('only whole periods before now count', () => {
  const history = new MetricHistory();
  const once = alarm({ EvaluationPeriods: 1 });
  history.put(errors, 10 * MINUTE_MS + 5_000, 1);
  expect(evaluateAlarm(once, history, 10 * MINUTE_MS + 50_000, SURE)).toBe('OK');
  expect(evaluateAlarm(once, history, 11 * MINUTE_MS, SURE)).toBe('ALARM');
});

test('a metric with other dimensions is another metric', () => {
  const history = new MetricHistory();
  history.put({ ...errors, dimensions: { source: 'clicks' } }, 10 * MINUTE_MS, 1);
  expect(evaluateAlarm(alarm({ EvaluationPeriods: 1 }), history, 11 * MINUTE_MS, SURE)).toBe('OK');
});

test('a percentile is the value that so many per cent are not above', () => {
  const history = new MetricHistory();
  const slow = (threshold: number): AlarmProperties =>
    alarm({ EvaluationPeriods: 1, ExtendedStatistic: 'p99', Threshold: threshold });
  for (let value = 1; value <= 100; value++) history.put(errors, 10 * MINUTE_MS, value);
  expect(evaluateAlarm(slow(98), history, 11 * MINUTE_MS, SURE)).toBe('ALARM');
  expect(evaluateAlarm(slow(99), history, 11 * MINUTE_MS, SURE)).toBe('OK');
});

test('a rule that may leave an alarm without a state is refused', () => {
  expect(() =>
    evaluateAlarm(alarm({ TreatMissingData: 'missing' }), new MetricHistory(), MINUTE_MS, SURE),
  ).toThrow('does not say what silence means');
});
