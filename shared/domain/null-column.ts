import type { ColumnData } from './column-batch.ts';
import type { ColumnType } from './contract.ts';

/** A column of so many rows that holds nothing. */
export function nullColumn(type: ColumnType, rows: number): ColumnData {
  const nulls = new Uint8Array(rows).fill(1);
  switch (type.kind) {
    case 'int32':
    case 'date':
      return { kind: 'int32', values: new Int32Array(rows), nulls };
    case 'int64':
    case 'timestamp':
    case 'local-timestamp':
      return { kind: 'int64', values: new BigInt64Array(rows), nulls };
    case 'float':
      return { kind: 'float', values: new Float32Array(rows), nulls };
    case 'double':
      return { kind: 'double', values: new Float64Array(rows), nulls };
    case 'boolean':
      return { kind: 'boolean', values: new Uint8Array(rows), nulls };
    case 'decimal':
      if (type.precision <= 18) return { kind: 'int64', values: new BigInt64Array(rows), nulls };
      return noBytes(rows, nulls);
    case 'string':
    case 'uuid':
    case 'json':
    case 'bytes':
      return noBytes(rows, nulls);
    case 'list':
      return {
        kind: 'list',
        offsets: new Uint32Array(rows + 1),
        element: nullColumn(type.element, 0),
        nulls,
      };
    case 'struct':
      throw new TypeError('columns of tables are no structs');
  }
}

function noBytes(rows: number, nulls: Uint8Array): ColumnData {
  return { kind: 'bytes', data: new Uint8Array(0), offsets: new Uint32Array(rows + 1), nulls };
}
