import type { ColumnBatch } from '../domain/column-batch.ts';

/**
 * A table (or query) of a database.
 *
 * Promises of every implementation:
 * - Everything is read in read-only transactions, under the statement time-out, over a verified connection.
 * - Cursors and keys are the database's own exact text (never a float, never a Date): microseconds and 64-bit integers
 *   survive. `compare` orders cursor texts as the database does.
 * - What is thrown is a HeadgateError: `retry` for what may pass (connection lost, deadlock, starting up), `block` for
 *   what an operator has to mend (`DB_LOGIN`, `DB_PERMISSION`, `DB_NO_TABLE`, `DB_NO_COLUMN`, `DB_TYPE_CHANGED`,
 *   `DB_NEW_COLUMN`, `DB_CURSOR_NULL`, …), with what to do. A read that fails half-way throws; it never ends early.
 * - The connection is opened by the first call and kept; `close` ends it. A lost one is opened anew by the next call.
 */
export interface TableSource {
  /** What the database says about the table now. */
  describe(deadlineMs: number): Promise<TableDescription>;

  /**
   * How far may be read by cursor without passing a row that is not visible yet. To be called *before* the rows are
   * read, on the writer; see `Horizon`.
   *
   * @param former `Horizon.memory` of the run before, as it was returned; undefined for the first
   * @throws BlockedError with code `DB_NO_HORIZON` when the role may not see the transactions of others; the message
   *   says which grant is missing, and offers `lookback`
   */
  readHorizon(request: {
    readonly former: string | undefined;
    readonly deadlineMs: number;
  }): Promise<Horizon>;

  /**
   * Keys that divide the table into ranges of about `rowsPerSplit` rows, ascending, from statistics or an index scan:
   * range i is from boundary i - 1 (exclusive) to boundary i (inclusive). Empty when one range is enough or the table
   * has no key that can be divided.
   */
  planBoundaries(request: {
    readonly rowsPerSplit: number;
    readonly deadlineMs: number;
  }): Promise<readonly KeyText[]>;

  /**
   * Streams rows; see `TableRead` for which and in what order. A batch holds some 1 to 8 MiB. One statement reads all:
   * what it returns existed together. Whoever stops taking batches ends the statement.
   */
  read(request: TableRead): AsyncIterable<TableBatch>;

  /** Rows of a read, counted by the database. */
  count(request: Pick<TableRead, 'cursor' | 'keys' | 'unprocessed' | 'deadlineMs'>): Promise<number>;

  /** Cursor text `lookbackMs` before another one. Only for cursors that are times. */
  before(cursor: string, lookbackMs: number): string;

  /** Cursor text of an instant, ms since the epoch; of UTC where the column has no zone. Only for cursors that are times. */
  at(ms: number): string;

  /** Order of two cursor texts: negative, 0 or positive. */
  compare(a: string, b: string): number;

  /** Sets `changeLog.processed` of these entries to true. Repeating it changes nothing. */
  markProcessed(ids: readonly string[], deadlineMs: number): Promise<void>;

  close(): Promise<void>;
}

export interface TableBatch {
  /** In the order of the contract's columns. */
  readonly rows: ColumnBatch;
  /** Place of its last row; undefined where rows are not read by cursor. */
  readonly last: CursorPlace | undefined;
  /** `changeLog.id` of each row, where only unprocessed entries are read. */
  readonly ids?: readonly string[];
}

export interface Horizon {
  /**
   * Exclusive upper bound: no transaction that is open now, or begins later, commits a row with a smaller cursor that the
   * database gave it (the time of its transaction or statement; a sequence). Undefined: nothing may be read yet.
   *
   * Times: before the oldest open transaction, and some time before now. Numbers: what was allocated before a moment is
   * final once all transactions that were open at that moment have ended; so the answer may be that of an earlier
   * moment, which is what `memory` is for.
   */
  readonly until: string | undefined;
  /** Text for the next call, kept with the checkpoint; small. */
  readonly memory: string | undefined;
  /** When the oldest open transaction began, ms since the epoch; undefined if none is open. For `SourceLag`. */
  readonly oldestOpenMs: number | undefined;
}

/** A key's parts as exact text, in the order of the source's `key`. */
export type KeyText = readonly string[];

/** Where reading by cursor has come to. */
export interface CursorPlace {
  readonly cursor: string;
  /** Key of the last row that was read; undefined: before all rows of that cursor value. */
  readonly key: KeyText | undefined;
}

export interface TableRead {
  /**
   * Rows by cursor, ascending by (cursor, key): those after `from` (all if undefined), up to `to` (inclusive; before all
   * rows of its cursor where it has no key) and before `until` (exclusive; no bounds if undefined).
   */
  readonly cursor?: {
    readonly from: CursorPlace | undefined;
    readonly to?: CursorPlace | undefined;
    readonly until: string | undefined;
  };
  /** Rows by key, in any order: those after `from` (exclusive) up to `to` (inclusive); undefined: no bound. */
  readonly keys?: { readonly from: KeyText | undefined; readonly to: KeyText | undefined };
  /** Only the columns of the key: `TableBatch.rows` has those, in the order of the contract, and no `extra` for others. */
  readonly keysOnly?: boolean;
  /** Only entries of a change log that are not processed, ascending by id. */
  readonly unprocessed?: boolean;
  /**
   * Is told how many rows the database counts, in the snapshot that they are read from, once the last one was taken. It is
   * not called where there is no such snapshot: of a query, or of a table without transactions.
   */
  readonly onCounted?: (rows: number) => void;
  /** Ends after about so many rows, at a batch boundary; undefined: all. */
  readonly maxRows?: number;
  /** When the read must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

export interface TableDescription {
  /** All columns of the table or query, in its order. */
  readonly columns: readonly TableColumn[];
  /** Columns of the primary key; empty if it has none. */
  readonly primaryKey: readonly string[];
  /**
   * Whether the database makes sure that no two rows have the same key and cursor, as reading by cursor needs;
   * undefined where it cannot be known: of views and queries.
   */
  readonly isKeyUnique: boolean | undefined;
  /** The database's own estimate. */
  readonly estimatedRows: number | undefined;
  readonly estimatedBytes: number | undefined;
  /** What may go wrong with the declared settings: a cursor without an index (with the cost of a scan), … */
  readonly warnings: readonly TableWarning[];
}

/** Something that a source can be read with, and should not be. */
export interface TableWarning {
  /** Stable; docs/reference/source-problems.md lists all. */
  readonly code:
    | 'DB_CURSOR_NO_INDEX'
    | 'DB_CURSOR_NULLABLE'
    | 'DB_CURSOR_ZONE'
    | 'DB_KEY_NOT_UNIQUE'
    | 'DB_KEY_NULLABLE'
    | 'DB_NO_MARK'
    | 'DB_NO_TRANSACTIONS';
  /** What there is, and what to do. */
  readonly message: string;
}

interface TableColumn {
  readonly name: string;
  /** As the database writes it, such as `numeric(12,2)`. */
  readonly databaseType: string;
  /** The word for the lake column that holds all of its values exactly (`columns` in the configuration). */
  readonly columnType: string;
  readonly nullable: boolean;
}
