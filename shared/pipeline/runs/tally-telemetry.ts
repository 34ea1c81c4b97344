import type { MetricName } from '../../domain/metrics.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** Telemetry that goes where it went, and what it has counted. */
export interface Tally {
  readonly telemetry: Telemetry;
  total(metric: MetricName, source: string): number;
}

/** Counts along with what is counted. */
export function tallyTelemetry(telemetry: Telemetry): Tally {
  const totals = new Map<string, number>();
  const keyOf = (metric: MetricName, source: string): string => `${metric} ${source}`;
  return {
    telemetry: {
      begin: (start) => {
        telemetry.begin(start);
      },
      count: (metric, source, value) => {
        const key = keyOf(metric, source);
        totals.set(key, (totals.get(key) ?? 0) + value);
        telemetry.count(metric, source, value);
      },
      record: (...args) => {
        telemetry.record(...args);
      },
      log: (...args) => {
        telemetry.log(...args);
      },
      flush: () => {
        telemetry.flush();
      },
    },
    total: (metric, source) => totals.get(keyOf(metric, source)) ?? 0,
  };
}
