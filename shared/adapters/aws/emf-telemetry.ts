import { attributeUsage } from '../../domain/cost/attribute-usage.ts';
import { logGb } from '../../domain/cost/metering.ts';
import type { MeteredAmounts } from '../../domain/cost/metered-prices.ts';
import { priceUsage } from '../../domain/cost/price-usage.ts';
import { addUsage, amountsOf } from '../../domain/cost/usage.ts';
import { isCloudWatchMetric, METRIC_NAMESPACE, METRICS, type MetricName } from '../../domain/metrics.ts';
import type { Clock } from '../../ports/clock.ts';
import type { InvocationStart, Telemetry } from '../../ports/telemetry.ts';
import type { MeteredUsage, UsageMeter } from './usage-meter.ts';

/** Limit of one metric in one EMF document. */
const MAX_VALUES = 100;
/** Distributions are kept to this many significant digits when they have more than 100 distinct values. */
const COARSE_DIGITS = 2;

/** Amounts are written with so many digits, which is more than they are known to. */
const USAGE_DIGITS = 6;

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
 *
 * With a meter the line says what its source's share of the invocation was: `usage`, amounts by price, and `cpuMs`, which
 * are no metrics, and `EstimatedCostUsd`. Shares are those of the raw bytes that arrived or were committed. What
 * an invocation used that wrote no line is in the next line of the process.
 */
export class EmfTelemetry implements Telemetry {
  readonly #lane: string;
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #meter: UsageMeter | undefined;
  readonly #onCost: ((source: string, usd: number) => void) | undefined;
  #sources = new Map<string, SourceMetrics>();
  #ids: InvocationStart['ids'] = {};

  constructor(options: {
    /** Stands in every line as `lane`: push, stream, pull. */
    readonly lane: string;
    readonly clock: Clock;
    /** Gets one line without its end. */
    readonly write?: (line: string) => void;
    /** What the process's clients of AWS use. */
    readonly meter?: UsageMeter;
    /** Told what each source's share of an invocation was, in US dollars. */
    readonly onCost?: (source: string, usd: number) => void;
  }) {
    this.#lane = options.lane;
    this.#clock = options.clock;
    this.#write = options.write ?? ((line) => process.stdout.write(`${line}\n`));
    this.#meter = options.meter;
    this.#onCost = options.onCost;
  }

  begin(start: InvocationStart): void {
    this.#ids = start.ids;
    this.#meter?.begin(start);
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
    const line = JSON.stringify(
      { timestamp, level, message, lane: this.#lane, ...this.#ids, ...fields },
      toLoggable,
    );
    this.#meter?.add(logged([line]));
    this.#write(line);
  }

  flush(): void {
    const sources = this.#sources;
    this.#sources = new Map();
    this.#meter?.end();
    if (sources.size === 0) return;
    const metered = this.#meter?.take();
    // The lines are billed as well, so they are written once to see how long they are.
    const lines = metered === undefined ? [] : this.#toLines(sources, metered);
    for (const line of this.#toLines(sources, metered && withUsage(metered, logged(lines)), this.#onCost))
      this.#write(line);
  }

  #toLines(
    sources: ReadonlyMap<string, SourceMetrics>,
    metered: MeteredUsage | undefined,
    onCost?: (source: string, usd: number) => void,
  ): string[] {
    const rawBytes = new Map([...sources].map(([source, { counters }]) => [source, rawBytesOf(counters)]));
    const usages = metered && attributeUsage(metered.usage, rawBytes);
    const allBytes = [...rawBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    return [...sources].flatMap(([source, metrics]) => {
      const documents = toDocuments(metrics);
      const usage = usages?.get(source);
      if (metered === undefined || usage === undefined)
        return documents.map((values) => this.#toLine(source, values));
      const share = allBytes > 0 ? (rawBytes.get(source) ?? 0) / allBytes : 1 / sources.size;
      const usd = toDigits(priceUsage(usage).usd);
      onCost?.(source, usd);
      documents[0]?.set('EstimatedCostUsd', usd);
      const properties = {
        usage: Object.fromEntries(amountsOf(usage).map(([name, amount]) => [name, toDigits(amount)])),
        cpuMs: toDigits(metered.cpuMs * share),
      };
      return documents.map((values, i) => this.#toLine(source, values, i === 0 ? properties : {}));
    });
  }

  #toLine(source: string, values: ReadonlyMap<MetricName, unknown>, properties: object = {}): string {
    const metrics = [...values.keys()].filter((name) => isCloudWatchMetric(name, this.#lane));
    return JSON.stringify({
      _aws: {
        Timestamp: this.#clock.nowMs(),
        CloudWatchMetrics:
          metrics.length === 0
            ? []
            : [
                {
                  Namespace: METRIC_NAMESPACE,
                  Dimensions: [['source']],
                  Metrics: metrics.map((name) => ({ Name: name, Unit: METRICS[name].unit })),
                },
              ],
      },
      source,
      lane: this.#lane,
      ...Object.fromEntries(values),
      ...properties,
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

/** Raw bytes that a source had in an invocation. */
function rawBytesOf(counters: ReadonlyMap<MetricName, number>): number {
  return Math.max(counters.get('BytesReceived') ?? 0, counters.get('BytesCommitted') ?? 0);
}

/** What writing lines to the log is billed as. */
function logged(lines: readonly string[]): MeteredAmounts {
  return { cloudWatchLogGb: lines.reduce((sum, line) => sum + logGb(Buffer.byteLength(line)), 0) };
}

const withUsage = (metered: MeteredUsage, usage: MeteredAmounts): MeteredUsage => ({
  ...metered,
  usage: addUsage(metered.usage, usage),
});

const toDigits = (amount: number): number => Number(amount.toPrecision(USAGE_DIGITS));

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
