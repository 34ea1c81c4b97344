import { METRIC_NAMESPACE, METRICS, type MetricName } from '../../domain/metrics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** Limit of one metric in one EMF document. */
const MAX_VALUES = 100;
/** Distributions are kept to this many significant digits when they have more than 100 distinct values. */
const COARSE_DIGITS = 2;

/** How often each value was seen. */
type Distribution = Map<number, number>;

interface SourceMetrics {
  readonly counters: Map<MetricName, number>;
  readonly distributions: Map<MetricName, Distribution>;
}

/**
 * Metrics in CloudWatch's embedded metric format, one JSON line per source (a second one for a distribution of more
 * than 100 values), and structured log lines, all to standard output: a Lambda function's standard output is its log.
 *
 * Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html;
 * a distribution is `{Values, Counts}`, as AWS's own libraries write it (metrique, the CloudWatch agent).
 */
export class EmfTelemetry implements Telemetry {
  readonly #lane: string;
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  #sources = new Map<string, SourceMetrics>();

  constructor(options: {
    /** Value of the dimension `lane`: push, stream, pull. */
    readonly lane: string;
    readonly clock: Clock;
    /** Gets one line without its end. */
    readonly write?: (line: string) => void;
  }) {
    this.#lane = options.lane;
    this.#clock = options.clock;
    this.#write = options.write ?? ((line) => process.stdout.write(`${line}\n`));
  }

  count(metric: MetricName, source: string, value: number): void {
    if (!this.#isUsable(metric, source, value)) return;
    const { counters } = this.#of(source);
    counters.set(metric, (counters.get(metric) ?? 0) + value);
  }

  record(metric: MetricName, source: string, value: number, times = 1): void {
    if (times === 0 || !this.#isUsable(metric, source, value) || !this.#isUsable(metric, source, times))
      return;
    const { distributions } = this.#of(source);
    let distribution = distributions.get(metric);
    if (distribution === undefined) {
      distribution = new Map();
      distributions.set(metric, distribution);
    }
    add(distribution, value, times);
  }

  log(
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const timestamp = new Date(this.#clock.nowMs()).toISOString();
    this.#write(JSON.stringify({ timestamp, level, message, lane: this.#lane, ...fields }, toLoggable));
  }

  flush(): void {
    const sources = this.#sources;
    this.#sources = new Map();
    for (const [source, metrics] of sources) {
      for (const values of toDocuments(metrics)) this.#write(this.#toLine(source, values));
    }
  }

  #toLine(source: string, values: ReadonlyMap<MetricName, unknown>): string {
    return JSON.stringify({
      _aws: {
        Timestamp: this.#clock.nowMs(),
        CloudWatchMetrics: [
          {
            Namespace: METRIC_NAMESPACE,
            Dimensions: [['source', 'lane']],
            Metrics: [...values.keys()].map((name) => ({ Name: name, Unit: METRICS[name].unit })),
          },
        ],
      },
      source,
      lane: this.#lane,
      ...Object.fromEntries(values),
    });
  }

  /** One number that is none would make CloudWatch drop the whole document, so it is logged and left out. */
  #isUsable(metric: MetricName, source: string, value: number): boolean {
    if (Number.isFinite(value) && value >= 0) return true;
    this.log('error', `metric ${metric} got a value that is not a finite number from 0 on`, {
      source,
      value: String(value),
    });
    return false;
  }

  #of(source: string): SourceMetrics {
    let metrics = this.#sources.get(source);
    if (metrics === undefined) {
      metrics = { counters: new Map(), distributions: new Map() };
      this.#sources.set(source, metrics);
    }
    return metrics;
  }
}

/** The metrics of one source as the contents of one or more documents. */
function toDocuments({ counters, distributions }: SourceMetrics): Map<MetricName, unknown>[] {
  const documents: Map<MetricName, unknown>[] = [new Map<MetricName, unknown>(counters)];
  for (const [metric, exact] of distributions) {
    const entries = [...(exact.size > MAX_VALUES ? coarse(exact) : exact)].sort(([a], [b]) => a - b);
    for (let at = 0, document = 0; at < entries.length; at += MAX_VALUES, document++) {
      const part = entries.slice(at, at + MAX_VALUES);
      const values = { Values: part.map(([value]) => value), Counts: part.map(([, count]) => count) };
      const target = documents[document] ?? new Map<MetricName, unknown>();
      documents[document] = target.set(metric, values);
    }
  }
  return documents;
}

function coarse(exact: Distribution): Distribution {
  const rounded: Distribution = new Map();
  for (const [value, times] of exact) add(rounded, Number(value.toPrecision(COARSE_DIGITS)), times);
  return rounded;
}

function add(distribution: Distribution, value: number, times: number): void {
  distribution.set(value, (distribution.get(value) ?? 0) + times);
}

/** Errors and big integers, which JSON does not know, as something that a person can read. */
function toLoggable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, code: 'code' in value ? value.code : undefined, stack, cause };
}
