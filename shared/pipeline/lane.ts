import type { Frame } from '../domain/frame.ts';
import type { Origin } from '../domain/identity.ts';
import type { QuarantineRow } from '../domain/quarantine.ts';
import type { Source } from '../domain/source.ts';
import type { LedgerState } from '../ports/ledger-store.ts';

/**
 * A lane brings batches of records with an identity; the engine claims, writes and commits them. Lanes differ only in
 * how batches arrive, which is what a reader hides.
 */
export interface LaneReader {
  /** Ledger key: `kinesis/<stream>/<shard>`, `pull/<source>`, … */
  readonly lane: string;
  /**
   * The records that are not in the lake yet, given what the ledger says is. It may be called several times in one
   * run (after another writer's commit, or an aborted intent) and must derive everything from `state`.
   *
   * @returns undefined when there is nothing to do
   */
  read(state: LedgerState): Promise<LaneBatch | undefined>;
}

/** Consecutive records of one lane that are committed together. */
export interface LaneBatch {
  /** First position in the batch (for pulls the position before it). */
  readonly from: string;
  /** The lane's position after the commit. */
  readonly to: string;
  /** Part of the objects' names that tells this range from others of the lane: letters, digits, `-`. */
  readonly stem: string;
  readonly entries: readonly LaneEntry[];
}

/** What stood at one position of a lane. */
export type LaneEntry =
  | {
      readonly kind: 'frame';
      /**
       * Identity of the frame. A redelivery of the same frame has the same origin, and a frame that is read again
       * after its commit has another one (see `pull`): that is what tells a retry from a duplicate.
       */
      readonly origin: Origin;
      readonly source: Source;
      readonly frame: Frame;
    }
  | { readonly kind: 'quarantine'; readonly row: QuarantineRow };

/** What a run of the engine did. */
export interface LandResult {
  readonly commits: number;
  readonly bySource: ReadonlyMap<string, LandCounts>;
}

export interface LandCounts {
  readonly received: number;
  readonly landed: number;
  readonly duplicates: number;
  readonly quarantined: number;
  /** Bytes of Parquet written. */
  readonly bytes: number;
}
