import type { ReceivedSourceConfig } from './schema.ts';
import { toMs } from './units.ts';

/** From this freshness on a source is collected in S3 and converted on a schedule, which runs each minute at most. */
const MICRO_BATCH_FROM_MS = 120_000;

/** How the records of a received source get to the lake: through the stream, or through the landing zone. */
export type ReceivedLane = 'stream' | 'landing';

/**
 * Whether frames of a source go to the landing zone: all of them, those that the stream does not take, or those that come
 * while the source is over its monthly budget.
 */
export function usesLanding(source: ReceivedSourceConfig): boolean {
  return laneOf(source) === 'landing' || source.overflow === 'spill' || slowsDownByLanding(source);
}

/** Whether frames leave the stream for the landing zone while the source is over its budget; what has an order cannot. */
export function slowsDownByLanding(source: ReceivedSourceConfig): boolean {
  return (
    source.budget?.usdPerMonth !== undefined && source.orderBy === undefined && laneOf(source) === 'stream'
  );
}

/**
 * The lane of a received source: by its `pattern` where it is set by hand, otherwise by its freshness. What has an order
 * goes through the stream, where one place gives the sequence numbers: the names of landing objects come from the clocks
 * of many.
 */
export function laneOf({ pattern, freshness, orderBy }: ReceivedSourceConfig): ReceivedLane {
  if (orderBy !== undefined) return 'stream';
  if (pattern !== undefined) return pattern === 'stream' ? 'stream' : 'landing';
  return toMs(freshness) >= MICRO_BATCH_FROM_MS ? 'landing' : 'stream';
}
