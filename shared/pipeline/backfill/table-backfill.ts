import type { BackfillMode } from './backfill-mode.ts';
import { planTableBackfill, tableWindowStart } from './plan-table-backfill.ts';
import { createWindowReader, type WindowReaderDeps } from './table-window-reader.ts';

/** Backfills of a database source. */
export function createTableBackfill(deps: WindowReaderDeps): BackfillMode {
  const { source, table } = deps;
  return {
    plan: (asked, position) => planTableBackfill(source, table, asked, position),
    windowStart: (range, window) => tableWindowStart(source, table, range, window),
    openReader: (window) => createWindowReader(deps, window),
  };
}
