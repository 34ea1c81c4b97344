import type { DatabaseSourceConfig } from '../config/schema.ts';
import type { ColumnBatch } from '../domain/column-batch.ts';
import type { Source } from '../domain/source.ts';

/**
 * Which rows of a database source are in the lake. A row is known by its key and its cursor: another version of it has
 * another cursor.
 *
 * Promises of every implementation:
 * - A row whose file is in the lake when `find` is called is found, whatever its partition.
 * - A row that is not in the lake is never taken for one that is; nor is one that was marked as deleted since it landed.
 * - What is thrown is a HeadgateError; `BACKFILL_WINDOW_TOO_LARGE` (block) when the range has more rows than fit into
 *   memory, or cannot be looked up in time.
 */
export interface LandedRows {
  /**
   * @param range cursor texts as the database writes them, `from` inclusive, `until` exclusive
   * @param deadlineMs when it must be done, ms since the epoch
   */
  find(
    source: Source<DatabaseSourceConfig>,
    range: { readonly from: string; readonly until: string },
    deadlineMs: number,
  ): Promise<LandedSet>;
}

/** Rows of one range that are in the lake. */
export interface LandedSet {
  readonly size: number;
  /** Numbers of the rows of a batch that are not among them, ascending. */
  missing(batch: ColumnBatch): readonly number[];
}
