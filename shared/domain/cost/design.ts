/** How often, and by what, data gets from a source to the lake. */
export type Pattern = 'stream' | 'micro-batch' | 'batch' | 'log-cdc' | 'trigger-cdc' | 'query-cdc';

/** What all designs say. */
interface Common {
  /** What is deduplicated, as in the configuration. */
  readonly dedupe: 'record' | 'request' | 'none';
  /** How long claims are kept, in days. */
  readonly dedupeDays: number;
  /** Memory of the function that lands. */
  readonly memoryMiB: number;
}

/** Shards that are paid by the hour. */
interface ProvisionedCapacity {
  readonly mode: 'provisioned';
  /** Shards of the stream. */
  readonly shards: number;
  /** The source's share of them, 0 to 1: below 1 where other sources are on the stream. */
  readonly share: number;
  /** How long the stream keeps records; more than 24 costs extra. */
  readonly retentionHours: number;
}

/** A stream that is paid by the GB. */
interface OnDemandCapacity {
  readonly mode: 'on-demand';
  /** The source's share of the stream-hour. */
  readonly share: number;
}

/** Records through Kinesis, landed by a function that reads it. */
export interface StreamDesign extends Common {
  readonly kind: 'stream';
  readonly pattern: 'stream';
  /** `push`: over the HTTP API, in frames. `producer`: put on a stream of the source's own, one by one. */
  readonly via: 'push' | 'producer';
  readonly capacity: ProvisionedCapacity | OnDemandCapacity;
  /** How long Lambda collects a batch of each shard. */
  readonly batchingWindowSeconds: number;
  /** Memory of the push function. */
  readonly edgeMemoryMiB: number;
}

/** Records over the HTTP API into S3 as frames, landed by schedule. */
export interface LandingDesign extends Common {
  readonly kind: 'landing';
  readonly pattern: 'micro-batch';
  readonly windowMinutes: number;
  /** Sources that one run lands. */
  readonly sourcesPerRun: number;
  readonly edgeMemoryMiB: number;
}

/** Frames through a queue, landed by a function that drains it. */
export interface QueueDesign extends Common {
  readonly kind: 'queue';
  readonly pattern: 'stream' | 'micro-batch';
  /** How long Lambda collects messages, 300 at most. */
  readonly batchingWindowSeconds: number;
  readonly edgeMemoryMiB: number;
}

/** Pages of an HTTP API, or objects of a bucket, read on a schedule. */
export interface PullDesign extends Common {
  readonly kind: 'pull';
  readonly pattern: 'batch' | 'query-cdc';
  /** What is read: `http` pages or `files`. */
  readonly reads: 'http' | 'files';
  readonly everyMinutes: number;
}

/** Rows of a database, read on a schedule. */
export interface ExtractDesign extends Common {
  readonly kind: 'extract';
  /** `batch`: the whole table. `query-cdc`: what a cursor says is new. `trigger-cdc`: a table of changes. */
  readonly pattern: 'batch' | 'query-cdc' | 'trigger-cdc';
  readonly everyMinutes: number;
  /** Times that a row is read, on average: above 1 with a look-back, or where whole tables are read again. */
  readonly readsPerRow: number;
  /** Whether the function reaches the internet or AWS through a NAT gateway of the VPC. */
  readonly needsNat: boolean;
}

/** Changes from a database's log: read in slices by a scheduled function. */
export interface LogSliceDesign extends Common {
  readonly kind: 'log-slice';
  readonly pattern: 'log-cdc';
  readonly everyMinutes: number;
}

/** Changes from a database's log: followed by a task that always runs. */
export interface LogTaskDesign extends Common {
  readonly kind: 'log-task';
  readonly pattern: 'log-cdc';
  readonly vcpu: number;
  readonly windowSeconds: number;
}

/** A way for a source into the lake, with what its price depends on. */
export type Design =
  StreamDesign | LandingDesign | QueueDesign | PullDesign | ExtractDesign | LogSliceDesign | LogTaskDesign;

/** Whether Headgate deploys a design; what it does not is priced for comparison. */
export function isAvailable(design: Design): boolean {
  switch (design.kind) {
    case 'stream':
      return design.capacity.mode === 'provisioned';
    case 'landing':
    case 'pull':
    case 'extract':
      return true;
    case 'queue':
    case 'log-slice':
    case 'log-task':
      return false;
  }
}

/** How often a source is read that is read on a schedule. */
export const everyMinutesOf = (design: Design): number | undefined =>
  'everyMinutes' in design ? design.everyMinutes : undefined;
