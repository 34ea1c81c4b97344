import type { ColumnBatch } from '../../shared/domain/column-batch.ts';
import { recordIdentity } from '../../shared/domain/identity.ts';
import type { ColumnFile, ColumnTable, ColumnTableWriter } from '../../shared/ports/column-table-writer.ts';
import type { SimulatedRow, SimulatedTables } from './simulated-tables.ts';

/** Columns of a simulated table: its rows are known by their version. */
export const ID = 0;
const VERSION = 2;

/** Files that are made of columns, of rows that are `rowBytes` large; odd and even ids fall into different partitions. */
export function createSimulatedColumnTables(tables: SimulatedTables, rowBytes: number): ColumnTableWriter {
  return {
    open: (_source, { origin, firstIndex, receivedAtMs, op }) => {
      const partitions: [SimulatedRow[], SimulatedRow[]] = [[], []];
      let rows = 0;
      const table: ColumnTable = {
        get rows() {
          return rows;
        },
        get bytes() {
          return rows * rowBytes;
        },
        append: (batch) => {
          for (let row = 0; row < batch.rows; row++) {
            const isOdd = idAt(batch, row) % 2n === 1n;
            partitions[isOdd ? 1 : 0].push({
              id: recordIdentity(origin, firstIndex + rows++),
              raw: JSON.stringify({ version: textAt(batch, row) }),
              reason: undefined,
              ...{ key: String(idAt(batch, row)), receivedAtMs, op },
            });
          }
          return Promise.resolve();
        },
        finish: () =>
          Promise.resolve(
            partitions.flatMap((some, partition): ColumnFile[] =>
              some.length === 0 ? [] : [{ partition, rows: some.length, bytes: tables.fileOf(some) }],
            ),
          ),
        discard: () => Promise.resolve(),
      };
      return Promise.resolve(table);
    },
  };
}

function idAt({ columns }: ColumnBatch, row: number): bigint {
  const column = columns[ID];
  return column?.kind === 'int64' ? (column.values[row] ?? 0n) : 0n;
}

function textAt({ columns }: ColumnBatch, row: number): string {
  const column = columns[VERSION];
  // Of keys alone there are no versions.
  if (column === undefined || column.nulls?.[row] === 1) return '';
  if (column.kind !== 'bytes') throw new Error('versions are text');
  return Buffer.from(column.data.subarray(column.offsets[row], column.offsets[row + 1])).toString();
}
