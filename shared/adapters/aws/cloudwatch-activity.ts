import {
  GetMetricDataCommand,
  type CloudWatchClient,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogsClient, ResultField } from '@aws-sdk/client-cloudwatch-logs';
import { METERED_PRICES } from '../../domain/cost/metered-prices.ts';
import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../domain/metrics.ts';
import type { LaneActivity, Period } from '../../domain/cost/lane-activity.ts';
import type { ActivityLog, SourceLanes } from '../../ports/activity-log.ts';
import { logGroupOf } from './log-activity.ts';
import { queryLogs } from './query-logs.ts';
import { callAws } from './translate-error.ts';

/** Counters that are read, of metrics and of lines. */
const COUNTERS = (Object.keys(METRICS) as MetricName[]).filter(
  (name) => METRICS[name].unit !== 'Milliseconds',
);
const METRIC_COUNTERS = COUNTERS.filter((name) => !('isProperty' in METRICS[name]));

/** Queries of one call. */
const MAX_QUERIES = 500;
/** Metrics are kept by the hour for 15 months. */
const PERIOD_SECONDS = 3600;

/**
 * What functions did, from CloudWatch: what it cost and how much came from metrics, which are kept for months, and what
 * was used of each service from the lines of the logs, added up by Logs Insights, as far as the logs go back.
 */
export class CloudWatchActivity implements ActivityLog {
  readonly #metrics: CloudWatchClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #deployment: string;
  readonly #logDays: number;

  constructor(options: {
    readonly metrics: CloudWatchClient;
    readonly logs: CloudWatchLogsClient;
    readonly deployment: string;
    /** Days that the logs are kept. */
    readonly logDays: number;
  }) {
    this.#metrics = options.metrics;
    this.#logs = options.logs;
    this.#deployment = options.deployment;
    this.#logDays = options.logDays;
  }

  async read(sources: readonly SourceLanes[], period: Period): Promise<readonly LaneActivity[]> {
    const pairs = sources.flatMap(({ source, lanes }) => lanes.map((lane) => ({ source, lane })));
    const lanes = new Set(pairs.map(({ lane }) => lane));
    const areLogsKept = period.toMs - period.fromMs <= this.#logDays * 86_400_000;
    const [fromMetrics, ...ofLanes] = await Promise.all([
      this.#readMetrics(pairs, period),
      ...(areLogsKept ? [...lanes].map((lane) => this.#readLogs(lane, period)) : []),
    ]);
    const fromLogs = new Map(ofLanes.flatMap((each) => [...each]));
    return fromMetrics.flatMap((activity): LaneActivity[] => {
      const logged = fromLogs.get(keyOf(activity));
      const counters = { ...logged?.counters, ...activity.counters };
      if (Object.keys(counters).length === 0) return [];
      return [
        { ...activity, counters, usage: logged?.usage, cpuMs: logged?.cpuMs, firstMs: logged?.firstMs },
      ];
    });
  }

  async #readMetrics(
    pairs: readonly LanePair[],
    { fromMs, toMs }: Period,
  ): Promise<readonly Pick<LaneActivity, 'source' | 'lane' | 'counters' | 'estimatedUsd' | 'latency'>[]> {
    const queries = pairs.flatMap((pair, i) => toQueries(pair, `p${String(i)}`));
    const results = new Map<string, number[]>();
    for (let at = 0; at < queries.length; at += MAX_QUERIES) {
      const part = queries.slice(at, at + MAX_QUERIES);
      for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
        const page = await callAws({ operation: 'GetMetricData', resource: 'CloudWatch' }, () =>
          this.#metrics.send(
            new GetMetricDataCommand({
              MetricDataQueries: part,
              StartTime: new Date(fromMs),
              EndTime: new Date(toMs),
              NextToken: token,
            }),
          ),
        );
        for (const result of page.MetricDataResults ?? []) addResult(results, result);
        token = page.NextToken;
      }
    }
    return pairs.map(({ source, lane }, i) => {
      const values = (name: string): readonly number[] => results.get(`p${String(i)}_${name}`) ?? [];
      const counters: Partial<Record<MetricName, number>> = {};
      for (const name of METRIC_COUNTERS) {
        if (values(name).length > 0) counters[name] = values(name).reduce((sum, value) => sum + value, 0);
      }
      const [p50, p99] = [values('p50'), values('p99')];
      return {
        source,
        lane,
        counters,
        estimatedUsd: counters.EstimatedCostUsd ?? 0,
        // Percentiles of hours do not add up: the usual hour, and the worst.
        latency: p50.length === 0 ? undefined : { p50Ms: medianOf(p50), p99Ms: Math.max(...p99) },
      };
    });
  }

  /** Sums of the lines of one function, by lane and source. */
  async #readLogs(lane: string, period: Period): Promise<ReadonlyMap<string, LoggedSums>> {
    const group = logGroupOf(this.#deployment, lane);
    const rows = await queryLogs(this.#logs, group, SUMS_QUERY, period);
    return new Map(rows.map((row) => toSums(row)));
  }
}

