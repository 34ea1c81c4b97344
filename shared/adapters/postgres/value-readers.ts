import type { ColumnType } from '../../domain/contract.ts';
import { writeInt128 } from '../database/cell-text.ts';
import {
  BooleanBuilder,
  BytesBuilder,
  DoubleBuilder,
  FloatBuilder,
  INT64_DIGITS,
  Int32Builder,
  Int64Builder,
  ListBuilder,
  type ColumnBuilder,
} from '../database/column-builders.ts';
import { formatDay, formatMicros } from '../database/time-text.ts';
import { numericToText, readNumeric } from './numeric.ts';

/** How PostgreSQL sends a value in the binary format, big endian. */
export type Wire =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'uuid'
  /** The bytes as they are: text in UTF-8, json, bytea. */
  | 'bytes';

/** Puts values of one column, as they come off the wire, into its builder. */
export interface ValueReader {
  readonly builder: ColumnBuilder;
  /**
   * Reads the value in `bytes[start … start + length]` (`view` is over the same bytes) into a row.
   *
   * @returns false when it does not fit the column; the row is to be null
   */
  read(view: DataView, bytes: Uint8Array, start: number, length: number, row: number): boolean;
  /** The value as the database writes it; for those that may not fit. */
  toText?(view: DataView, start: number, length: number): string;
}

/** The reader of a value on the wire for a lake column; undefined where they do not go together. */
export function createValueReader(wire: Wire, type: ColumnType): ValueReader | undefined {
  return READERS[wire](type);
}

const READERS: Readonly<Record<Wire, (type: ColumnType) => ValueReader | undefined>> = {
  bool: ({ kind }) => {
    if (kind !== 'boolean') return undefined;
    const builder = new BooleanBuilder();
    return {
      builder,
      read: (view, _bytes, start, _length, row) => {
        builder.set(row, view.getUint8(start));
        return true;
      },
    };
  },
  int2: (type) => integerReader(type, (view, start) => view.getInt16(start)),
  int4: (type) => integerReader(type, (view, start) => view.getInt32(start)),
  int8: ({ kind }) => {
    if (kind !== 'int64') return undefined;
    const builder = new Int64Builder();
    return {
      builder,
      read: (view, _bytes, start, _length, row) => {
        builder.setHalves(row, view.getInt32(start + 4), view.getInt32(start));
        return true;
      },
    };
  },
  float4: ({ kind }) => {
    if (kind !== 'float' && kind !== 'double') return undefined;
    const builder = kind === 'float' ? new FloatBuilder() : new DoubleBuilder();
    return {
      builder,
      read: (view, _bytes, start, _length, row) => {
        builder.set(row, view.getFloat32(start));
        return true;
      },
    };
  },
  float8: ({ kind }) => {
    if (kind !== 'double') return undefined;
    const builder = new DoubleBuilder();
    return {
      builder,
      read: (view, _bytes, start, _length, row) => {
        builder.set(row, view.getFloat64(start));
        return true;
      },
    };
  },
  numeric: numericReader,
  date: ({ kind }) => (kind === 'date' ? dateReader() : undefined),
  timestamp: ({ kind }) => (kind === 'local-timestamp' ? timestampReader('') : undefined),
  timestamptz: ({ kind }) => (kind === 'timestamp' ? timestampReader('+00') : undefined),
  uuid: ({ kind }) => (kind === 'uuid' ? uuidReader() : undefined),
  bytes: ({ kind }) => {
    if (kind !== 'string' && kind !== 'json' && kind !== 'bytes') return undefined;
    const builder = new BytesBuilder();
    return {
      builder,
      read: (_view, bytes, start, length, row) => {
        builder.set(row, bytes, start, start + length);
        return true;
      },
    };
  },
};

function integerReader(
  { kind }: ColumnType,
  get: (view: DataView, start: number) => number,
): ValueReader | undefined {
  if (kind === 'int32') {
    const builder = new Int32Builder();
    return {
      builder,
      read: (view, _bytes, start, _length, row) => {
        builder.set(row, get(view, start));
        return true;
      },
    };
  }
  if (kind !== 'int64') return undefined;
  const builder = new Int64Builder();
  return {
    builder,
    read: (view, _bytes, start, _length, row) => {
      const value = get(view, start);
      builder.setHalves(row, value, value >> 31);
      return true;
    },
  };
}

function numericReader(type: ColumnType): ValueReader | undefined {
  if (type.kind !== 'decimal') return undefined;
  const { precision, scale } = type;
  const toText = numericToText;
  if (precision <= INT64_DIGITS) {
    const builder = new Int64Builder();
    return {
      builder,
      toText,
      read: (view, _bytes, start, _length, row) => {
        const value = readNumeric(view, start, precision, scale);
        if (typeof value === 'number') builder.setNumber(row, value);
        else if (value === undefined) return false;
        else builder.set(row, value);
        return true;
      },
    };
  }
  const builder = new BytesBuilder();
  return {
    builder,
    toText,
    read: (view, _bytes, start, _length, row) => {
      const value = readNumeric(view, start, precision, scale);
      if (value === undefined) return false;
      const place = builder.take(row, 16);
      writeInt128(place.data, place.start, BigInt(value));
      return true;
    },
  };
}

