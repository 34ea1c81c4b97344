import type { ColumnType } from '../../domain/contract.ts';
import { writeInt128 } from '../database/cell-text.ts';
import {
  BooleanBuilder,
  BytesBuilder,
  createColumnBuilder,
  DoubleBuilder,
  FloatBuilder,
  Int32Builder,
  Int64Builder,
  type ColumnBuilder,
} from '../database/column-builders.ts';
import type { Form } from './column-forms.ts';

/** Writes `bytes[start … end]`, the database's text of a value, into a row. @returns false when it does not fit */
type Decode = (bytes: Buffer, start: number, end: number, row: number) => boolean;

/** A lake column in the making and how texts get into it. */
export interface Cell {
  readonly builder: ColumnBuilder;
  readonly decode: Decode;
}

/** The cell that reads columns of a form as a lake type; undefined where that cannot be done exactly. */
export function createCell(type: ColumnType, form: Form): Cell | undefined {
  const builder = createColumnBuilder(type.kind === 'struct' ? { kind: 'json' } : type);
  const decode = createDecode(type, form, builder);
  return decode === undefined ? undefined : { builder, decode };
}

const WHOLE: ReadonlySet<Form> = new Set(['integer', 'bit', 'decimal']);

function createDecode(type: ColumnType, form: Form, builder: ColumnBuilder): Decode | undefined {
  switch (type.kind) {
    case 'int32':
      return WHOLE.has(form) && builder instanceof Int32Builder ? decodeInt32(builder) : undefined;
    case 'int64':
      return WHOLE.has(form) && builder instanceof Int64Builder ? decodeScaled(builder, 0, 19) : undefined;
    case 'decimal':
      if (!WHOLE.has(form)) return undefined;
      if (builder instanceof Int64Builder) return decodeScaled(builder, type.scale, type.precision);
      return builder instanceof BytesBuilder ? decodeWide(builder, type.scale, type.precision) : undefined;
    case 'boolean':
      return (form === 'integer' || form === 'bit') && builder instanceof BooleanBuilder
        ? decodeBoolean(builder)
        : undefined;
    case 'float':
      return form === 'float' && builder instanceof FloatBuilder ? decodeNumber(builder) : undefined;
    case 'double':
      return (form === 'float' || form === 'double') && builder instanceof DoubleBuilder
        ? decodeNumber(builder)
        : undefined;
    case 'date':
      return form === 'date' && builder instanceof Int32Builder ? decodeDate(builder) : undefined;
    case 'timestamp':
      // A DATETIME that an application fills with UTC may be declared so.
      return (form === 'timestamp' || form === 'datetime') && builder instanceof Int64Builder
        ? decodeTime(builder)
        : undefined;
    case 'local-timestamp':
      return (form === 'datetime' || form === 'date') && builder instanceof Int64Builder
        ? decodeTime(builder)
        : undefined;
    case 'uuid':
      if (!(builder instanceof BytesBuilder)) return undefined;
      if (form === 'uuid' || form === 'text') return decodeUuid(builder);
      return form === 'bytes' ? decodeBinaryUuid(builder) : undefined;
    case 'json':
      if (!(builder instanceof BytesBuilder)) return undefined;
      if (form === 'json') return decodeBytes(builder);
      return form === 'text' ? decodeJson(builder) : undefined;
    case 'string':
      return form !== 'bytes' && builder instanceof BytesBuilder ? decodeBytes(builder) : undefined;
    case 'bytes':
      return form === 'bytes' && builder instanceof BytesBuilder ? decodeBytes(builder) : undefined;
    case 'list':
    case 'struct':
      return undefined;
  }
}

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
/** Digits of which any number is a safe integer. */
const SAFE_DIGITS = 15;
const MAX_INT64 = 2n ** 63n - 1n;

/** Texts are ASCII here. */
function toText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}

function decodeInt32(builder: Int32Builder): Decode {
  return (bytes, start, end, row) => {
    const value = readSafe(bytes, start, end, 0);
    if (value === undefined || value < -2_147_483_648 || value > 2_147_483_647) return false;
    builder.set(row, value);
    return true;
  };
}

function decodeBoolean(builder: BooleanBuilder): Decode {
  return (bytes, start, end, row) => {
    const value = readSafe(bytes, start, end, 0);
    if (value !== 0 && value !== 1) return false;
    builder.set(row, value);
    return true;
  };
}

/**
 * A decimal number times 10^scale, of at most 15 digits; undefined if it has more, or digits beyond the scale that are not
 * zero.
 */
function readSafe(bytes: Uint8Array, start: number, end: number, scale: number): number | undefined {
  let i = start;
  const negative = bytes[i] === MINUS;
  if (negative) i += 1;
  if (end - i > SAFE_DIGITS) return undefined;
  let value = 0;
  for (; i < end; i += 1) {
    const byte = bytes[i] as number;
    if (byte === POINT) break;
    value = value * 10 + (byte - ZERO);
  }
  let digits = 0;
  for (i += 1; i < end; i += 1) {
    const digit = (bytes[i] as number) - ZERO;
    if (digits < scale) value = value * 10 + digit;
    else if (digit !== 0) return undefined;
    digits += 1;
  }
  for (; digits < scale; digits += 1) value *= 10;
  // -0 has no place in columns of integers.
  return value > Number.MAX_SAFE_INTEGER ? undefined : negative ? 0 - value : value;
}

/** The same for numbers of any length. */
function readWide(bytes: Buffer, start: number, end: number, scale: number): bigint | undefined {
  const [whole = '', fraction = ''] = toText(bytes, start, end).split('.');
  if (/[^0]/.test(fraction.slice(scale))) return undefined;
  return BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
}

