import duckdb from '@duckdb/node-bindings';
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  FLOAT,
  INTEGER,
  LIST,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
  type DuckDBType,
} from '@duckdb/node-api';
import type { BytesColumn, ColumnData, ListColumn, Nulls } from '../../domain/column-batch.ts';
import type { ColumnType } from '../../domain/contract.ts';

/** Some rows of a batch, by index, ascending. */
export type RowIndices = Uint32Array;

/** A value that is to be text and is not UTF-8. */
export class NotUtf8Error extends Error {}

/** DuckDB's type for the values of a column; what `column-sql` writes after a cast is written as it is here. */
export function toVectorType(type: ColumnType): DuckDBType {
  switch (type.kind) {
    case 'boolean':
      return BOOLEAN;
    case 'int32':
      return INTEGER;
    case 'int64':
      return BIGINT;
    case 'float':
      return FLOAT;
    case 'double':
      return DOUBLE;
    case 'date':
      return DATE;
    case 'timestamp':
      return TIMESTAMPTZ;
    case 'local-timestamp':
      return TIMESTAMP;
    case 'decimal':
      return DECIMAL(type.precision, type.scale);
    case 'string':
    case 'uuid':
    case 'json':
      return VARCHAR;
    case 'bytes':
      return BLOB;
    case 'list':
      return LIST(toVectorType(type.element));
    case 'struct':
      throw new TypeError('columns of a batch have no structs');
  }
}

/*
 * DuckDB's vectors in memory, little endian; see `duckdb_string_t`, `duckdb_list_entry`, `duckdb_hugeint` and
 * `duckdb_vector_get_validity` in duckdb.h, and DuckDB's "Internals: Vector" for decimals.
 *
 * A text of up to 12 bytes stands in its 16-byte element: length (4), bytes (12, filled up with zeros). A longer one has
 * its length, its first four bytes, and an address. All texts of a vector are handed over as one, which DuckDB copies to
 * memory that the vector owns; their addresses follow from its address. So there is one call per vector and none per
 * value.
 */
const STRING_BYTES = 16;
const INLINE_BYTES = 12;
const LIST_ENTRY_BYTES = 16;
const HUGEINT_BYTES = 16;
/** No text of a vector is as long. */
const UNSET_LENGTH = 0xffff_ffff;
const WORD = 2 ** 32;

/** A run of rows can be copied as it stands. */
const isRun = (rows: RowIndices): boolean =>
  (rows[rows.length - 1] ?? 0) - (rows[0] ?? 0) === rows.length - 1;

