import type { Column, ColumnType } from '../../domain/contract.ts';

/** An SQL identifier; any name is possible, reserved words and quotes included. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/*
 * Two types per column kind: the one that JSON is read as, and the one that is written.
 *
 * - `json` must be read as JSON: as VARCHAR the string "1" and the number 1 would be the same text. It is written as
 *   plain text, because not every reader knows Parquet's JSON type.
 * - `uuid` is read and written as text: Athena and Spark cannot read Parquet's UUID type.
 * - `timestamp` becomes microseconds with isAdjustedToUTC, `local-timestamp` without.
 * - `bytes` are base64 in JSON.
 */
const SCALARS = {
  string: ['VARCHAR', 'VARCHAR'],
  int32: ['INTEGER', 'INTEGER'],
  int64: ['BIGINT', 'BIGINT'],
  float: ['FLOAT', 'FLOAT'],
  double: ['DOUBLE', 'DOUBLE'],
  boolean: ['BOOLEAN', 'BOOLEAN'],
  timestamp: ['TIMESTAMPTZ', 'TIMESTAMPTZ'],
  'local-timestamp': ['TIMESTAMP', 'TIMESTAMP'],
  date: ['DATE', 'DATE'],
  uuid: ['VARCHAR', 'VARCHAR'],
  json: ['JSON', 'VARCHAR'],
  bytes: ['VARCHAR', 'BLOB'],
} as const;

function toSqlType(type: ColumnType, use: 0 | 1): string {
  if (type.kind === 'list') return `${toSqlType(type.element, use)}[]`;
  if (type.kind === 'decimal') return `DECIMAL(${String(type.precision)},${String(type.scale)})`;
  if (type.kind !== 'struct') return SCALARS[type.kind][use];
  return `STRUCT(${type.fields.map((field) => `${quoteName(field.name)} ${toSqlType(field.type, use)}`).join(', ')})`;
}

/** DuckDB's type for reading a column from JSON. */
export function toReadType(type: ColumnType): string {
  return toSqlType(type, 0);
}

/** DuckDB's type of a column as it is written. */
export function toWrittenType(type: ColumnType): string {
  return toSqlType(type, 1);
}

/** The expression that selects a column as it is written. */
export function toSelectItem({ name, type }: Column): string {
  const read = toSqlType(type, 0);
  const written = toSqlType(type, 1);
  const quoted = quoteName(name);
  if (type.kind === 'bytes') return `from_base64(${quoted}) AS ${quoted}`;
  return read === written ? quoted : `CAST(${quoted} AS ${written}) AS ${quoted}`;
}

/** `read_json` over files of one object per line, with exactly these columns; unknown fields are skipped. */
export function readLines(
  paths: readonly string[],
  columns: Readonly<Record<string, string>>,
  maxLineBytes: number,
): string {
  const types = Object.entries(columns).map(([name, type]) => `${quoteName(name)}: ${quoteText(type)}`);
  // `records` must be said: it is guessed otherwise, by reading the first 20,480 lines twice. `ignore_errors` stays
  // off: it would write NULL where a value does not fit.
  return (
    `read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', records = 'true', compression = 'uncompressed', ` +
    `hive_partitioning = false, maximum_object_size = ${String(maxLineBytes)}, columns = {${types.join(', ')}})`
  );
}
