/** A metric as CloudWatch tells metrics apart. */
export interface MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Values by the beginning of their period, in ms; a period without one is missing. */
export type Series = ReadonlyMap<number, number>;

/** The stretch of time of a query: whole periods from `fromMs` to before `toMs`. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly periodMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** The beginnings of the periods of a range. */
export function periodsOf({ fromMs, toMs, periodMs }: Range): number[] {
  return Array.from({ length: Math.round((toMs - fromMs) / periodMs) }, (_, i) => fromMs + i * periodMs);
}

/** What was put to CloudWatch, and the statistics that it answers with. */
export class MetricHistory {
  readonly #samples = new Map<string, Sample[]>();

  put(metric: MetricName, atMs: number, value: number): void {
    const key = toKey(metric);
    const samples = this.#samples.get(key);
    if (samples === undefined) this.#samples.set(key, [{ atMs, value }]);
    else samples.push({ atMs, value });
  }

  /**
   * One value for each period that has samples.
   *
   * @param statistic `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p99`
   */
  read(metric: MetricName, statistic: string, range: Range): Series {
    const byPeriod = new Map<number, number[]>();
    for (const { atMs, value } of this.#samples.get(toKey(metric)) ?? []) {
      if (atMs < range.fromMs || atMs >= range.toMs) continue;
      const start = range.fromMs + Math.floor((atMs - range.fromMs) / range.periodMs) * range.periodMs;
      const values = byPeriod.get(start);
      if (values === undefined) byPeriod.set(start, [value]);
      else values.push(value);
    }
    return new Map([...byPeriod].map(([start, values]) => [start, toStatistic(statistic, values)]));
  }
}

function toKey({ namespace, name, dimensions }: MetricName): string {
  return JSON.stringify([namespace, name, Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function toStatistic(statistic: string, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return sum / values.length;
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
    case 'SampleCount':
      return values.length;
    default:
      return toPercentile(statistic, values);
  }
}

/** By nearest rank: the smallest value that so many per cent of the values are not above. */
function toPercentile(statistic: string, values: readonly number[]): number {
  const [, percent] = /^p(\d+(?:\.\d+)?)$/.exec(statistic) ?? [];
  if (percent === undefined) throw new Error(`no statistic ${statistic} here`);
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((Number(percent) / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('a period without values');
  return value;
}