function decodeScaled(builder: Int64Builder, scale: number, precision: number): Decode {
  const limit = precision > 18 ? MAX_INT64 : 10n ** BigInt(precision) - 1n;
  const safeLimit = limit > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(limit);
  const least = precision > 18 ? -limit - 1n : -limit;
  return (bytes, start, end, row) => {
    const safe = readSafe(bytes, start, end, scale);
    if (safe !== undefined && safe <= safeLimit && safe >= -safeLimit) {
      builder.setNumber(row, safe);
      return true;
    }
    const wide = readWide(bytes, start, end, scale);
    if (wide === undefined || wide > limit || wide < least) return false;
    builder.set(row, wide);
    return true;
  };
}

function decodeWide(builder: BytesBuilder, scale: number, precision: number): Decode {
  const limit = 10n ** BigInt(precision);
  return (bytes, start, end, row) => {
    // A number that is safe has fewer digits than any of these columns.
    const safe = readSafe(bytes, start, end, scale);
    if (safe !== undefined) {
      const { data, start: at } = builder.take(row, 16);
      writeSafe128(data, at, safe);
      return true;
    }
    const value = readWide(bytes, start, end, scale);
    if (value === undefined || value >= limit || value <= -limit) return false;
    const { data, start: at } = builder.take(row, 16);
    writeInt128(data, at, value);
    return true;
  };
}

/** Writes a safe integer as `writeInt128` would, without a bigint. */
function writeSafe128(data: Uint8Array, start: number, value: number): void {
  const high = Math.floor(value / 4_294_967_296);
  data.fill(value < 0 ? 0xff : 0, start, start + 8);
  for (let i = 0, halves = high; i < 2; i += 1, halves = value) {
    const at = start + 8 + i * 4;
    data[at] = halves >> 24;
    data[at + 1] = halves >> 16;
    data[at + 2] = halves >> 8;
    data[at + 3] = halves;
  }
}

function decodeNumber(builder: FloatBuilder | DoubleBuilder): Decode {
  return (bytes, start, end, row) => {
    builder.set(row, Number(toText(bytes, start, end)));
    return true;
  };
}

function decodeBytes(builder: BytesBuilder): Decode {
  return (bytes, start, end, row) => {
    builder.set(row, bytes, start, end);
    return true;
  };
}

/** A number of `count` digits. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let i = start; i < start + count; i += 1) value = value * 10 + ((bytes[i] as number) - ZERO);
  return value;
}

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DATE_LENGTH = 10;
const SECOND_LENGTH = 19;

/** Days since 1970-01-01 of `YYYY-MM-DD`; undefined for zero dates and days that no calendar has. */
function readDays(bytes: Uint8Array, start: number): number | undefined {
  const year = digits(bytes, start, 4);
  const month = digits(bytes, start + 5, 2);
  const day = digits(bytes, start + 8, 2);
  const days = DAYS_OF_MONTH[month - 1];
  if (year === 0 || days === undefined || day === 0) return undefined;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > (month === 2 && leap ? 29 : days)) return undefined;
  // http://howardhinnant.github.io/date_algorithms.html: years start in March.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  );
}

function decodeDate(builder: Int32Builder): Decode {
  return (bytes, start, _end, row) => {
    const days = readDays(bytes, start);
    if (days === undefined) return false;
    builder.set(row, days);
    return true;
  };
}

/** `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or with up to six digits of a second. */
function decodeTime(builder: Int64Builder): Decode {
  return (bytes, start, end, row) => {
    const days = readDays(bytes, start);
    if (days === undefined) return false;
    let seconds = 0;
    let micros = 0;
    if (end - start > DATE_LENGTH)
      seconds =
        digits(bytes, start + 11, 2) * 3600 +
        digits(bytes, start + 14, 2) * 60 +
        digits(bytes, start + 17, 2);
    const fraction = end - start - SECOND_LENGTH - 1;
    if (fraction > 0) micros = digits(bytes, start + SECOND_LENGTH + 1, fraction) * 10 ** (6 - fraction);
    const whole = days * 86_400 + seconds;
    const value = whole * 1e6 + micros;
    if (Number.isSafeInteger(value)) builder.setNumber(row, value);
    else builder.set(row, BigInt(whole) * 1_000_000n + BigInt(micros));
    return true;
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_LENGTH = 36;

function decodeUuid(builder: BytesBuilder): Decode {
  return (bytes, start, end, row) => {
    if (end - start !== UUID_LENGTH) return false;
    const text = toText(bytes, start, end).toLowerCase();
    if (!UUID.test(text)) return false;
    builder.setText(row, text);
    return true;
  };
}

function decodeBinaryUuid(builder: BytesBuilder): Decode {
  return (bytes, start, end, row) => {
    if (end - start !== 16) return false;
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset + start, 16).toString('hex');
    builder.setText(
      row,
      [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    );
    return true;
  };
}

/** Text columns are not checked by the database: what is not JSON does not fit. */
function decodeJson(builder: BytesBuilder): Decode {
  return (bytes, start, end, row) => {
    try {
      JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'));
    } catch {
      return false;
    }
    builder.set(row, bytes, start, end);
    return true;
  };
}

const NUMERIC: ReadonlySet<Form> = new Set(['integer', 'bit', 'decimal', 'float', 'double']);

/** A value as JSON, as exact as the database wrote it: for `_extra`. Bytes are base64. */
export function toJson(bytes: Buffer, start: number, end: number, form: Form): string {
  if (form === 'bytes') return `"${bytes.toString('base64', start, end)}"`;
  const text = bytes.toString('utf8', start, end);
  // ZEROFILL: JSON has no leading zeros.
  if (NUMERIC.has(form)) return text.replace(/^(-?)0+(?=\d)/, '$1');
  return form === 'json' ? text : JSON.stringify(text);
}
