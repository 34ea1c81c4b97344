import type { ColumnBatch } from '../domain/column-batch.ts';
import type { Source } from '../domain/source.ts';

/**
 * Turns columns into Parquet files with the same columns as those of `TableWriter.writeRows` (those of the contract and
 * the `_` columns of the lake), zstd-compressed, with statistics.
 *
 * Promises of every implementation:
 * - Every value arrives unchanged, rows of a partition in the order in which they were appended.
 * - Memory is bounded by the rows that are held, about `ColumnTable.bytes`, not by those that went through before.
 * - Nothing is kept that a killed process would leave half-done.
 */
export interface ColumnTableWriter {
  open(source: Source, lake: LakeColumns): Promise<ColumnTable>;
}

/** What the rows of one table have in common. */
export interface LakeColumns {
  /** `_id` of row i is `${origin}/${firstIndex + i}`. */
  readonly origin: string;
  readonly firstIndex: number;
  /** `_received_at`, ms since the epoch; also `_event_time` where the source declares none or the row has none. */
  readonly receivedAtMs: number;
  /** `_op` of the rows, where the source has the column (`hasOperations`); undefined for none. */
  readonly op?: 'd' | undefined;
}

/** Rows in the making. `_key` is null: the rows are not claimed. */
export interface ColumnTable {
  readonly rows: number;
  /** About how many bytes the rows have that are held. */
  readonly bytes: number;
  /** The batch belongs to the table from now on: its buffers may be held, and must not be written to again. */
  append(batch: ColumnBatch): Promise<void>;
  /** Ends the table. @returns one file per partition that any row falls into (by the event time), in ascending order */
  finish(): Promise<readonly ColumnFile[]>;
  /** Gives up the table, if it is not finished; may be called always. */
  discard(): Promise<void>;
}

export interface ColumnFile {
  /** See `partitionNumber`. */
  readonly partition: number;
  readonly rows: number;
  readonly bytes: Uint8Array;
}
