import type { DatabaseSourceConfig } from '../config/schema.ts';
import type { ColumnBatch } from '../domain/column-batch.ts';
import type { Source } from '../domain/source.ts';

/**
 * Compares the keys of rows in files: those of the lake, and *key files*, Parquet files with the columns of the key,
 * `_received_at` and `_op`.
 *
 * Promises of every implementation:
 * - Keys are equal when all of their parts are, as the database's exact values; a key with a null is none.
 * - `list` names every file of the source that was in the lake when it was called, also those whose commit is not done.
 * - Memory is bounded by the shares into which keys are divided, not by their number.
 * - What is thrown is a HeadgateError; `KEYS_NOT_COMPARABLE` (block) when values of the lake are none of the key's type.
 */
export interface RowKeys {
  /** Changes when another version would divide keys into other shares. */
  readonly version: string;

  /** Names of the files of a source in the lake, under its prefix, in order. */
  list(source: Source<DatabaseSourceConfig>): Promise<readonly string[]>;

  /**
   * The newest row of each key in files of the lake, from the first one on: as many files as fit into one key file, and
   * into the time, but one at least.
   *
   * @param names of `list`
   * @param untilMs ms since the epoch
   */
  gather(
    source: Source<DatabaseSourceConfig>,
    names: readonly string[],
    untilMs: number,
  ): Promise<GatheredKeys>;

  /**
   * One share of the keys that are alive in the lake (their newest row has no `_op`), divided into those that the table
   * has and those that it lacks.
   */
  compare(source: Source<DatabaseSourceConfig>, request: CompareRequest): Promise<ComparedKeys>;

  /**
   * Keys of a key file as rows of the source, all other columns null, without those that other key files have too.
   */
  rowsOf(
    source: Source<DatabaseSourceConfig>,
    request: {
      readonly keys: KeyFile;
      readonly without: readonly KeyFile[];
    },
  ): Promise<readonly ColumnBatch[]>;
}

/** Fetches a key file. */
export type KeyFile = () => Promise<Uint8Array>;

export interface GatheredKeys {
  /** How many of the files were looked into. */
  readonly files: number;
  /** A key file, and how many rows it has. */
  readonly rows: number;
  readonly bytes: Uint8Array;
  /** The newest `_received_at` of all rows, ms since the epoch; undefined if there are no rows. */
  readonly newestMs: number | undefined;
}

export interface CompareRequest {
  /** What the lake has. */
  readonly lake: readonly KeyFile[];
  /** What the table has; every key once. */
  readonly table: readonly KeyFile[];
  /** Share `number` of `of`, from 0. */
  readonly share: { readonly number: number; readonly of: number };
}

/** Key files; those in `alive` and `gone` have neither `_received_at` nor `_op`. */
export interface ComparedKeys {
  readonly alive: { readonly rows: number; readonly bytes: Uint8Array };
  readonly gone: { readonly rows: number; readonly bytes: Uint8Array };
}