/** PostgreSQL counts days and microseconds from 2000-01-01. */
const EPOCH_DAYS = 10_957;
const MAX_INT32 = 0x7fff_ffff;
const MIN_INT32 = -0x8000_0000;

function dateReader(): ValueReader {
  const builder = new Int32Builder();
  return {
    builder,
    read: (view, _bytes, start, _length, row) => {
      const days = view.getInt32(start);
      if (days === MAX_INT32 || days === MIN_INT32) return false;
      builder.set(row, days + EPOCH_DAYS);
      return true;
    },
    toText: (view, start) => {
      const days = view.getInt32(start);
      if (days === MAX_INT32) return 'infinity';
      return days === MIN_INT32 ? '-infinity' : formatDay(days + EPOCH_DAYS);
    },
  };
}

const EPOCH_MICROS = EPOCH_DAYS * 86_400_000_000;
const EPOCH_LOW = EPOCH_MICROS % 4_294_967_296;
const EPOCH_HIGH = Math.floor(EPOCH_MICROS / 4_294_967_296);

function timestampReader(zone: '+00' | ''): ValueReader {
  const builder = new Int64Builder();
  return {
    builder,
    read: (view, _bytes, start, _length, row) => {
      const high = view.getInt32(start);
      const low = view.getInt32(start + 4);
      const sum = (low >>> 0) + EPOCH_LOW;
      const upper = high + EPOCH_HIGH + (sum > 0xffff_ffff ? 1 : 0);
      // Infinity, and what is so late (after the year 294246) that it has no place when counted from 1970.
      if (upper > MAX_INT32 || (high === MIN_INT32 && low === 0)) return false;
      builder.setHalves(row, sum, upper);
      return true;
    },
    toText: (view, start) => {
      const micros = view.getBigInt64(start);
      if (micros === 2n ** 63n - 1n) return 'infinity';
      if (micros === -(2n ** 63n)) return '-infinity';
      return formatMicros(micros + BigInt(EPOCH_MICROS), zone).replace(/\.?0+(?=(\+00)?( BC)?$)/, '');
    },
  };
}

const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'));
const HYPHEN = 0x2d;

function uuidReader(): ValueReader {
  const builder = new BytesBuilder();
  return {
    builder,
    read: (_view, bytes, start, _length, row) => {
      const { data, start: first } = builder.take(row, 36);
      let at = first;
      for (let i = 0; i < 16; i += 1) {
        if (i === 4 || i === 6 || i === 8 || i === 10) data[at++] = HYPHEN;
        const byte = bytes[start + i] as number;
        data[at++] = HEX[byte >> 4] as number;
        data[at++] = HEX[byte & 15] as number;
      }
      return true;
    },
  };
}

const ARRAY_HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;

/**
 * Arrays of one dimension as lists. Those of more (the type does not tell them apart) are not sent as such; see
 * `planColumn`. The number of the first element, which is nearly always 1, is not kept.
 */
export function createListReader(element: ValueReader): ValueReader {
  const builder = new ListBuilder(element.builder);
  return {
    builder,
    read: (view, bytes, start, _length, row) => {
      const dimensions = view.getInt32(start);
      if (dimensions > 1) return false;
      const count = dimensions === 0 ? 0 : view.getInt32(start + ARRAY_HEADER_BYTES);
      const first = builder.start(row, count);
      let at = start + ARRAY_HEADER_BYTES + dimensions * DIMENSION_BYTES;
      let fits = true;
      for (let i = first; i < first + count; i += 1) {
        const length = view.getInt32(at);
        at += 4;
        if (length < 0) {
          element.builder.setNull(i);
          continue;
        }
        if (!element.read(view, bytes, at, length, i)) {
          element.builder.setNull(i);
          fits = false;
        }
        at += length;
      }
      return fits;
    },
    toText: (view, start) => {
      const count = view.getInt32(start + ARRAY_HEADER_BYTES);
      let at = start + ARRAY_HEADER_BYTES + DIMENSION_BYTES;
      const elements: string[] = [];
      for (let i = 0; i < count; i += 1) {
        const length = view.getInt32(at);
        at += 4;
        const text = length < 0 ? 'NULL' : (element.toText?.(view, at, length) ?? '');
        elements.push(text.includes(' ') ? `"${text}"` : text);
        at += Math.max(length, 0);
      }
      return `{${elements.join(',')}}`;
    },
  };
}
