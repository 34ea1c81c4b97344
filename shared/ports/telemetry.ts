import type { MeteredAmounts } from '../domain/cost/metered-prices.ts';
import type { MetricName } from '../domain/metrics.ts';

/** What starting an invocation says about its cost. */
export interface InvocationStart {
  /** Memory of the function. */
  readonly memoryMiB: number;
  /** What is billed for starting it beside the invocation itself: a request to the API, a message, a scheduled run. */
  readonly usage: MeteredAmounts;
  /** What its log lines are found by: fields of each of them. */
  readonly ids: Readonly<Record<string, string>>;
}

/**
 * Metrics of one invocation, written out once at its end. Names and units are in shared/domain/metrics.ts; nothing
 * that identifies a person or a payload is ever a dimension.
 */
export interface Telemetry {
  /** An invocation begins: what is used until the next flush is its cost, and log lines have its ids. */
  begin(start: InvocationStart): void;
  /** Adds to a counter. */
  count(metric: MetricName, source: string, value: number): void;
  /** Records a value of a distribution, `times` times. */
  record(metric: MetricName, source: string, value: number, times?: number): void;
  /**
   * A structured log line, with the ids of the invocation. It never has a secret, or a value of a record: names, counts,
   * positions, and codes and messages of errors.
   */
  log(level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Ends the invocation, and writes out what was counted since the last flush. */
  flush(): void;
}
