import type { MetricName } from '../metrics.ts';
import type { MeteredAmounts } from './metered-prices.ts';

/** What the invocations of one function did for one source in a period, as they said themselves. */
export interface LaneActivity {
  readonly source: string;
  readonly lane: string;
  /** Sums of the counters. */
  readonly counters: Readonly<Partial<Record<MetricName, number>>>;
  /** The source's share of what they are billed for; undefined where only what it costs is still known. */
  readonly usage: MeteredAmounts | undefined;
  /** What that cost at the prices that the function was deployed with. */
  readonly estimatedUsd: number;
  /** CPU time, in ms; undefined as `usage` is. */
  readonly cpuMs: number | undefined;
  /** From receipt to lake; undefined where nothing was landed. */
  readonly latency: { readonly p50Ms: number; readonly p99Ms: number } | undefined;
  /** When the first of them was, ms since the epoch; undefined where that is not known any more. */
  readonly firstMs: number | undefined;
}

/** A period of time, from the one moment up to the other, in ms since the epoch. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}
