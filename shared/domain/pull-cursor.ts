import type { Column, ColumnType } from './contract.ts';
import { isDate, isDateTime } from './formats.ts';

/**
 * How the values of a source's cursor field compare. It follows from the contract, never from the values: what looks
 * like a number today may not tomorrow.
 *
 * - `number`: `integer` or `number`, exactly (9007199254740993 is after 9007199254740992). `unitMs` is the length of
 *   one unit where the field is an epoch time.
 * - `time`: `string` of format `date-time`, as instants, exactly, whatever the offset or the number of digits
 * - `date`: `string` of format `date`
 * - `text`: any other string, in the order of its characters; numbers written as text need a fixed width
 */
export type CursorKind =
  | { readonly kind: 'number'; readonly unitMs: number | undefined }
  | { readonly kind: 'time' }
  | { readonly kind: 'date' }
  | { readonly kind: 'text' };

/** What {@link toCursorKind} needs to know of a source. */
export interface CursorField {
  /** Path of the cursor field, joined by dots. */
  readonly path: string;
  readonly lookbackMs: number;
  /** Unit of the event time, if the cursor field is the event time. */
  readonly epochUnit: 'milliseconds' | 'seconds' | undefined;
}

/** The kind of a cursor field, or why the field cannot be a cursor: a sentence that says what is allowed. */
export function toCursorKind(
  columns: readonly Column[],
  { path, lookbackMs, epochUnit }: CursorField,
): CursorKind | { readonly kind: 'unusable'; readonly problem: string } {
  const type = columnTypeAt(columns, path.split('.'));
  const kind = toKind(type?.kind, epochUnit);
  if (kind === undefined) {
    const found = type === undefined ? 'the schema does not name it' : `its column is ${type.kind}`;
    return {
      kind: 'unusable',
      problem: `the cursor field ${path} cannot be compared: ${found}; declare it in the contract as one of: string, string with format date-time or date, integer, number`,
    };
  }
  if (lookbackMs > 0 && (kind.kind === 'text' || (kind.kind === 'number' && kind.unitMs === undefined))) {
    return {
      kind: 'unusable',
      problem: `lookback needs a cursor that is a time, and ${path} is not; give the field the format date-time or date, or declare it as the eventTime with an epoch format, or set lookback to "0 seconds"`,
    };
  }
  return kind;
}

function columnTypeAt(columns: readonly Column[], path: readonly string[]): ColumnType | undefined {
  const [name, ...below] = path;
  const type = columns.find((column) => column.name === name)?.type;
  if (below.length === 0) return type;
  return type?.kind === 'struct' ? columnTypeAt(type.fields, below) : undefined;
}

function toKind(
  column: ColumnType['kind'] | undefined,
  epochUnit: CursorField['epochUnit'],
): CursorKind | undefined {
  if (column === undefined) return undefined;
  switch (column) {
    case 'int32':
    case 'int64':
    case 'float':
    case 'double':
      return { kind: 'number', unitMs: epochUnit && (epochUnit === 'seconds' ? 1000 : 1) };
    case 'timestamp':
      return { kind: 'time' };
    case 'date':
      return { kind: 'date' };
    case 'string':
    case 'uuid':
      return { kind: 'text' };
    case 'boolean':
    case 'local-timestamp':
    case 'decimal':
    case 'bytes':
    case 'json':
    case 'list':
    case 'struct':
      return undefined;
  }
}

/** A number as JSON writes it; the bounds keep the exact comparison cheap. */
const NUMBER = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Whether a cursor's text is a value of its kind. A record with another value does not move the cursor. */
export function isCursor(kind: CursorKind, text: string): boolean {
  switch (kind.kind) {
    case 'number':
      return NUMBER.test(text);
    case 'time':
      return isDateTime(text);
    case 'date':
      return isDate(text);
    case 'text':
      return true;
  }
}

/**
 * Compares two cursors of one kind, both valid by {@link isCursor}.
 *
 * @returns negative when `a` is before `b`, 0 when equal, positive when after
 */
