import type { InvocationRecord } from './invocation-record.ts';

/** A record as a shard holds it. */
export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** ms since the epoch. */
  readonly arrivedAtMs: number;
}

/** A shard of a stream. */
export interface Shard {
  readonly id: string;
  /** Shards that this one continues; their records come first. */
  readonly parentIds: readonly string[];
}

/** Where to begin to read a shard. */
export type ShardPosition = { readonly at: 'TRIM_HORIZON' | 'LATEST' } | { readonly after: string };

/** What one read of a shard gave. */
interface ShardPage {
  readonly records: readonly StreamRecord[];
  /** Where to read on; undefined at the end of a closed shard. */
  readonly next: string | undefined;
}

/** A stream to read. Reads throw for anything but success; the poller tries again. */
export interface ShardReader {
  listShards(streamArn: string): Promise<readonly Shard[]>;
  /** An iterator for `read`; undefined if the shard is gone. */
  open(streamArn: string, shardId: string, position: ShardPosition): Promise<string | undefined>;
  /** At most `maxRecords` records; `'expired'` when a new iterator must be opened. */
  read(iterator: string, maxRecords: number): Promise<ShardPage | 'expired'>;
}

/** How an invocation ended, as its caller sees it. */
export type InvocationOutcome =
  | { readonly kind: 'answered'; readonly payload: unknown }
  /** The function threw or timed out. */
  | { readonly kind: 'function-error'; readonly functionError: string }
  /** Throttled, or the service failed: the function may not have run, and retries do not count. */
  | { readonly kind: 'not-invoked'; readonly reason: string };

/** Calls functions; never throws. When the signal fires it answers `not-invoked` at once. */
export interface Invoker {
  invoke(functionArn: string, event: unknown, signal: AbortSignal): Promise<InvocationOutcome>;
}

/** Takes discarded batches; throws when it could not, and the poller tries again. */
export interface FailureDestination {
  send(destinationArn: string, record: InvocationRecord, path: FailurePath): Promise<void>;
}

/** What an S3 destination derives its object key from. */
export interface FailurePath {
  readonly mappingUuid: string;
  readonly shardId: string;
  readonly atMs: number;
}

/** Time for the poller; `sleep` ends early when the signal fires. */
export interface PollerClock {
  nowMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
