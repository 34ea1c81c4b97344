import type { Followed } from '../../domain/table-position.ts';
import { createReconcilingReader } from '../reconcile/create-reconciling-reader.ts';
import { createCursorReader } from './create-cursor-reader.ts';
import { createExtractReader } from './create-extract-reader.ts';
import { createLookbackReader } from './create-lookback-reader.ts';
import { createProcessedReader } from './create-processed-reader.ts';
import type { TableReader, TableReaderDeps } from './table-reader.ts';

/**
 * Makes the reader of one run over a table. How it is read follows from the configuration; what all ways have in
 * common:
 * - every row that the way promises is offered to the engine, whatever happens in the database meanwhile, and wherever
 *   a run dies;
 * - memory is bounded, whatever the size of the table;
 * - a run that finds nothing new offers nothing;
 * - a position that was written another way is refused, never begun anew in silence.
 */
export function createTableReader(deps: TableReaderDeps): TableReader {
  const { config } = deps.source;
  const { incremental, changeLog, deletes } = config;
  const follow = (column: string): Followed => ({
    column,
    type: config.columns[column] ?? '',
    key: [...config.key],
  });
  if (incremental !== undefined) {
    const { cursor, initialValue, lookback } = incremental;
    const rows =
      lookback === undefined
        ? createCursorReader(deps, follow(cursor), initialValue)
        : createLookbackReader(deps, follow(cursor), { initialValue, lookback });
    return deletes === undefined ? rows : createReconcilingReader(deps, rows, deletes.reconcile);
  }
  if (changeLog === undefined) return createExtractReader(deps);
  return changeLog.processed === undefined
    ? createCursorReader(deps, follow(changeLog.id), undefined)
    : createProcessedReader(deps, changeLog.id);
}
