import { periodsOf, type MetricHistory, type MetricName, type Range, type Series } from './metric-history.ts';
import { evaluateMath, type MathDoubts } from './metric-math.ts';

export type AlarmState = 'OK' | 'ALARM';

/** What the documentation leaves open. Rules must hold whichever way it is. */
export interface Doubts extends MathDoubts {
  /** Periods that are read beyond those that are evaluated. */
  readonly extraPeriods: number;
}

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

interface MetricOfTemplate {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly Dimension[];
}

/** Properties of `AWS::CloudWatch::Alarm`, as they stand in a template. */
export interface AlarmProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  /** Who is told; nobody where a composite alarm does it. */
  readonly AlarmActions?: readonly unknown[];
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly Dimension[];
  readonly Period?: number;
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly ReturnData?: boolean;
    readonly MetricStat?: {
      readonly Metric: MetricOfTemplate;
      readonly Period: number;
      readonly Stat: string;
    };
  }[];
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData?: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
}

const COMPARISONS: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanThreshold: (value, threshold) => value > threshold,
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

/**
 * The state of an alarm of a template, by CloudWatch's documented rules:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 *
 * @param nowMs the end of the last period that is looked at
 * @throws Error for settings that no alarm here should have, such as one that may end up without a state
 */
export function evaluateAlarm(
  alarm: AlarmProperties,
  history: MetricHistory,
  nowMs: number,
  doubts: Doubts,
): AlarmState {
  const range = rangeOf(alarm, nowMs, doubts.extraPeriods);
  return judge(alarm, seriesOf(alarm, history, range, doubts), range);
}

/** The length of a period of an alarm, in ms. */
function periodMsOf({ AlarmName, Period, Metrics = [] }: AlarmProperties): number {
  const periods = new Set(
    Period === undefined ? Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? []) : [Period],
  );
  const [seconds] = periods;
  if (seconds === undefined || periods.size > 1)
    throw new Error(`${AlarmName}: the metrics of an alarm have one period, not ${[...periods].join(', ')}`);
  return seconds * 1000;
}

/**
 * Which of the values decide: all that are there, the newest first, and what stands for missing ones only as often as
 * there are too few.
 */
export function judge(alarm: AlarmProperties, series: Series, range: Range): AlarmState {
  const { EvaluationPeriods: periods, DatapointsToAlarm: needed = periods, Threshold: threshold } = alarm;
  const isBreaching = COMPARISONS[alarm.ComparisonOperator];
  if (isBreaching === undefined) throw new Error(`${alarm.AlarmName}: what is ${alarm.ComparisonOperator}?`);
  const found = periodsOf(range)
    .flatMap((start) => series.get(start) ?? [])
    .slice(-periods);
  const breaching = found.filter((value) => isBreaching(value, threshold)).length;
  const filled = silenceBreaches(alarm) ? periods - found.length : 0;
  return breaching + filled >= needed ? 'ALARM' : 'OK';
}

function silenceBreaches({ AlarmName, TreatMissingData }: AlarmProperties): boolean {
  if (TreatMissingData === 'breaching') return true;
  if (TreatMissingData === 'notBreaching') return false;
  throw new Error(`${AlarmName} does not say what silence means: ${TreatMissingData ?? 'missing'}`);
}

function rangeOf(alarm: AlarmProperties, nowMs: number, extraPeriods: number): Range {
  const periodMs = periodMsOf(alarm);
  const toMs = Math.floor(nowMs / periodMs) * periodMs;
  return { fromMs: toMs - (alarm.EvaluationPeriods + extraPeriods) * periodMs, toMs, periodMs };
}

function seriesOf(alarm: AlarmProperties, history: MetricHistory, range: Range, doubts: Doubts): Series {
  const { AlarmName, Namespace, MetricName, Dimensions, Statistic, ExtendedStatistic, Metrics } = alarm;
  if (Metrics === undefined) {
    const statistic = ExtendedStatistic ?? Statistic;
    if (Namespace === undefined || MetricName === undefined || statistic === undefined)
      throw new Error(`${AlarmName} names no metric`);
    return history.read(
      toName({ Namespace, MetricName, ...(Dimensions !== undefined && { Dimensions }) }),
      statistic,
      range,
    );
  }
  const series = new Map<string, Series>();
  const read = (id: string): Series => {
    const known = series.get(id);
    if (known !== undefined) return known;
    const query = Metrics.find(({ Id }) => Id === id);
    if (query === undefined) throw new Error(`${AlarmName}: no metric ${id}`);
    const { Expression: expression, MetricStat: stat } = query;
    let found: Series;
    if (stat !== undefined) found = history.read(toName(stat.Metric), stat.Stat, range);
    else if (expression !== undefined) {
      const others = Metrics.map(({ Id }) => Id).filter((other) =>
        new RegExp(`\\b${other}\\b`).test(expression),
      );
      found = evaluateMath(expression, new Map(others.map((other) => [other, read(other)])), range, doubts);
    } else throw new Error(`${AlarmName}: ${id} is neither a metric nor an expression`);
    series.set(id, found);
    return found;
  };
  const returned = Metrics.filter(({ ReturnData = true }) => ReturnData);
  const [query] = returned;
  if (query === undefined || returned.length > 1)
    throw new Error(`${AlarmName}: one series is returned, not ${String(returned.length)}`);
  return read(query.Id);
}

/** References to other resources stand for their names: a history uses the same text. */
export function toName({ Namespace, MetricName, Dimensions = [] }: MetricOfTemplate): MetricName {
  return {
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(
      Dimensions.map(({ Name, Value }) => [Name, typeof Value === 'string' ? Value : JSON.stringify(Value)]),
    ),
  };
}
