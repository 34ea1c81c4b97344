import type { ColumnType } from '../../domain/contract.ts';
import type { KeyText, TableRead } from '../../ports/table-source.ts';
import { formatDay, formatMicros, parseMicros } from '../database/time-text.ts';

/** A name as the database has it. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** What stands after FROM: a table, with its database where it needs one, or a query in parentheses. */
export function toRelationSql({
  table,
  query,
}: {
  table?: string | undefined;
  query?: string | undefined;
}): string {
  if (query !== undefined) return `(${query}\n) AS \`source\``;
  return (table ?? '').split('.').map(quoteName).join('.');
}

/**
 * Text as a literal that no `sql_mode` reads differently. As any literal it takes on the character set and the collation
 * of the column that it is compared with, so that its index can be used.
 */
export function quoteText(text: string): string {
  if (/^[\w .:+-]*$/.test(text)) return `'${text}'`;
  return `_utf8mb4 X'${Buffer.from(text).toString('hex')}'`;
}

const NUMBER = /^[+-]?\d+(\.\d+)?$/;
const HEX = /^([0-9a-f]{2})*$/i;

/**
 * A cursor or key part as a literal.
 *
 * @throws RangeError when the text is no value of the type
 */
export function toLiteral(text: string, type: ColumnType): string {
  switch (type.kind) {
    case 'int32':
    case 'int64':
    case 'decimal':
      if (!NUMBER.test(text)) throw new RangeError(`${JSON.stringify(text)} is not a number`);
      return text;
    case 'boolean':
      return text === 'true' ? '1' : '0';
    case 'timestamp':
    case 'local-timestamp':
    case 'date': {
      const micros = parseMicros(text);
      if (micros === undefined) throw new RangeError(`${JSON.stringify(text)} is not a date or time`);
      if (type.kind === 'date') return `'${formatDay(Number(micros / 86_400_000_000n))}'`;
      // The session's time zone is UTC.
      return `'${formatMicros(micros, '')}'`;
    }
    case 'bytes':
      if (!HEX.test(text)) throw new RangeError(`${JSON.stringify(text)} is not hexadecimal`);
      return `X'${text}'`;
    case 'string':
    case 'uuid':
      return quoteText(text);
    case 'float':
    case 'double':
    case 'json':
    case 'list':
    case 'struct':
      throw new RangeError(`a column of type ${type.kind} identifies nothing`);
  }
}

/** A column that rows are ordered by. */
export interface OrderedColumn {
  /** How it is compared and sorted. */
  readonly sql: string;
  /** A value, as `KeyText` and `CursorPlace` have it, as SQL. */
  readonly literal: (text: string) => string;
  readonly nullable: boolean;
}

/** Rows after a place: `(a, b) > (x, y)`, in the form that MySQL finds a range of an index for. */
export function after(columns: readonly OrderedColumn[], place: readonly string[]): string {
  return compare('>', columns, place, false);
}

/**
 * Rows up to a place, inclusive. A key with a null is neither after nor before: it is in the first range that does not
 * lie before it, so that every row is in exactly one.
 */
function upTo(columns: readonly OrderedColumn[], place: readonly string[]): string {
  if (columns.some(({ nullable }) => nullable)) return `(${after(columns, place)}) IS NOT TRUE`;
  return compare('<', columns, place, true);
}

function compare(
  operator: '>' | '<',
  [first, ...others]: readonly OrderedColumn[],
  [text, ...rest]: readonly string[],
  orEqual: boolean,
): string {
  if (first === undefined || text === undefined) return orEqual ? 'TRUE' : 'FALSE';
  const literal = first.literal(text);
  if (others.length === 0) return `${first.sql} ${operator}${orEqual ? '=' : ''} ${literal}`;
  // Row constructors are not used for ranges. The first condition is implied; it is what the optimizer reads a range from.
  const behind = compare(operator, others, rest, orEqual);
  return `${first.sql} ${operator}= ${literal} AND (${first.sql} ${operator} ${literal} OR (${behind}))`;
}

/** What of a table a read is about. */
export interface ReadColumns {
  readonly cursor: OrderedColumn | undefined;
  readonly key: readonly OrderedColumn[];
  /** The quoted column of a change log that says whether an entry is processed. */
  readonly processed: string | undefined;
}

/** The rows of a read, as a condition; and their order, empty where none is asked for. */
export function toReadSql(
  { cursor, key, processed }: ReadColumns,
  read: Pick<TableRead, 'cursor' | 'keys' | 'unprocessed'>,
): { readonly where: string; readonly orderBy: string } {
  const conditions: string[] = [];
  let order: readonly OrderedColumn[] = [];
  if (read.cursor !== undefined) {
    if (cursor === undefined) throw new RangeError('a read by cursor needs `incremental` or `changeLog`');
    const { from, to, until } = read.cursor;
    order = [cursor, ...key.filter(({ sql }) => sql !== cursor.sql)];
    if (from !== undefined) conditions.push(fromPlace(cursor, key, from));
    if (to?.key !== undefined) conditions.push(compare('<', ...ofPlace(cursor, key, to), true));
    for (const bound of [to?.key === undefined ? to?.cursor : undefined, until])
      if (bound !== undefined) conditions.push(`${cursor.sql} < ${cursor.literal(bound)}`);
  }
  if (read.keys !== undefined) {
    const { from, to } = read.keys;
    if (from !== undefined) conditions.push(after(key, from));
    if (to !== undefined) conditions.push(upTo(key, to));
  }
  if (read.unprocessed === true) {
    if (cursor === undefined || processed === undefined)
      throw new RangeError('a read of what is unprocessed needs `changeLog.processed`');
    conditions.push(`(${processed} = 0 OR ${processed} IS NULL)`);
    order = [cursor];
  }
  return {
    where: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
    orderBy: order.length === 0 ? '' : ` ORDER BY ${order.map(({ sql }) => sql).join(', ')}`,
  };
}

interface Place {
  readonly cursor: string;
  readonly key: KeyText | undefined;
}

function fromPlace(cursor: OrderedColumn, key: readonly OrderedColumn[], from: Place): string {
  if (from.key === undefined) return `${cursor.sql} >= ${cursor.literal(from.cursor)}`;
  return after(...ofPlace(cursor, key, from));
}

/** Columns that a place is told by, and its values. A cursor that is part of the key is compared once. */
function ofPlace(
  cursor: OrderedColumn,
  key: readonly OrderedColumn[],
  place: Place,
): [columns: OrderedColumn[], values: string[]] {
  const parts = key.flatMap((column, i) =>
    column.sql === cursor.sql ? [] : [{ column, text: place.key?.[i] ?? '' }],
  );
  return [
    [cursor, ...parts.map(({ column }) => column)],
    [place.cursor, ...parts.map(({ text }) => text)],
  ];
}
