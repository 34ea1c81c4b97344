import { formatCell } from '../../shared/adapters/database/cell-text.ts';
import type { Column } from '../../shared/domain/contract.ts';
import type { ColumnBatch } from '../../shared/domain/column-batch.ts';

/** Rows of a batch as objects of text, as people compare them. */
export function toRows(batch: ColumnBatch, columns: readonly Column[]): Record<string, string | null>[] {
  return Array.from({ length: batch.rows }, (_, row) =>
    Object.fromEntries(
      columns.map(({ name, type }, i) => {
        const data = batch.columns[i];
        return [name, (data && formatCell(data, type, row)) ?? null];
      }),
    ),
  );
}

/** `_extra` of each row. */
export function toExtras(batch: ColumnBatch): (string | null)[] {
  const { extra } = batch;
  return Array.from({ length: batch.rows }, (_, row) =>
    extra === undefined || extra.nulls?.[row] === 1
      ? null
      : Buffer.from(extra.data.subarray(extra.offsets[row], extra.offsets[row + 1])).toString('utf8'),
  );
}
