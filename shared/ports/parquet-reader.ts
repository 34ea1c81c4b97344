import type { Place } from '../domain/files-position.ts';
import type { Piece } from '../domain/files/splitter.ts';
import type { ObjectSource, ObjectVersion } from './object-source.ts';

/**
 * Rows of Parquet objects as JSON texts.
 *
 * Promises of every implementation:
 * - Values are exact: decimals and 64-bit integers by all their digits, times in the contract's words with all of their
 *   microseconds.
 * - A row group is fetched at a time, and only what of it is needed. Memory does not grow with the object.
 * - What is no Parquet file, or is damaged, throws a RejectedError with code `OBJECT_UNREADABLE`, after the rows before.
 */
export interface ParquetReader {
  read(
    objects: ObjectSource,
    object: ObjectVersion,
    from: Place,
    deadlineMs: number,
  ): AsyncIterable<{ readonly pieces: readonly Piece[]; readonly place: Place }>;
}
