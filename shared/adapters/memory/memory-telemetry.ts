import type { MetricName } from '../../domain/metrics.ts';
import type { InvocationStart, Telemetry } from '../../ports/telemetry.ts';

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Telemetry that is kept for tests and the bench to look at; totals include what was flushed. */
export class MemoryTelemetry implements Telemetry {
  readonly logs: LogLine[] = [];
  readonly starts: InvocationStart[] = [];
  /** How often `flush` was called. */
  flushes = 0;
  #ids: InvocationStart['ids'] = {};
  readonly #totals = new Map<string, number>();
  readonly #values = new Map<string, { value: number; times: number }[]>();

  begin(start: InvocationStart): void {
    this.#ids = start.ids;
    this.starts.push(start);
  }

  count(metric: MetricName, source: string, value: number): void {
    this.#totals.set(`${source} ${metric}`, this.total(metric, source) + value);
  }

  record(metric: MetricName, source: string, value: number, times = 1): void {
    const name = `${source} ${metric}`;
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [{ value, times }]);
    else values.push({ value, times });
  }

  log(level: LogLine['level'], message: string, fields: LogLine['fields'] = {}): void {
    this.logs.push({ level, message, fields: { ...this.#ids, ...fields } });
  }

  flush(): void {
    this.flushes += 1;
  }

  /** Sum of a counter of one source. */
  total(metric: MetricName, source: string): number {
    return this.#totals.get(`${source} ${metric}`) ?? 0;
  }

  /** What was recorded of a distribution of one source, in order. */
  values(metric: MetricName, source: string): readonly { readonly value: number; readonly times: number }[] {
    return this.#values.get(`${source} ${metric}`) ?? [];
  }
}
