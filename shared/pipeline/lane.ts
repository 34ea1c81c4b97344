import type { Frame } from '../domain/frame.ts';
import type { Origin } from '../domain/identity.ts';
import type { Attempt, QuarantineRow } from '../domain/quarantine.ts';
import type { SettledHour } from '../domain/record-counts.ts';
import type { Source } from '../domain/source.ts';
import type { Intent, LedgerState } from '../ports/ledger-store.ts';

/**
 * A lane brings batches of records with an identity; the engine claims, writes and commits them. Lanes differ only in
 * how batches arrive, which is what a reader hides.
 */
export interface LaneReader {
  /** Ledger key: `kinesis/<stream>/<shard>`, `landing/<source>`, `pull/<source>`, … */
  readonly lane: string;
  /**
   * The records that are not in the lake yet, given what the ledger says is. It may be called several times in one
   * run (after another writer's commit, or an aborted intent) and must derive everything from `state`.
   *
   * @param maxBytes about how many raw bytes the batch may have; a batch has at least one entry whatever its size.
   * The engine lowers it when a batch is too much for one commit.
   * @returns undefined when there is nothing to do; `'overtaken'` when another writer has committed since `state` was
   * read: the engine reads the ledger and asks again; `'interrupted'` when there is more, and no time for it: it is left
   * to the next run
   */
  read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'overtaken' | 'interrupted' | undefined>;
  /**
   * The very batch that a pending intent announces, where its files stay until they have landed: whoever finds the intent
   * then goes on with it instead of withdrawing what is there. So a batch may take longer to land than any run.
   *
   * @returns undefined when it cannot be had any more: the intent is withdrawn
   */
  announced?(state: LedgerState, intent: Intent): Promise<LaneBatch | undefined>;
}

/** Consecutive records of one lane that are committed together. */
export interface LaneBatch {
  /** First position in the batch (for pulls the position before it). */
  readonly from: string;
  /** The lane's position after the commit. */
  readonly to: string;
  /** Part of the objects' names that tells this range from others of the lane: letters, digits, `-`, `_`. */
  readonly stem: string;
  readonly entries: readonly LaneEntry[];
  /** What else the commit settles: rows that leave the quarantine with it. */
  readonly settled?: readonly SettledHour[];
  /** Whether `LaneReader.announced` can give it again: a run whose time is up leaves it to the next one half-done. */
  readonly isStaged?: boolean;
}

/** What stood at one position of a lane. */
export type LaneEntry = RecordEntry | TableEntry;

/** Records that the engine judges, claims and writes. */
export type RecordEntry =
  | {
      readonly kind: 'frame';
      /**
       * Identity of the frame: with the index of a record it is the record's `_id`, and under it the record claims its
       * key. Every redelivery of a frame has the same origin and holds the same records at the same indices; what can
       * change when it is read again must be made durable before it is offered.
       */
      readonly origin: Origin;
      /** Index of the frame's first record inside its origin: 0, except where only some records are replayed. */
      readonly firstIndex: number;
      /**
       * `none` for some records of a frame that is replayed from quarantine: where requests are claimed as a whole, that
       * was done when the frame was delivered. Where each record claims its key it has no effect.
       */
      readonly claims?: 'none';
      /** The replay that lands records which were in quarantine. */
      readonly replayed?: Attempt | undefined;
      readonly source: Source;
      readonly frame: Frame;
      /** What else is known of records that violate the contract, by their index in the frame. */
      readonly notes?: ReadonlyMap<number, RecordNote>;
    }
  | { readonly kind: 'quarantine'; readonly row: QuarantineRow };

/** Where a record stands, for people. */
export interface RecordNote {
  /** Such as `row 7 (line 9) of orders.csv`. */
  readonly place: string;
  /** Why it is no record, instead of what the contract says of its text. */
  readonly problem?: string | undefined;
}

/** A finished file. Its rows are not claimed: the lane's position alone keeps them from landing twice. */
export interface TableEntry {
  readonly kind: 'table';
  readonly source: Source;
  /** Partition that all of its rows fall into, see `partitionNumber`. */
  readonly partition: number;
  readonly rows: number;
  /** Size of the Parquet file. */
  readonly bytes: number;
  /** When its rows were read, ms since the epoch. */
  readonly receivedAtMs: number;
  /** The file; called once per attempt, so that large ones need not be held. */
  load(): Promise<Uint8Array>;
}