function lengthAt({ offsets, nulls }: BytesColumn | ListColumn, row: number): number {
  if (nulls?.[row] === 1) return 0;
  const length = (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
  if (length < 0) throw new RangeError('offsets of a column descend');
  return length;
}

/** Copies values of columns into vectors of DuckDB. */
export class VectorFiller {
  // What a vector gets is put together here.
  private elements = new Uint8Array(2048 * STRING_BYTES);
  private words = new Uint32Array(this.elements.buffer);
  private texts = new Uint8Array(64 * 1024);

  /**
   * Fills a vector, which must have room for the rows.
   *
   * @throws NotUtf8Error when text is not UTF-8
   */
  fill(vector: duckdb.Vector, type: ColumnType, column: ColumnData, rows: RowIndices): void {
    if (rows.length === 0) return;
    if (column.kind === 'list') this.fillLists(vector, type, column, rows);
    else if (column.kind === 'bytes') {
      if (type.kind === 'decimal') this.fillHugeInts(vector, column, rows);
      else this.fillTexts(vector, column, rows, type.kind !== 'bytes');
    } else if (type.kind === 'decimal' && type.precision <= 9 && column.kind === 'int64') {
      this.fillNarrow(vector, column.values, column.nulls, rows, type.precision <= 4 ? 2 : 4);
    } else this.fillFixed(vector, column.values, rows);
    this.fillNulls(vector, column.nulls, rows);
  }

  /** Fills a vector with integers (32 bits) that count up. */
  fillSequence(vector: duckdb.Vector, first: number, rows: RowIndices): void {
    this.reserve(rows.length * 4);
    for (let i = 0; i < rows.length; i++) this.words[i] = first + (rows[i] ?? 0);
    this.copy(vector, rows.length * 4);
  }

  private fillFixed(
    vector: duckdb.Vector,
    values: Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array,
    rows: RowIndices,
  ): void {
    const size = values.BYTES_PER_ELEMENT;
    if (isRun(rows)) {
      const from = values.byteOffset + (rows[0] ?? 0) * size;
      duckdb.copy_data_to_vector(vector, 0, values.buffer as ArrayBuffer, from, rows.length * size);
      return;
    }
    this.reserve(rows.length * size);
    if (size === 1) {
      const bytes = values as Uint8Array;
      for (let i = 0; i < rows.length; i++) this.elements[i] = bytes[rows[i] ?? 0] ?? 0;
    } else {
      const perValue = size / 4;
      const from = new Uint32Array(values.buffer, values.byteOffset, values.length * perValue);
      for (let i = 0, to = 0; i < rows.length; i++) {
        const at = (rows[i] ?? 0) * perValue;
        this.words[to++] = from[at] ?? 0;
        if (perValue === 2) this.words[to++] = from[at + 1] ?? 0;
      }
    }
    this.copy(vector, rows.length * size);
  }

  /** Decimals of few digits: DuckDB keeps them in 2 or 4 bytes. */
  private fillNarrow(
    vector: duckdb.Vector,
    values: BigInt64Array,
    nulls: Nulls,
    rows: RowIndices,
    size: 2 | 4,
  ): void {
    this.reserve(rows.length * size);
    const from = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    const to =
      size === 2
        ? new Int16Array(this.elements.buffer, 0, rows.length)
        : new Int32Array(this.elements.buffer, 0, rows.length);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const low = from[row * 2] ?? 0;
      to[i] = low;
      if ((to[i] !== low || from[row * 2 + 1] !== low >> 31) && nulls?.[row] !== 1) {
        throw new RangeError(`the decimal ${String(values[row])} (unscaled) has more digits than its column`);
      }
    }
    this.copy(vector, rows.length * size);
  }

  private fillHugeInts(vector: duckdb.Vector, column: BytesColumn, rows: RowIndices): void {
    const { data, offsets } = column;
    this.reserve(rows.length * HUGEINT_BYTES);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const length = lengthAt(column, row);
      if (length === 0 && column.nulls?.[row] === 1) continue;
      if (length !== HUGEINT_BYTES) {
        throw new RangeError(`a decimal of more than 18 digits has ${String(length)} bytes, not 16`);
      }
      const last = (offsets[row] ?? 0) + HUGEINT_BYTES - 1;
      for (let byte = 0; byte < HUGEINT_BYTES; byte++) {
        this.elements[i * HUGEINT_BYTES + byte] = data[last - byte] ?? 0;
      }
    }
    this.copy(vector, rows.length * HUGEINT_BYTES);
  }

  private fillTexts(vector: duckdb.Vector, column: BytesColumn, rows: RowIndices, isText: boolean): void {
    this.reserve(rows.length * STRING_BYTES);
    const { data, offsets } = column;
    const run = isRun(rows);
    const all = run
      ? data.subarray(offsets[rows[0] ?? 0], offsets[(rows[rows.length - 1] ?? 0) + 1])
      : this.gatherTexts(column, rows);
    const base = offsets[rows[0] ?? 0] ?? 0;
    let low = 0;
    let high = 0;
    if (all.length > 0) ({ low, high } = giveTexts(vector, all));
    const { elements, words } = this;
    for (let i = 0, at = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const length = lengthAt(column, row);
      const from = run ? (offsets[row] ?? 0) - base : at;
      at += length;
      if (from + length > all.length) throw new RangeError('offsets of a column descend');
      // All of it is UTF-8: what does not begin in the middle of a character does not end in one either.
      if (isText && length > 0 && ((all[from] ?? 0) & 0xc0) === 0x80) throw new NotUtf8Error();
      const word = i * 4;
      words[word] = length;
      if (length <= INLINE_BYTES) {
        words[word + 1] = 0;
        words[word + 2] = 0;
        words[word + 3] = 0;
        const to = i * STRING_BYTES + 4;
        for (let byte = 0; byte < length; byte++) elements[to + byte] = all[from + byte] ?? 0;
      } else {
        words[word + 1] =
          (all[from] ?? 0) |
          ((all[from + 1] ?? 0) << 8) |
          ((all[from + 2] ?? 0) << 16) |
          ((all[from + 3] ?? 0) << 24);
        const address = low + from;
        words[word + 2] = address;
        words[word + 3] = address >= WORD ? high + 1 : high;
      }
    }
    this.copy(vector, rows.length * STRING_BYTES);
  }

  /** The texts of some rows, one after the other. */
  private gatherTexts(column: BytesColumn, rows: RowIndices): Uint8Array {
    let bytes = 0;
    for (const row of rows) bytes += lengthAt(column, row);
    if (bytes > this.texts.length) this.texts = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    let at = 0;
    for (const row of rows) {
      const from = column.offsets[row] ?? 0;
      const length = lengthAt(column, row);
      this.texts.set(column.data.subarray(from, from + length), at);
      at += length;
    }
    return this.texts.subarray(0, bytes);
  }

  private fillLists(vector: duckdb.Vector, type: ColumnType, column: ListColumn, rows: RowIndices): void {
    if (type.kind !== 'list') throw new TypeError(`a list was given for a column of type ${type.kind}`);
    this.reserve(rows.length * LIST_ENTRY_BYTES);
    let elements = 0;
    for (const [i, row] of rows.entries()) {
      const length = lengthAt(column, row);
      this.words.set([elements, 0, length, 0], i * 4);
      elements += length;
    }
    this.copy(vector, rows.length * LIST_ENTRY_BYTES);
    const ofElements = new Uint32Array(elements);
    let at = 0;
    for (const row of rows) {
      const from = column.offsets[row] ?? 0;
      for (let i = 0; i < lengthAt(column, row); i++) ofElements[at++] = from + i;
    }
    duckdb.list_vector_reserve(vector, elements);
    duckdb.list_vector_set_size(vector, elements);
    this.fill(duckdb.list_vector_get_child(vector), type.element, column.element, ofElements);
  }

  private fillNulls(vector: duckdb.Vector, nulls: Nulls, rows: RowIndices): void {
    if (nulls === undefined || !rows.some((row) => nulls[row] === 1)) return;
    const bytes = Math.ceil(rows.length / 64) * 8;
    this.reserve(bytes);
    this.elements.fill(0xff, 0, bytes);
    for (const [i, row] of rows.entries()) {
      if (nulls[row] === 1) this.elements[i >> 3] = (this.elements[i >> 3] ?? 0) & ~(1 << (i & 7));
    }
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.elements.buffer, 0, bytes);
  }

  private reserve(bytes: number): void {
    if (bytes <= this.elements.length) return;
    this.elements = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    this.words = new Uint32Array(this.elements.buffer);
  }

  private copy(vector: duckdb.Vector, bytes: number): void {
    duckdb.copy_data_to_vector(vector, 0, this.elements.buffer, 0, bytes);
  }
}

const UNSET = new Uint32Array([UNSET_LENGTH]).buffer;

/**
 * Has DuckDB copy a text into memory that a vector owns.
 *
 * @returns where it is: the lower and the upper half of its address; without meaning if it has up to 12 bytes
 */
function giveTexts(vector: duckdb.Vector, texts: Uint8Array): { low: number; high: number } {
  duckdb.copy_data_to_vector(vector, 0, UNSET, 0, 4);
  // Refuses, without a word, what is not UTF-8 where the vector is one of texts.
  duckdb.vector_assign_string_element_len(vector, 0, texts);
  const element = duckdb.vector_get_data(vector, STRING_BYTES);
  const view = new DataView(element.buffer, element.byteOffset, STRING_BYTES);
  if (view.getUint32(0, true) !== texts.length) throw new NotUtf8Error();
  return { low: view.getUint32(8, true), high: view.getUint32(12, true) };
}
