import type { SourceConfig } from './schema.ts';
import { toMs } from './units.ts';

/** Shortest latency that is agreed when the configuration names none. */
const MIN_DEFAULT_LATENCY_MS = 60_000;

/** The p99 from receipt to lake above which a source is late, in ms. */
export function maxLatencyMs(source: SourceConfig): number {
  return source.alarms.maxLatency === undefined
    ? Math.max(MIN_DEFAULT_LATENCY_MS, 2 * toMs(source.freshness))
    : toMs(source.alarms.maxLatency);
}
