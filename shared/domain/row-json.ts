import { toCalendarDay } from './calendar-day.ts';
import { toSigned } from './to-signed.ts';
import type { BytesColumn, ColumnBatch, ColumnData } from './column-batch.ts';
import type { Column, ColumnType } from './contract.ts';

/** Member of a row's text that holds `_extra`, where the row has any; see `RecordFlag.carried`. */
export const EXTRA_MEMBER = '_extra';

/**
 * A batch row by row, each as one line of JSON in the form of `toTableSchema`: exact digits, times and decimals as
 * text, bytes in base64. Nulls are left out. The same values have the same text.
 */
export function toRowTexts(columns: readonly Column[], batch: ColumnBatch): Buffer[] {
  const writers = columns.map(({ name, type }, i) => {
    const data = batch.columns[i];
    if (data === undefined) throw new Error(`a batch has no column ${name}`);
    return { name: JSON.stringify(name), nulls: data.nulls, write: createWriter(type, data) };
  });
  const { extra } = batch;
  return Array.from({ length: batch.rows }, (_, row) => {
    let text = '';
    for (const { name, nulls, write } of writers) {
      if (nulls?.[row] !== 1) text += `${text === '' ? '{' : ','}${name}:${write(row)}`;
    }
    if (extra !== undefined && extra.nulls?.[row] !== 1)
      text += `${text === '' ? '{' : ','}"${EXTRA_MEMBER}":${textAt(extra, row)}`;
    return Buffer.from(text === '' ? '{}' : `${text}}`);
  });
}

type WriteValue = (row: number) => string;

function createWriter(type: ColumnType, data: ColumnData): WriteValue {
  switch (data.kind) {
    case 'int32':
      return type.kind === 'date'
        ? (row) => `"${formatDay(data.values[row] ?? 0)}"`
        : (row) => String(data.values[row]);
    case 'int64':
      return createWideWriter(type, data.values);
    case 'float':
    case 'double':
      return (row) => formatFloat(data.values[row] ?? 0);
    case 'boolean':
      return (row) => (data.values[row] === 1 ? 'true' : 'false');
    case 'bytes':
      return createBytesWriter(type, data);
    case 'list': {
      if (type.kind !== 'list') throw new Error(`a list in a column of ${type.kind}`);
      const { element, offsets } = data;
      const write = createWriter(type.element, element);
      return (row) => {
        const texts: string[] = [];
        for (let at = offsets[row] ?? 0; at < (offsets[row + 1] ?? 0); at++)
          texts.push(element.nulls?.[at] === 1 ? 'null' : write(at));
        return `[${texts.join(',')}]`;
      };
    }
  }
}

function createWideWriter(type: ColumnType, values: BigInt64Array): WriteValue {
  if (type.kind === 'timestamp') return (row) => `"${formatInstant(values[row] ?? 0n)}Z"`;
  if (type.kind === 'local-timestamp') return (row) => `"${formatInstant(values[row] ?? 0n)}"`;
  if (type.kind === 'decimal') return (row) => `"${formatDecimal(values[row] ?? 0n, type.scale)}"`;
  return (row) => String(values[row]);
}

function createBytesWriter(type: ColumnType, data: BytesColumn): WriteValue {
  if (type.kind === 'bytes') return (row) => `"${sliceOf(data, row).toString('base64')}"`;
  // One JSON text; its line breaks are white space.
  if (type.kind === 'json') return (row) => textAt(data, row).replaceAll(/[\n\r]/g, ' ');
  if (type.kind === 'decimal') return (row) => `"${formatDecimal(toSigned(sliceOf(data, row)), type.scale)}"`;
  return (row) => JSON.stringify(textAt(data, row));
}

function sliceOf({ data, offsets }: BytesColumn, row: number): Buffer {
  const start = offsets[row] ?? 0;
  return Buffer.from(data.buffer, data.byteOffset + start, (offsets[row + 1] ?? start) - start);
}

const textAt = (data: BytesColumn, row: number): string => sliceOf(data, row).toString();

function formatDecimal(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** The shortest text that reads back as the same number; JSON knows no others than finite ones. */
function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return `"${String(value)}"`;
  return Object.is(value, -0) ? '-0.0' : String(value);
}

const DAY_MICROS = 86_400_000_000n;
const MICRO_DIGITS = 6;

/** Date and time of an instant, in microseconds since 1970-01-01 00:00. */
function formatInstant(micros: bigint): string {
  const ofDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const day = formatDay(Number((micros - ofDay) / DAY_MICROS));
  const seconds = Number(ofDay / 1_000_000n);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${day}T${time}.${String(ofDay % 1_000_000n).padStart(MICRO_DIGITS, '0')}`;
}

/** A day by its number since 1970-01-01, as DuckDB writes it: the year 0 is 1 BC. */
function formatDay(days: number): string {
  const { year, month, day } = toCalendarDay(days);
  const two = (value: number): string => String(value).padStart(2, '0');
  const monthAndDay = `${two(month)}-${two(day)}`;
  return year > 0
    ? `${String(year).padStart(4, '0')}-${monthAndDay}`
    : `${String(1 - year).padStart(4, '0')}-${monthAndDay} (BC)`;
}
