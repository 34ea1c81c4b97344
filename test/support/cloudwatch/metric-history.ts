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
  readonly times: number;
}

/** The beginnings of the periods of a range. */
export function periodsOf({ fromMs, toMs, periodMs }: Range): number[] {
  return Array.from({ length: Math.round((toMs - fromMs) / periodMs) }, (_, i) => fromMs + i * periodMs);
}

/** What was put to CloudWatch, and the statistics that it answers with. */
export class MetricHistory {
  readonly #samples = new Map<string, Sample[]>();

  /** A value that was seen so often. */
  put(metric: MetricName, atMs: number, value: number, times = 1): void {
    if (times === 0) return;
    const key = toKey(metric);
    const samples = this.#samples.get(key);
    if (samples === undefined) this.#samples.set(key, [{ atMs, value, times }]);
    else samples.push({ atMs, value, times });
  }

  /**
   * One value for each period that has samples.
   *
   * @param statistic `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p99`
   */
  read(metric: MetricName, statistic: string, range: Range): Series {
    const byPeriod = new Map<number, Sample[]>();
    for (const sample of this.#samples.get(toKey(metric)) ?? []) {
      const { atMs } = sample;
      if (atMs < range.fromMs || atMs >= range.toMs) continue;
      const start = range.fromMs + Math.floor((atMs - range.fromMs) / range.periodMs) * range.periodMs;
      const values = byPeriod.get(start);
      if (values === undefined) byPeriod.set(start, [sample]);
      else values.push(sample);
    }
    return new Map([...byPeriod].map(([start, values]) => [start, toStatistic(statistic, values)]));
  }
}

function toKey({ namespace, name, dimensions }: MetricName): string {
  return JSON.stringify([namespace, name, Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function toStatistic(statistic: string, samples: readonly Sample[]): number {
  const sum = samples.reduce((total, { value, times }) => total + value * times, 0);
  const count = samples.reduce((total, { times }) => total + times, 0);
  switch (statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return sum / count;
    case 'Minimum':
      return Math.min(...samples.map(({ value }) => value));
    case 'Maximum':
      return Math.max(...samples.map(({ value }) => value));
    case 'SampleCount':
      return count;
  }
  const percent = /^p(\d+(?:\.\d+)?)$/.exec(statistic)?.[1];
  if (percent === undefined) throw new Error(`${statistic} is no statistic that is known here`);
  const sorted = [...samples].sort((a, b) => a.value - b.value);
  let rest = Math.max(1, Math.ceil((Number(percent) / 100) * count));
  const found = sorted.find(({ times }) => (rest -= times) <= 0) ?? sorted.at(-1);
  if (found === undefined) throw new Error('no samples');
  return found.value;
}