interface LanePair {
  readonly source: string;
  readonly lane: string;
}

const keyOf = ({ source, lane }: LanePair): string => `${lane} ${source}`;

function toQueries({ source, lane }: LanePair, id: string): MetricDataQuery[] {
  const query = (name: MetricName, stat: string, suffix: string): MetricDataQuery => ({
    Id: `${id}_${suffix}`,
    MetricStat: {
      Metric: {
        Namespace: METRIC_NAMESPACE,
        MetricName: name,
        Dimensions: [
          { Name: 'source', Value: source },
          { Name: 'lane', Value: lane },
        ],
      },
      Period: PERIOD_SECONDS,
      Stat: stat,
    },
  });
  return [
    ...METRIC_COUNTERS.map((name) => query(name, 'Sum', name)),
    query('EndToEndLatency', 'p50', 'p50'),
    query('EndToEndLatency', 'p99', 'p99'),
  ];
}

function addResult(
  results: Map<string, number[]>,
  { Id: id = '', Values: values = [] }: MetricDataResult,
): void {
  const known = results.get(id);
  if (known === undefined) results.set(id, [...values]);
  else known.push(...values);
}

const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/* ------------------------------------------------------------------------------------------- Logs Insights */

interface LoggedSums {
  readonly counters: LaneActivity['counters'];
  readonly usage: NonNullable<LaneActivity['usage']>;
  readonly cpuMs: number;
  readonly firstMs: number | undefined;
}

const PROPERTIES = COUNTERS.filter((name) => 'isProperty' in METRICS[name]);

const SUMS_QUERY = [
  'filter ispresent(EstimatedCostUsd)',
  `stats ${[
    ...METERED_PRICES.map((name) => `sum(usage.${name}) as ${name}`),
    ...PROPERTIES.map((name) => `sum(${name}) as sum${name}`),
    'sum(cpuMs) as sumCpuMs',
    'min(toMillis(@timestamp)) as firstMs',
  ].join(', ')} by source, lane`,
].join(' | ');

function toSums(row: readonly ResultField[]): [key: string, sums: LoggedSums] {
  const fields = new Map(row.map(({ field = '', value = '' }) => [field, value]));
  const numberOf = (name: string): number => Number(fields.get(name) ?? 0);
  const present = <Name extends string>(names: readonly Name[], prefix = ''): Partial<Record<Name, number>> =>
    Object.fromEntries(
      names.map((name) => [name, numberOf(`${prefix}${name}`)] as const).filter(([, value]) => value > 0),
    ) as Partial<Record<Name, number>>;
  return [
    keyOf({ source: fields.get('source') ?? '', lane: fields.get('lane') ?? '' }),
    {
      counters: present(PROPERTIES, 'sum'),
      usage: present(METERED_PRICES),
      cpuMs: numberOf('sumCpuMs'),
      firstMs: fields.has('firstMs') ? numberOf('firstMs') : undefined,
    },
  ];
}
