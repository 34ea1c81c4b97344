import type { ColumnType } from '../../domain/contract.ts';
import type { BytesColumn, ColumnData, Nulls } from '../../domain/column-batch.ts';

/**
 * Columns in the making: arrays that grow, filled by row. What decodes a wire protocol writes values where they belong
 * without making a JavaScript value of each.
 *
 * A row has to be reserved before it is written. Rows are written in ascending order; one that is not written is 0 or
 * empty.
 */
export interface ColumnBuilder {
  /** Makes room for rows up to `rows`, exclusive. */
  reserve(rows: number): void;
  setNull(row: number): void;
  isNull(row: number): boolean;
  /** The first `rows` values. The builder starts anew. */
  finish(rows: number): ColumnData;
}

const FIRST_ROWS = 1024;
const FIRST_BYTES = 16_384;
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** Where the low half of an int64 stands in an array of int32. */
const LOW = LITTLE_ENDIAN ? 0 : 1;
const HIGH = 1 - LOW;

function grownTo(capacity: number, needed: number): number {
  return Math.max(needed, capacity * 2, FIRST_ROWS);
}

/** Null marks, which most columns do not need. */
class NullMarks {
  #marks: Uint8Array | undefined;

  set(row: number, capacity: number): void {
    if (this.#marks === undefined || this.#marks.length <= row) {
      const grown = new Uint8Array(Math.max(capacity, row + 1));
      if (this.#marks !== undefined) grown.set(this.#marks);
      this.#marks = grown;
    }
    this.#marks[row] = 1;
  }

  has(row: number): boolean {
    return this.#marks?.[row] === 1;
  }

  finish(rows: number): Nulls {
    const marks = this.#marks;
    this.#marks = undefined;
    if (marks === undefined || marks.length >= rows) return marks?.subarray(0, rows);
    const all = new Uint8Array(rows);
    all.set(marks);
    return all;
  }
}

type FixedArray = Int32Array | Float32Array | Float64Array | Uint8Array;

class FixedBuilder<
  Kind extends 'int32' | 'float' | 'double' | 'boolean',
  Values extends FixedArray,
> implements ColumnBuilder {
  readonly #kind: Kind;
  readonly #create: (length: number) => Values;
  readonly #nulls = new NullMarks();
  #values: Values;

  constructor(kind: Kind, create: (length: number) => Values) {
    this.#kind = kind;
    this.#create = create;
    this.#values = create(0);
  }

  reserve(rows: number): void {
    if (rows <= this.#values.length) return;
    const grown = this.#create(grownTo(this.#values.length, rows));
    grown.set(this.#values);
    this.#values = grown;
  }

  set(row: number, value: number): void {
    this.#values[row] = value;
  }

  setNull(row: number): void {
    this.#nulls.set(row, this.#values.length);
  }

  isNull(row: number): boolean {
    return this.#nulls.has(row);
  }

  finish(rows: number): ColumnData {
    const column = {
      kind: this.#kind,
      values: this.#values.subarray(0, rows),
      nulls: this.#nulls.finish(rows),
    } as ColumnData;
    this.#values = this.#create(Math.min(this.#values.length, rows));
    return column;
  }
}

export class Int32Builder extends FixedBuilder<'int32', Int32Array> {
  constructor() {
    super('int32', (length) => new Int32Array(length));
  }
}

export class FloatBuilder extends FixedBuilder<'float', Float32Array> {
  constructor() {
    super('float', (length) => new Float32Array(length));
  }
}

export class DoubleBuilder extends FixedBuilder<'double', Float64Array> {
  constructor() {
    super('double', (length) => new Float64Array(length));
  }
}

/** Values are 0 or 1. */
export class BooleanBuilder extends FixedBuilder<'boolean', Uint8Array> {
  constructor() {
    super('boolean', (length) => new Uint8Array(length));
  }
}

/** 64-bit integers, written in halves: a bigint for every value would cost more than all the rest. */
export class Int64Builder implements ColumnBuilder {
  readonly #nulls = new NullMarks();
  #values = new BigInt64Array(0);
  #halves = new Int32Array(0);

  reserve(rows: number): void {
    if (rows <= this.#values.length) return;
    const grown = new BigInt64Array(grownTo(this.#values.length, rows));
    grown.set(this.#values);
    this.#use(grown);
  }

  /** @param low,high the lower and upper 32 bits; their sign does not matter */
  setHalves(row: number, low: number, high: number): void {
    this.#halves[row * 2 + LOW] = low;
    this.#halves[row * 2 + HIGH] = high;
  }

  /** @param value a safe integer */
  setNumber(row: number, value: number): void {
    this.setHalves(row, value % 4_294_967_296, Math.floor(value / 4_294_967_296));
  }

  set(row: number, value: bigint): void {
    this.#values[row] = value;
  }

  setNull(row: number): void {
    this.#nulls.set(row, this.#values.length);
  }

  isNull(row: number): boolean {
    return this.#nulls.has(row);
  }

  finish(rows: number): ColumnData {
    const values = this.#values.subarray(0, rows);
    this.#use(new BigInt64Array(Math.min(this.#values.length, rows)));
    return { kind: 'int64', values, nulls: this.#nulls.finish(rows) };
  }

  #use(values: BigInt64Array<ArrayBuffer>): void {
    this.#values = values;
    this.#halves = new Int32Array(values.buffer);
  }
}

/** Below this length a loop is faster than a call into the engine. */
const LOOP_BYTES = 48;

/** Values of any length, one after the other. */
export class BytesBuilder implements ColumnBuilder {
  readonly #nulls = new NullMarks();
  #data = new Uint8Array(0);
  #length = 0;
  #offsets = new Uint32Array(1);
  /** Rows whose end is known. */
  #rows = 0;

  reserve(rows: number): void {
    if (rows < this.#offsets.length) return;
    const grown = new Uint32Array(grownTo(this.#offsets.length, rows) + 1);
    grown.set(this.#offsets);
    this.#offsets = grown;
  }

  /** Sets a row to `source[start … end]`. */
  set(row: number, source: Uint8Array, start: number, end: number): void {
    const to = this.#place(row, end - start);
    if (end - start > LOOP_BYTES) {
      this.#data.set(source.subarray(start, end), to);
      return;
    }
    const data = this.#data;
    for (let from = start, at = to; from < end; from += 1, at += 1) data[at] = source[from] as number;
  }

  /** Room for a value of so many bytes, to be filled at once: the array and where the value starts in it. */
  take(row: number, length: number): { readonly data: Uint8Array; readonly start: number } {
    const start = this.#place(row, length);
    return { data: this.#data, start };
  }

  setText(row: number, text: string): void {
    const bytes = Buffer.from(text);
    this.set(row, bytes, 0, bytes.length);
  }

  setNull(row: number): void {
    this.#nulls.set(row, this.#offsets.length);
  }

  isNull(row: number): boolean {
    return this.#nulls.has(row);
  }

  finish(rows: number): BytesColumn {
    this.#endRowsBefore(rows);
    const column: BytesColumn = {
      kind: 'bytes',
      data: this.#data.subarray(0, this.#length),
      offsets: this.#offsets.subarray(0, rows + 1),
      nulls: this.#nulls.finish(rows),
    };
    this.#data = new Uint8Array(Math.min(this.#data.length, Math.ceil(this.#length * 1.1)));
    this.#offsets = new Uint32Array(Math.min(this.#offsets.length, rows + 1));
    this.#length = 0;
    this.#rows = 0;
    return column;
  }

  #place(row: number, length: number): number {
    const start = this.#length;
    const end = start + length;
    if (end > this.#data.length) {
      if (end > 0xffff_ffff) throw new RangeError('a column of one batch holds more than 4 GiB');
      const grown = new Uint8Array(Math.max(end, this.#data.length * 2, FIRST_BYTES));
      grown.set(this.#data.subarray(0, start));
      this.#data = grown;
    }
    this.#endRowsBefore(row);
    this.#length = end;
    this.#offsets[row + 1] = end;
    this.#rows = row + 1;
    return start;
  }

  /** Rows that were not written (null) end where the one before ends. */
  #endRowsBefore(row: number): void {
    if (this.#rows < row) this.#offsets.fill(this.#length, this.#rows + 1, row + 1);
    this.#rows = row;
  }
}

/** Lists: elements are appended to `element` and then the list is ended. */
export class ListBuilder implements ColumnBuilder {
  readonly element: ColumnBuilder;
  readonly #nulls = new NullMarks();
  #offsets = new Uint32Array(1);
  #rows = 0;
  #elements = 0;

  constructor(element: ColumnBuilder) {
    this.element = element;
  }

  reserve(rows: number): void {
    if (rows < this.#offsets.length) return;
    const grown = new Uint32Array(grownTo(this.#offsets.length, rows) + 1);
    grown.set(this.#offsets);
    this.#offsets = grown;
  }

  /** Makes room for `count` elements of a row. @returns the place of the first one in `element` */
  start(row: number, count: number): number {
    this.#endRowsBefore(row);
    const first = this.#elements;
    this.#elements += count;
    this.element.reserve(this.#elements);
    this.#offsets[row + 1] = this.#elements;
    this.#rows = row + 1;
    return first;
  }

  setNull(row: number): void {
    this.#nulls.set(row, this.#offsets.length);
  }

  isNull(row: number): boolean {
    return this.#nulls.has(row);
  }

  finish(rows: number): ColumnData {
    this.#endRowsBefore(rows);
    const offsets = this.#offsets.subarray(0, rows + 1);
    const element = this.element.finish(this.#elements);
    this.#offsets = new Uint32Array(Math.min(this.#offsets.length, rows + 1));
    this.#elements = 0;
    this.#rows = 0;
    return { kind: 'list', offsets, element, nulls: this.#nulls.finish(rows) };
  }

  #endRowsBefore(row: number): void {
    if (this.#rows < row) this.#offsets.fill(this.#elements, this.#rows + 1, row + 1);
    this.#rows = row;
  }
}

/** Digits that every 64-bit integer can hold. */
export const INT64_DIGITS = 18;

/** The builder of a column type; see `FixedColumn` and `BytesColumn` for their forms. */
export function createColumnBuilder(type: ColumnType): ColumnBuilder {
  switch (type.kind) {
    case 'int32':
    case 'date':
      return new Int32Builder();
    case 'int64':
    case 'timestamp':
    case 'local-timestamp':
      return new Int64Builder();
    case 'decimal':
      return type.precision <= INT64_DIGITS ? new Int64Builder() : new BytesBuilder();
    case 'float':
      return new FloatBuilder();
    case 'double':
      return new DoubleBuilder();
    case 'boolean':
      return new BooleanBuilder();
    case 'string':
    case 'json':
    case 'uuid':
    case 'bytes':
      return new BytesBuilder();
    case 'list':
      return new ListBuilder(createColumnBuilder(type.element));
    case 'struct':
      throw new RangeError('columns of tables have no structs');
  }
}
