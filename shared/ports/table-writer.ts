import type { Frame } from '../domain/frame.ts';
import type { Origin } from '../domain/identity.ts';
import type { Attempt, QuarantineRow } from '../domain/quarantine.ts';
import type { Source } from '../domain/source.ts';

/** Some records of one frame, by index. */
export interface FrameSlice {
  readonly frame: Frame;
  /** Origin of the frame: the identity of record i is `recordIdentity(origin, firstIndex + i)`. */
  readonly origin: Origin;
  /** Index of the frame's first record inside its origin: 0 unless the frame holds only some of its records. */
  readonly firstIndex: number;
  /** Indices of the records that are rows, in order. */
  readonly indices: readonly number[];
  /** The replay that lands them, where they were in quarantine. */
  readonly replayed?: Attempt | undefined;
}

/**
 * Turns records into Parquet files.
 *
 * Promises of every implementation:
 * - One row per record, in order; every value that meets the contract arrives unchanged.
 * - Rows that cannot be written although they met their contract do not fail the others: they are returned as
 *   `unwritable`.
 * - Nothing is kept between calls that a killed process would leave half-done.
 */
export interface TableWriter {
  /** Rows of one source and one partition, with the columns of its contract and the `_` columns of the lake. */
  writeRows(source: Source, slices: readonly FrameSlice[]): Promise<WrittenTable>;
  writeQuarantine(rows: readonly QuarantineRow[]): Promise<Uint8Array>;
  /** A file with the source's columns and no rows. */
  writeTombstone(source: Source): Promise<Uint8Array>;
  /** A quarantine file with no rows. */
  writeQuarantineTombstone(): Promise<Uint8Array>;
}

export interface WrittenTable {
  /** The Parquet file; undefined when no row could be written. */
  readonly bytes: Uint8Array | undefined;
  readonly rows: number;
  readonly unwritable: readonly UnwritableRow[];
}

export interface UnwritableRow {
  readonly slice: FrameSlice;
  /** Index of the record in the slice's frame. */
  readonly index: number;
  readonly error: string;
}
