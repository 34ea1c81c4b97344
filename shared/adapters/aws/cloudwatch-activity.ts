import {
  GetMetricDataCommand,
  type CloudWatchClient,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { CloudWatchLogsClient, ResultField } from '@aws-sdk/client-cloudwatch-logs';
import { METERED_PRICES } from '../../domain/cost/metered-prices.ts';
import { COUNTERS, METRIC_NAMESPACE, type MetricName } from '../../domain/metrics.ts';
import type { LaneActivity, Period } from '../../domain/cost/lane-activity.ts';
import type { ActivityLog, SourceLanes } from '../../ports/activity-log.ts';
import { logGroupOf } from './log-activity.ts';
import { queryLogs } from './query-logs.ts';
import { callAws } from './translate-error.ts';

/** Queries of one call. */
const MAX_QUERIES = 500;
/** Metrics are kept by the hour for 15 months. */
const PERIOD_SECONDS = 3600;

/**
 * What functions did: sums of the lines of the logs, added up by Logs Insights, as far back as the logs go; and latencies,
 * which are distributions, from the metric.
 */
export class CloudWatchActivity implements ActivityLog {
  readonly #metrics: CloudWatchClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #deployment: string;

  constructor(options: {
    readonly metrics: CloudWatchClient;
    readonly logs: CloudWatchLogsClient;
    readonly deployment: string;
  }) {
    this.#metrics = options.metrics;
    this.#logs = options.logs;
    this.#deployment = options.deployment;
  }

  async read(sources: readonly SourceLanes[], period: Period): Promise<readonly LaneActivity[]> {
    const names = new Set(sources.map(({ source }) => source));
    const lanes = new Set(sources.flatMap((source) => source.lanes));
    const [latencies, ...ofLanes] = await Promise.all([
      this.#readLatencies([...names], period),
      ...[...lanes].map((lane) => this.#readLogs(lane, period)),
    ]);
    return ofLanes.flat().flatMap((sums): LaneActivity[] => {
      if (!names.has(sums.source)) return [];
      const isLanding = sums.counters.RecordsLanded !== undefined;
      return [{ ...sums, latency: isLanding ? latencies.get(sums.source) : undefined }];
    });
  }

  /** The usual hour of each source, and the worst: percentiles of hours do not add up. */
  async #readLatencies(
    sources: readonly string[],
    { fromMs, toMs }: Period,
  ): Promise<ReadonlyMap<string, LaneActivity['latency']>> {
    const queries = sources.flatMap((source, i) =>
      (['p50', 'p99'] as const).map((stat) => toLatencyQuery(source, stat, `${stat}_${String(i)}`)),
    );
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
    return new Map(
      sources.map((source, i) => {
        const [p50, p99] = ['p50', 'p99'].map((stat) => results.get(`${stat}_${String(i)}`) ?? []);
        if (p50 === undefined || p99 === undefined || p50.length === 0) return [source, undefined];
        return [source, { p50Ms: medianOf(p50), p99Ms: Math.max(...p99) }];
      }),
    );
  }

  /** Sums of the lines of one function, by lane and source. */
  async #readLogs(lane: string, period: Period): Promise<readonly LoggedSums[]> {
    const group = logGroupOf(this.#deployment, lane);
    const rows = await queryLogs(this.#logs, group, SUMS_QUERY, period);
    return rows.map((row) => toSums(row));
  }
}

const toLatencyQuery = (source: string, stat: string, id: string): MetricDataQuery => ({
  Id: id,
  MetricStat: {
    Metric: {
      Namespace: METRIC_NAMESPACE,
      MetricName: 'EndToEndLatency' satisfies MetricName,
      Dimensions: [{ Name: 'source', Value: source }],
    },
    Period: PERIOD_SECONDS,
    Stat: stat,
  },
});

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

type LoggedSums = Omit<LaneActivity, 'latency'>;

const SUMS_QUERY = [
  'filter ispresent(EstimatedCostUsd)',
  `stats ${[
    ...METERED_PRICES.map((name) => `sum(usage.${name}) as ${name}`),
    ...COUNTERS.map((name) => `sum(${name}) as sum${name}`),
    'sum(cpuMs) as sumCpuMs',
    'min(toMillis(@timestamp)) as firstMs',
  ].join(', ')} by source, lane`,
].join(' | ');

function toSums(row: readonly ResultField[]): LoggedSums {
  const fields = new Map(row.map(({ field = '', value = '' }) => [field, value]));
  const numberOf = (name: string): number => Number(fields.get(name) ?? 0);
  const present = <Name extends string>(names: readonly Name[], prefix = ''): Partial<Record<Name, number>> =>
    Object.fromEntries(
      names.map((name) => [name, numberOf(`${prefix}${name}`)] as const).filter(([, value]) => value > 0),
    ) as Partial<Record<Name, number>>;
  const counters = present(COUNTERS, 'sum');
  return {
    source: fields.get('source') ?? '',
    lane: fields.get('lane') ?? '',
    counters,
    estimatedUsd: counters.EstimatedCostUsd ?? 0,
    usage: present(METERED_PRICES),
    cpuMs: numberOf('sumCpuMs'),
    firstMs: fields.has('firstMs') ? numberOf('firstMs') : undefined,
  };
}