export function compareCursors(kind: CursorKind, a: string, b: string): number {
  if (a === b) return 0;
  switch (kind.kind) {
    case 'number':
      return compareNumbers(a, b);
    case 'time':
      return compareInstants(a, b);
    case 'date':
    case 'text':
      return a < b ? -1 : 1;
  }
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function toDecimal(text: string): Decimal {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  return { digits: BigInt(sign + whole + fraction), exponent: Number(exponent) - fraction.length };
}

function compareNumbers(a: string, b: string): number {
  const left = toDecimal(a);
  const right = toDecimal(b);
  const exponent = Math.min(left.exponent, right.exponent);
  const difference =
    left.digits * 10n ** BigInt(left.exponent - exponent) -
    right.digits * 10n ** BigInt(right.exponent - exponent);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** JavaScript dates have milliseconds: the digits after them are compared apart. */
function compareInstants(a: string, b: string): number {
  const left = toInstant(a);
  const right = toInstant(b);
  if (left.ms !== right.ms) return left.ms - right.ms;
  return left.rest === right.rest ? 0 : left.rest < right.rest ? -1 : 1;
}

interface Instant {
  /** Rounded down, ms since the epoch. */
  readonly ms: number;
  /** Digits of the fraction after the third, padded. */
  readonly rest: string;
}

function toInstant(text: string): Instant {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const ms = Date.parse(text.replace(/\.\d+/, '')) + Number(fraction.slice(0, 3).padEnd(3, '0'));
  return { ms, rest: fraction.slice(3).padEnd(9, '0') };
}

/** Where reading may begin again; see {@link startBehind}. */
export interface StartOptions {
  readonly kind: CursorKind;
  /** The highest cursor value that was read. */
  readonly cursor: string;
  /** When the listing that read it began, ms since the epoch. */
  readonly startedAtMs: number;
  /** How long after its time a record may appear. */
  readonly lookbackMs: number;
  /** Never before this value. */
  readonly initialValue: string;
}

/**
 * The value from which the next listing reads: inclusive, because records with the cursor's own value may still
 * appear. With a look-back it is that far behind the cursor, or behind the beginning of the last listing if that is
 * earlier: what appeared while the listing was being read, behind the place it had reached, is read by the next one.
 */
export function startBehind({ kind, cursor, startedAtMs, lookbackMs, initialValue }: StartOptions): string {
  if (lookbackMs === 0) return cursor;
  const start = moveBack(kind, cursor, startedAtMs, lookbackMs);
  const clamp = isCursor(kind, initialValue) && compareCursors(kind, start, initialValue) < 0;
  return clamp ? initialValue : start;
}

/** Rounds down to what the field's text can hold: earlier is safe. */
function moveBack(kind: CursorKind, cursor: string, startedAtMs: number, lookbackMs: number): string {
  switch (kind.kind) {
    case 'time': {
      const iso = new Date(Math.min(toInstant(cursor).ms, startedAtMs) - lookbackMs).toISOString();
      return cursor.includes('.') ? iso : iso.replace(/\.\d+/, '');
    }
    case 'date': {
      const ms = Math.min(Date.parse(`${cursor}T00:00:00Z`), startedAtMs) - lookbackMs;
      return new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length);
    }
    case 'number': {
      const unitMs = kind.unitMs ?? 1;
      return String(Math.floor((Math.min(Number(cursor) * unitMs, startedAtMs) - lookbackMs) / unitMs));
    }
    case 'text':
      return cursor;
  }
}

/** How a source takes a cursor's value: as its records hold it, or converted. */
export type CursorFormat = 'as-read' | 'iso-8601' | 'date' | 'epoch-seconds' | 'epoch-milliseconds';

const DAY_MS = 86_400_000;

/** Whether the values of a kind are times. */
export function isTimeKind(kind: CursorKind): boolean {
  return (
    kind.kind === 'time' || kind.kind === 'date' || (kind.kind === 'number' && kind.unitMs !== undefined)
  );
}

/** The time that a value stands for, ms since the epoch, rounded down; of a kind for which {@link isTimeKind} holds. */
export function cursorTimeMs(kind: CursorKind, value: string): number {
  switch (kind.kind) {
    case 'time':
      return toInstant(value).ms;
    case 'date':
      return Date.parse(`${value}T00:00:00Z`);
    case 'number':
      return Math.floor(Number(value) * (kind.unitMs ?? 1));
    case 'text':
      return Number.NaN;
  }
}

/** The last value of a kind that is not after a time: a text that compares with those of records. */
export function cursorAtMs(kind: CursorKind, timeMs: number): string {
  switch (kind.kind) {
    case 'time':
      return new Date(timeMs).toISOString();
    case 'date':
      return new Date(timeMs).toISOString().slice(0, 'YYYY-MM-DD'.length);
    case 'number':
      return String(Math.floor(timeMs / (kind.unitMs ?? 1)));
    case 'text':
      return '';
  }
}

/**
 * A cursor's value as a source takes it. What the format cannot hold is rounded `down` for the beginning of a range and
 * `up` for its end: a range is never smaller than it was meant.
 */
export function writeCursor(
  kind: CursorKind,
  value: string,
  format: CursorFormat,
  rounding: 'down' | 'up',
): string {
  if (format === 'as-read' || !isTimeKind(kind) || !isCursor(kind, value)) return value;
  const isExact =
    rounding === 'down' || compareCursors(kind, cursorAtMs(kind, cursorTimeMs(kind, value)), value) >= 0;
  const timeMs = cursorTimeMs(kind, value) + (isExact ? 0 : 1);
  const round = (unitMs: number): number =>
    rounding === 'down' ? Math.floor(timeMs / unitMs) : Math.ceil(timeMs / unitMs);
  switch (format) {
    case 'iso-8601':
      return new Date(timeMs).toISOString();
    case 'date':
      return new Date(round(DAY_MS) * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length);
    case 'epoch-seconds':
      return String(round(1000));
    case 'epoch-milliseconds':
      return String(timeMs);
  }
}
