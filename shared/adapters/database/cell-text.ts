import type { ColumnData } from '../../domain/column-batch.ts';
import type { ColumnType } from '../../domain/contract.ts';
import { formatDay, formatMicros } from './time-text.ts';

/**
 * One value of a column as exact text that the database reads back: for cursors and keys, of which one per batch is
 * needed.
 *
 * @returns undefined for null, and for types whose values identify nothing (lists, structs)
 */
export function formatCell(column: ColumnData, type: ColumnType, row: number): string | undefined {
  if (column.nulls?.[row] === 1) return undefined;
  switch (column.kind) {
    case 'int32': {
      const value = column.values[row] as number;
      return type.kind === 'date' ? formatDay(value) : String(value);
    }
    case 'int64': {
      const value = column.values[row] as bigint;
      if (type.kind === 'timestamp') return formatMicros(value, '+00');
      if (type.kind === 'local-timestamp') return formatMicros(value, '');
      return type.kind === 'decimal' ? formatDecimal(value, type.scale) : String(value);
    }
    case 'float':
      // The shortest text that is this float again.
      return formatFloat(column.values[row] as number);
    case 'double':
      return String(column.values[row]);
    case 'boolean':
      return column.values[row] === 1 ? 'true' : 'false';
    case 'bytes': {
      const bytes = column.data.subarray(column.offsets[row], column.offsets[row + 1]);
      if (type.kind === 'bytes') return Buffer.from(bytes).toString('hex');
      if (type.kind !== 'decimal') return Buffer.from(bytes).toString('utf8');
      return formatDecimal(readInt128(bytes), type.scale);
    }
    case 'list':
      return undefined;
  }
}

function formatFloat(value: number): string {
  for (let digits = 6; digits <= 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

/** @param unscaled the value times 10^scale */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function readInt128(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (view.getBigInt64(0) << 64n) | view.getBigUint64(8);
}

/** Writes 16 bytes, two's complement, big endian: decimals of more than 18 digits. */
export function writeInt128(data: Uint8Array, start: number, value: bigint): void {
  const view = new DataView(data.buffer, data.byteOffset + start, 16);
  view.setBigInt64(0, value >> 64n);
  view.setBigUint64(8, value & 0xffff_ffff_ffff_ffffn);
}
