import type { MetricName } from '../domain/metrics.ts';

/**
 * Metrics of one invocation, written out once at its end. Names and units are in shared/domain/metrics.ts; nothing
 * that identifies a person or a payload is ever a dimension.
 */
export interface Telemetry {
  /** Adds to a counter. */
  count(metric: MetricName, source: string, value: number): void;
  /** Records a value of a distribution, `times` times. */
  record(metric: MetricName, source: string, value: number, times?: number): void;
  /** A structured log line. */
  log(level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes out what was counted since the last flush. */
  flush(): void;
}
