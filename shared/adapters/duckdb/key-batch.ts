import type { ColumnBatch, ColumnData } from '../../domain/column-batch.ts';
import type { Column, ColumnType } from '../../domain/contract.ts';
import { nullColumn } from '../../domain/null-column.ts';
import { quoteName } from './column-sql.ts';
import { toTokenSql, unscaled } from './row-tokens.ts';

const WIDE_DECIMAL_BYTES = 16;

/** What selects a column as text that `toKeyBatch` reads. Texts as bytes: a client may take a byte-order mark off. */
export function toKeyItem(column: Column): string {
  const { name, type } = column;
  return type.kind === 'string' || type.kind === 'uuid'
    ? `hex(encode(${quoteName(name)}))`
    : toTokenSql(column);
}

/**
 * Makes batches of rows that have the columns of a key, and nothing else. Columns that hold nothing are shared by all
 * batches of one size: tables are wide, and there may be millions of rows.
 *
 * @param columns those of the batches
 */
export class KeyBatches {
  readonly #columns: readonly Column[];
  #rows = -1;
  readonly #nulls = new Map<string, ColumnData>();

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** @param texts values by name of the column, as `toKeyItem` selects them; no nulls */
  create(texts: ReadonlyMap<string, readonly string[]>, rows: number): ColumnBatch {
    if (rows !== this.#rows) this.#nulls.clear();
    this.#rows = rows;
    const columns = this.#columns.map(({ name, type }) => {
      const values = texts.get(name);
      return values === undefined ? this.#nullColumn(name, type) : toColumn(type, values);
    });
    return { rows, columns, extra: undefined };
  }

  #nullColumn(name: string, type: ColumnType): ColumnData {
    const known = this.#nulls.get(name) ?? nullColumn(type, this.#rows);
    this.#nulls.set(name, known);
    return known;
  }
}

function toColumn(type: ColumnType, texts: readonly string[]): ColumnData {
  const nulls = undefined;
  switch (type.kind) {
    case 'int32':
    case 'date':
      return { kind: 'int32', values: Int32Array.from(texts, Number), nulls };
    case 'int64':
    case 'timestamp':
    case 'local-timestamp':
      return { kind: 'int64', values: BigInt64Array.from(texts, BigInt), nulls };
    case 'float':
      return { kind: 'float', values: Float32Array.from(texts, toNumber), nulls };
    case 'double':
      return { kind: 'double', values: Float64Array.from(texts, toNumber), nulls };
    case 'boolean':
      return { kind: 'boolean', values: Uint8Array.from(texts, Number), nulls };
    case 'decimal': {
      const numbers = texts.map((text) => BigInt(unscaled(text)));
      return type.precision <= 18
        ? { kind: 'int64', values: BigInt64Array.from(numbers), nulls }
        : toBytes(numbers.map(toWide));
    }
    case 'bytes':
    case 'string':
    case 'uuid':
      return toBytes(texts.map((text) => Buffer.from(text, 'hex')));
    case 'json':
    case 'list':
    case 'struct':
      throw new TypeError(`a ${type.kind} identifies no rows`);
  }
}

/** DuckDB writes what is no number in its own words. */
function toNumber(text: string): number {
  if (text === 'inf') return Infinity;
  return text === '-inf' ? -Infinity : Number(text);
}

function toWide(value: bigint): Buffer {
  const hex = BigInt.asUintN(WIDE_DECIMAL_BYTES * 8, value).toString(16);
  return Buffer.from(hex.padStart(WIDE_DECIMAL_BYTES * 2, '0'), 'hex');
}

function toBytes(parts: readonly Buffer[]): ColumnData {
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + part.length;
  });
  return { kind: 'bytes', data: Buffer.concat(parts), offsets, nulls: undefined };
}
