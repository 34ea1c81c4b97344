/**
 * Rows by column, as they come off the wire of a database and go into a Parquet file without ever being objects. The
 * form is that of Arrow: values one after the other, bytes with offsets.
 */
export interface ColumnBatch {
  readonly rows: number;
  /** In the order of the contract's columns; each has `rows` values. */
  readonly columns: readonly ColumnData[];
  /**
   * `_extra`: per row a JSON object (text) with what no column holds, undeclared columns and values that do not fit
   * their column, as the database writes them; null where there is nothing. Undefined when that is so for all rows.
   */
  readonly extra: BytesColumn | undefined;
}

/** Values of one column. Where a value is null its place in `values` (an empty slice in `data`) has no meaning. */
export type ColumnData =
  | FixedColumn<'int32', Int32Array>
  | FixedColumn<'int64', BigInt64Array>
  | FixedColumn<'float', Float32Array>
  | FixedColumn<'double', Float64Array>
  | FixedColumn<'boolean', Uint8Array>
  | BytesColumn
  | ListColumn;

/**
 * By column type: `integer`, `date` (days since 1970-01-01) → int32; `bigint`, `timestamp` and `local-timestamp`
 * (microseconds since 1970-01-01 00:00, UTC or of no zone), `decimal` of up to 18 digits (unscaled) → int64;
 * `float`, `double`, `boolean` (0 or 1) → themselves.
 */
export interface FixedColumn<Kind extends string, Values> {
  readonly kind: Kind;
  readonly values: Values;
  readonly nulls: Nulls;
}

/**
 * `text`, `json`, `uuid` (UTF-8, lower case, with hyphens) and `bytes` → the bytes; `decimal` of more than 18 digits →
 * 16 bytes each, two's complement, big endian, unscaled. Value i is `data.subarray(offsets[i], offsets[i + 1])`.
 */
export interface BytesColumn {
  readonly kind: 'bytes';
  readonly data: Uint8Array;
  readonly offsets: Uint32Array;
  readonly nulls: Nulls;
}

/** Value i has the elements from `offsets[i]` to `offsets[i + 1]`, exclusive. */
export interface ListColumn {
  readonly kind: 'list';
  readonly offsets: Uint32Array;
  readonly element: ColumnData;
  readonly nulls: Nulls;
}

/** One byte per value, 1 where it is null; undefined when none is. */
export type Nulls = Uint8Array | undefined;
