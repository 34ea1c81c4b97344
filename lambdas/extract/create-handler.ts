import type { MiddyfiedHandler } from '@middy/core';
import type { DatabaseSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import {
  createParallelExtractReader,
  isReadInParallel,
  runSplit,
  type ExtractDeps,
} from '../../shared/pipeline/extract/run-extract.ts';
import { runBackfill } from '../../shared/pipeline/backfill/run-backfill.ts';
import { createTableBackfill } from '../../shared/pipeline/backfill/table-backfill.ts';
import type { PullOutcome, RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import { acceptDeletes } from '../../shared/pipeline/reconcile/inventory.ts';
import { createTableReader } from '../../shared/pipeline/table/create-table-reader.ts';
import type { TableReaderDeps } from '../../shared/pipeline/table/table-reader.ts';
import type { ColumnTableWriter } from '../../shared/ports/column-table-writer.ts';
import type { RowKeys } from '../../shared/ports/row-keys.ts';
import type { LandedRows } from '../../shared/ports/landed-rows.ts';
import type { FileStage } from '../../shared/ports/file-stage.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { WorkDeliveries, WorkQueue } from '../../shared/ports/work-queue.ts';
import { createWorkHandler, type WorkContext } from '../composition/create-work-handler.ts';

export interface ExtractHandlerDeps extends RunSourceDeps {
  readonly queue: WorkQueue & WorkDeliveries;
  readonly columns: ColumnTableWriter;
  readonly files: FileStage;
  readonly landedRows: LandedRows;
  readonly keys: RowKeys;
  /** Opens a table; it is closed at the end of the invocation, so that a database keeps no connection of a function that sleeps. */
  readonly openTable: (source: Source<DatabaseSourceConfig>) => TableSource;
}

/** The function that reads databases. */
export function createHandler(deps: ExtractHandlerDeps): MiddyfiedHandler<unknown, PullOutcome | undefined> {
  const opened: TableSource[] = [];

  function toTableDeps(source: Source<DatabaseSourceConfig>, { deadlineMs }: WorkContext): TableReaderDeps {
    const table = deps.openTable(source);
    opened.push(table);
    return { ...deps, source, table, deadlineMs };
  }

  function toExtractDeps(
    source: Source<DatabaseSourceConfig>,
    context: WorkContext,
    telemetry: Telemetry = deps.telemetry,
  ): ExtractDeps {
    return {
      ...toTableDeps(source, context),
      queue: deps.queue,
      land: { ...deps, telemetry },
      options: { owner: context.owner, deadlineMs: context.deadlineMs },
      telemetry,
    };
  }

  return createWorkHandler<DatabaseSourceConfig>({
    ...deps,
    types: ['postgres', 'mysql'],
    openReader: (source, context, stayHere) =>
      isReadInParallel(source)
        ? createParallelExtractReader({ ...toExtractDeps(source, context), stayHere })
        : createTableReader({ ...toTableDeps(source, context), stayHere }),
    acceptDeletes: (source, { inventory }) => acceptDeletes({ ...deps, source }, inventory),
    runSplit: (source, work, { telemetry, ...context }) =>
      runSplit(toExtractDeps(source, context, telemetry), work),
    runBackfill: (source, work, { telemetry, ...context }) => {
      const own = toExtractDeps(source, context, telemetry);
      const mode = createTableBackfill({ ...own, landedRows: deps.landedRows });
      return runBackfill({ ...own, mode }, work);
    },
    afterwards: async () => {
      const closed = await Promise.allSettled(opened.splice(0).map((table) => table.close()));
      const failed = closed.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  });
}
