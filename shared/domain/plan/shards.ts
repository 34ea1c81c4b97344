/** What is put on a stream, each second. */
export interface StreamLoad {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
}

/**
 * What a shard takes, see https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html. Its 1 MB is
 * taken for 1e6 bytes.
 */
const SHARD_LIMITS: StreamLoad = { bytesPerSecond: 1_000_000, recordsPerSecond: 1_000 };

/**
 * How full shards are planned to be. The rest is for peaks, and for draining: a backlog is read at 2 MB/s at most, so
 * that a shard which is full catches up at half that speed (docs/benchmarks.md, "A backlog after an outage").
 */
export const PLANNED_UTILISATION = 0.6;

/** Loads together. */
export function addLoads(loads: readonly StreamLoad[]): StreamLoad {
  return {
    bytesPerSecond: loads.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
    recordsPerSecond: loads.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0),
  };
}

/** The part of one shard that a load fills; above 1 it fills several. */
export function shardsFilled({ bytesPerSecond, recordsPerSecond }: StreamLoad): number {
  return Math.max(
    bytesPerSecond / SHARD_LIMITS.bytesPerSecond,
    recordsPerSecond / SHARD_LIMITS.recordsPerSecond,
  );
}

/** Shards for a load, so that it fills them to 60 %: one at least. */
export function planShards(load: StreamLoad): number {
  // Sums of loads that fill shards exactly must not ask for one more because of the last digit.
  return Math.max(1, Math.ceil(shardsFilled(load) / PLANNED_UTILISATION - 1e-9));
}
