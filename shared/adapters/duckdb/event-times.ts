import type { ColumnData } from '../../domain/column-batch.ts';
import { partitionNumber, type PartitionUnit } from '../../domain/object-key.ts';
import type { RowIndices } from './vector-filler.ts';

const DAY_MS = 86_400_000;
/** Dates of ECMAScript end here on both sides; partitions have no name beyond. */
const MAX_TIME_MS = 8.64e15;
const WORD = 2 ** 32;
/** Upper halves of numbers that a double holds exactly are below this. */
const EXACT_HIGH = 2 ** 20;

/**
 * Event times of rows, whole milliseconds since the epoch.
 *
 * @param column days (int32) or microseconds (int64)
 * @param otherwiseMs for rows where it is null, or a time that no partition is for
 */
export function toEventTimes(column: ColumnData, rows: number, otherwiseMs: number): Float64Array {
  const times = new Float64Array(rows);
  const { nulls } = column;
  if (column.kind === 'int32') {
    for (let i = 0; i < rows; i++) times[i] = (column.values[i] ?? 0) * DAY_MS;
  } else if (column.kind === 'int64') {
    const { values } = column;
    const halves = new Int32Array(values.buffer, values.byteOffset, rows * 2);
    for (let i = 0; i < rows; i++) {
      const high = halves[i * 2 + 1] ?? 0;
      times[i] =
        high >= -EXACT_HIGH && high < EXACT_HIGH
          ? Math.floor((high * WORD + ((halves[i * 2] ?? 0) >>> 0)) / 1000)
          : floorToMs(values[i] ?? 0n);
    }
  } else throw new TypeError(`an event time cannot be ${column.kind}`);
  for (let i = 0; i < rows; i++) {
    if (nulls?.[i] === 1 || Math.abs(times[i] ?? 0) > MAX_TIME_MS) times[i] = otherwiseMs;
  }
  return times;
}

function floorToMs(micros: bigint): number {
  const remainder = ((micros % 1000n) + 1000n) % 1000n;
  return Number((micros - remainder) / 1000n);
}

/** Rows by the partition that their event times fall into, each in ascending order. */
export function groupByPartition(unit: PartitionUnit, times: Float64Array): Map<number, RowIndices> {
  const groups = new Map<number, { readonly rows: Uint32Array; count: number }>();
  const numbers = times.map((time) => partitionNumber(unit, time));
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  for (const [number, count] of counts) groups.set(number, { rows: new Uint32Array(count), count: 0 });
  for (const [row, number] of numbers.entries()) {
    const group = groups.get(number);
    if (group !== undefined) group.rows[group.count++] = row;
  }
  return new Map([...groups].map(([number, { rows }]) => [number, rows]));
}
