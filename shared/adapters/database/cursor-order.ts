import type { ColumnType } from '../../domain/contract.ts';
import { formatDay, formatMicros, parseMicros } from './time-text.ts';

/** How texts of a cursor column compare; see `TableSource`. */
export interface CursorOrder {
  /** @throws RangeError when a text is no value of the column */
  readonly compare: (a: string, b: string) => number;
  /** @throws RangeError when a text is no time, or the column is none */
  readonly before: (cursor: string, lookbackMs: number) => string;
  /**
   * An instant, ms since the epoch, rounded down; of UTC where the column has no zone.
   *
   * @throws RangeError when the column holds no times
   */
  readonly at: (ms: number) => string;
  /** Whether the column holds times: an instant, a time of no zone or a date. */
  readonly isTime: boolean;
}

const NUMBER = /^([+-]?)(\d+)(?:\.(\d*))?$/;

/** A decimal number of any length as an integer of `10^-scale`. */
function toUnits(text: string, scale: number): bigint {
  const [, sign, whole = '', fraction = ''] = NUMBER.exec(text.trim()) ?? [];
  if (sign === undefined) throw new RangeError(`${JSON.stringify(text)} is not a number`);
  const size = BigInt(whole + fraction.padEnd(scale, '0'));
  return sign === '-' ? -size : size;
}

function compareNumbers(a: string, b: string): number {
  const digits = (text: string): number => NUMBER.exec(text.trim())?.[3]?.length ?? 0;
  const scale = Math.max(digits(a), digits(b));
  const [left, right] = [toUnits(a, scale), toUnits(b, scale)];
  return left < right ? -1 : Number(left > right);
}

function toMicros(text: string): bigint {
  const micros = parseMicros(text);
  if (micros === undefined) throw new RangeError(`${JSON.stringify(text)} is not a date or time`);
  return micros;
}

function compareTimes(a: string, b: string): number {
  const [left, right] = [toMicros(a), toMicros(b)];
  return left < right ? -1 : Number(left > right);
}

const DAY_MS = 86_400_000;
const DAY_MICROS = 86_400_000_000n;

function noTime(): never {
  throw new RangeError('lookback needs a cursor that is a time');
}

/** The order of a cursor column of the given type: an integer, decimal, date or time. */
export function createCursorOrder(type: ColumnType): CursorOrder {
  switch (type.kind) {
    case 'int32':
    case 'int64':
    case 'decimal':
      return {
        isTime: false,
        compare: compareNumbers,
        before: noTime,
        at: noTime,
      };
    case 'timestamp':
    case 'local-timestamp': {
      const zone = type.kind === 'timestamp' ? '+00' : '';
      return {
        isTime: true,
        compare: compareTimes,
        before: (cursor, lookbackMs) =>
          formatMicros(toMicros(cursor) - BigInt(Math.ceil(lookbackMs)) * 1000n, zone),
        at: (ms) => formatMicros(BigInt(Math.floor(ms)) * 1000n, zone),
      };
    }
    case 'date':
      return {
        isTime: true,
        compare: compareTimes,
        // A day that is cut by the look-back is read again as a whole.
        before: (cursor, lookbackMs) => {
          const micros = toMicros(cursor) - BigInt(Math.ceil(lookbackMs)) * 1000n;
          const dayMicros = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
          return formatDay(Number((micros - dayMicros) / DAY_MICROS));
        },
        at: (ms) => formatDay(Math.floor(ms / DAY_MS)),
      };
    case 'string':
    case 'float':
    case 'double':
    case 'boolean':
    case 'uuid':
    case 'json':
    case 'bytes':
    case 'list':
    case 'struct':
      throw new RangeError(`a column of type ${type.kind} cannot be a cursor`);
  }
}
