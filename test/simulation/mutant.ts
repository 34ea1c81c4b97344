import type { LandDeps } from '../../shared/pipeline/land.ts';
import type { ColumnTableWriter } from '../../shared/ports/column-table-writer.ts';
import type { RowKeys } from '../../shared/ports/row-keys.ts';
import type { LaneReader } from '../../shared/pipeline/lane.ts';
import type { StreamReader } from '../../shared/pipeline/stream-reader.ts';
import type { StreamRecord } from '../../shared/domain/stream-batch.ts';
import type { ObjectSource } from '../../shared/ports/object-source.ts';
import type { Profile } from './profile.ts';
import type { TableQuirks } from '../support/simulated-table-source.ts';
import type { SimulatedBucket } from './simulated-bucket.ts';
import type { Stores } from './stores.ts';

/** A way to read a table, and what gives its rows their cursor. */
export type TableShape =
  | 'transaction'
  | 'statement'
  | 'sequence'
  | 'lookback'
  | 'log'
  | 'processed'
  | 'extract'
  | 'reconciled'
  | 'reconciled-lookback';

/** One way to break the protocol, in the seams of the simulation: a simulation that does not notice proves nothing. */
export interface Mutant {
  readonly name: string;
  /** What is broken. */
  readonly breaks: string;
  /** `no end`: records never land. `nothing` where the protocol stands it; that has to hold as well. */
  readonly harm: 'loss or duplicates' | 'wrong counts' | 'no end' | 'nothing';
  readonly lane: 'stream' | 'pull' | 'table' | 'landing' | 'files';
  /** Circumstances in which it matters. */
  readonly under?: (profile: Profile) => Partial<Profile>;
  /** Ways to read a table in which it matters; all by default. */
  readonly tables?: readonly TableShape[];
  /** What is broken in one run. */
  readonly sabotage: () => Sabotage;
}

/** How a replay is done instead of the right way. */
type WrongReplay = 're-put' | 're-put with identity' | 'high-water mark';

/** One process that runs the engine. */
export interface Invocation {
  /** Unique in its run. */
  readonly number: number;
  readonly newToken: () => string;
}

/** What a mapping delivers to an invocation. */
export interface Delivery {
  readonly deps: LandDeps;
  readonly records: readonly StreamRecord[];
  readonly createReader: (records: readonly StreamRecord[]) => StreamReader;
}

export interface Sabotage {
  readonly stores?: (stores: Stores, invocation: Invocation) => Stores;
  /** A bucket that is listed or read wrongly. */
  readonly objects?: (objects: ObjectSource, invocation: Invocation, bucket: SimulatedBucket) => ObjectSource;
  readonly reader?: (delivery: Delivery) => LaneReader;
  /** No process keeps what it has read of the claims. */
  readonly forgetsClaims?: boolean;
  /** All invocations share one process, and two of them one view of the claims. */
  readonly sharesViews?: boolean;
  /** The mapping takes an invocation for done before it is. */
  readonly acknowledgesEarly?: boolean;
  /** Two invocations work on one shard, each on a part of its records. */
  readonly splitsShards?: boolean;
  /** Clocks of landing runs are ahead by so much. */
  readonly readersAheadMs?: number;
  /** Clocks of those who put frames into the landing zone are behind by so much. */
  readonly writersBehindMs?: number;
  /** The landing zone takes frames at any time. */
  readonly takesLateFrames?: boolean;
  /** No process keeps manifests. */
  readonly isAlwaysCold?: boolean;
  /** A database that is read wrongly. */
  readonly quirks?: TableQuirks;
  /** Keys that are compared wrongly, and deletes that are written wrongly. */
  readonly keys?: (keys: RowKeys) => RowKeys;
  readonly columns?: (columns: ColumnTableWriter) => ColumnTableWriter;
  readonly replay?: WrongReplay;
  /** A delivery is parked. */
  readonly onPark?: (shardId: string, records: readonly StreamRecord[], nowMs: number) => void;
}
