/** How Lambda reads one stream. */
export interface EventSourcePlan {
  readonly batchSize: number;
  readonly maxBatchingWindowSeconds: number;
  readonly parallelizationFactor: number;
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
  /** Iterator age from which the alarm fires. */
  readonly maxIteratorAgeSeconds: number;
}

/** Longest batching window and longest record age that Lambda takes. */
const MAX_WINDOW_SECONDS = 300;
const MAX_RECORD_AGE_SECONDS = 604_800;

/**
 * The mapping from a stream to the stream function.
 *
 * @param freshnessMs the strictest freshness of the sources on the stream
 * @param retentionMs how long the stream keeps records
 */
export function planEventSource(freshnessMs: number, retentionMs: number): EventSourcePlan {
  return {
    // Lambda cuts a batch at 6 MB anyway; this keeps small plain records from being cut earlier.
    batchSize: 10_000,
    // A third of the freshness for collecting leaves two thirds for writing, and larger files cost less.
    maxBatchingWindowSeconds: Math.min(MAX_WINDOW_SECONDS, Math.floor(freshnessMs / 3000)),
    // Two invocations of one shard would interleave sequence numbers, and the range ledger would lose data.
    parallelizationFactor: 1,
    // A sink that is down must block, not turn records into dead letters; a record that crashes the function must
    // end. The function holds an attempt that fails because of a store for 5 s, and for 30 s where access is denied or
    // something is missing: 10,000 attempts, the most that Lambda takes, outlast an outage of half a day, and of three.
    retryAttempts: 10_000,
    // Records leave the stream by expiring only if the consumer is dead; before that they are parked in S3 whole.
    maxRecordAgeSeconds: Math.min(MAX_RECORD_AGE_SECONDS, Math.floor((retentionMs * 0.75) / 1000)),
    maxIteratorAgeSeconds: Math.floor((retentionMs * 0.25) / 1000),
  };
}
