import type { ColumnBatch, ColumnData } from '../../domain/column-batch.ts';
import { formatColumnType } from '../../domain/column-type.ts';
import type { Column, ColumnType } from '../../domain/contract.ts';

/**
 * Refuses a batch that is not as its contract says: values are copied as memory, and a column of another kind, or one that
 * is too short, would be somebody else's memory.
 *
 * @throws TypeError or RangeError that name the column
 */
export function checkBatch(columns: readonly Column[], batch: ColumnBatch): void {
  if (batch.columns.length !== columns.length) {
    throw new TypeError(
      `a batch has ${String(batch.columns.length)} columns, its contract ${String(columns.length)}`,
    );
  }
  for (const [i, { name, type }] of columns.entries()) checkColumn(name, type, batch.columns[i], batch.rows);
  if (batch.extra !== undefined) checkColumn('_extra', { kind: 'string' }, batch.extra, batch.rows);
}

function checkColumn(name: string, type: ColumnType, column: ColumnData | undefined, rows: number): void {
  const kind = kindOf(type);
  if (column === undefined || column.kind !== kind) {
    const words = type.kind === 'struct' ? 'a struct' : formatColumnType(type);
    throw new TypeError(
      `column "${name}" is ${words}: its values are ${String(kind)}, not ${String(column?.kind)}`,
    );
  }
  const values = 'values' in column ? column.values.length : column.offsets.length - 1;
  if (values < rows || (column.nulls?.length ?? rows) < rows) {
    throw new RangeError(`column "${name}" has ${String(values)} values, and the batch ${String(rows)} rows`);
  }
  if (column.kind === 'list' && type.kind === 'list') {
    checkColumn(`${name}[]`, type.element, column.element, column.offsets[rows] ?? 0);
  } else if (column.kind === 'bytes' && (column.offsets[rows] ?? 0) > column.data.length) {
    throw new RangeError(`column "${name}" has offsets beyond its ${String(column.data.length)} bytes`);
  }
}

function kindOf(type: ColumnType): ColumnData['kind'] | undefined {
  switch (type.kind) {
    case 'boolean':
    case 'float':
    case 'double':
    case 'list':
    case 'int32':
    case 'int64':
    case 'bytes':
      return type.kind;
    case 'date':
      return 'int32';
    case 'timestamp':
    case 'local-timestamp':
      return 'int64';
    case 'decimal':
      return type.precision <= 18 ? 'int64' : 'bytes';
    case 'string':
    case 'uuid':
    case 'json':
      return 'bytes';
    case 'struct':
      return undefined;
  }
}
