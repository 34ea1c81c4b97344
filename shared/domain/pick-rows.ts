import type { BytesColumn, ColumnBatch, ColumnData, FixedColumn, Nulls } from './column-batch.ts';

/** Some rows of a batch, by number, in this order. */
export function pickRows(batch: ColumnBatch, rows: readonly number[]): ColumnBatch {
  return {
    rows: rows.length,
    columns: batch.columns.map((column) => pickValues(column, rows)),
    extra: batch.extra && pickBytes(batch.extra, rows),
  };
}

function pickValues(column: ColumnData, rows: readonly number[]): ColumnData {
  switch (column.kind) {
    case 'int32':
      return pickFixed(column, new Int32Array(rows.length), rows);
    case 'int64':
      return pickFixed(column, new BigInt64Array(rows.length), rows);
    case 'float':
      return pickFixed(column, new Float32Array(rows.length), rows);
    case 'double':
      return pickFixed(column, new Float64Array(rows.length), rows);
    case 'boolean':
      return pickFixed(column, new Uint8Array(rows.length), rows);
    case 'bytes':
      return pickBytes(column, rows);
    case 'list': {
      const elements: number[] = [];
      const offsets = new Uint32Array(rows.length + 1);
      rows.forEach((row, i) => {
        if (column.nulls?.[row] !== 1)
          for (let at = column.offsets[row] ?? 0; at < (column.offsets[row + 1] ?? 0); at++)
            elements.push(at);
        offsets[i + 1] = elements.length;
      });
      return {
        kind: 'list',
        offsets,
        element: pickValues(column.element, elements),
        nulls: pickNulls(column, rows),
      };
    }
  }
}

function pickFixed<Kind extends string, Values extends { [at: number]: number | bigint }>(
  { kind, values, nulls }: FixedColumn<Kind, Values>,
  picked: Values,
  rows: readonly number[],
): FixedColumn<Kind, Values> {
  rows.forEach((row, i) => {
    const value = values[row];
    if (value !== undefined) picked[i] = value;
  });
  return { kind, values: picked, nulls: pickNulls({ nulls }, rows) };
}

function pickBytes({ data, offsets, nulls }: BytesColumn, rows: readonly number[]): BytesColumn {
  const picked = new Uint32Array(rows.length + 1);
  const slices = rows.map((row) => data.subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0));
  slices.forEach((slice, i) => {
    picked[i + 1] = (picked[i] ?? 0) + slice.length;
  });
  const all = new Uint8Array(picked[rows.length] ?? 0);
  slices.forEach((slice, i) => {
    all.set(slice, picked[i] ?? 0);
  });
  return { kind: 'bytes', data: all, offsets: picked, nulls: pickNulls({ nulls }, rows) };
}

function pickNulls({ nulls }: { readonly nulls: Nulls }, rows: readonly number[]): Nulls {
  return nulls && Uint8Array.from(rows, (row) => nulls[row] ?? 0);
}
