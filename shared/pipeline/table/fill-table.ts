import { dispositionOf } from '../../domain/errors.ts';
import type { ColumnFile, ColumnTable, LakeColumns } from '../../ports/column-table-writer.ts';
import type { CursorPlace, TableBatch, TableRead } from '../../ports/table-source.ts';
import type { TableEntry } from '../lane.ts';
import { COMMIT_RESERVE_MS, MAX_HELD_BYTES, type TableReaderDeps } from './table-reader.ts';

/** Files of one commit, in memory. */
export interface Filled {
  readonly files: readonly ColumnFile[];
  readonly rows: number;
  /** Raw bytes of the rows, about. */
  readonly bytes: number;
  /** Place of the last row. */
  readonly last: CursorPlace | undefined;
  /** Why no more was read: there is none, enough is held, time is up, the database failed. */
  readonly end: 'read' | 'full' | 'time' | 'failed';
}

interface FillOptions {
  readonly read: Omit<TableRead, 'deadlineMs'>;
  readonly lake: LakeColumns;
  readonly maxBytes: number;
  /** Appends what is wanted of a batch. @returns whether more is wanted. By default all of it. */
  readonly take?: (
    batch: TableBatch,
    append: (rows: TableBatch['rows']) => Promise<void>,
  ) => Promise<boolean>;
}

/**
 * Reads rows into one table until enough are held, time is up or there are none left. The statement ends with it: a
 * transaction that stayed open over a commit would keep the database from cleaning up and could die meanwhile, and to
 * begin again at a cursor or key costs one look-up in its index.
 *
 * @throws HeadgateError of the read when nothing was read before it, or when somebody has to mend it; otherwise what is
 *   at hand is returned, to be committed first
 */
export async function fillTable(deps: TableReaderDeps, options: FillOptions): Promise<Filled> {
  const { source, columns, clock, telemetry, deadlineMs } = deps;
  const table = await columns.open(source, options.lake);
  try {
    const { last, end } = await fill();
    const { rows, bytes } = table;
    const files = rows === 0 ? [] : await table.finish();
    return { files, rows, bytes, last, end };
  } finally {
    await table.discard();
  }

  async function fill(): Promise<Pick<Filled, 'last' | 'end'>> {
    const untilMs = deadlineMs - COMMIT_RESERVE_MS;
    const maxBytes = Math.min(options.maxBytes, MAX_HELD_BYTES);
    const batches = deps.table.read({ ...options.read, deadlineMs: untilMs })[Symbol.asyncIterator]();
    let last: CursorPlace | undefined;
    try {
      for (;;) {
        const next = await nextOf(batches, table);
        if (next === 'failed') return { last, end: clock.nowMs() >= untilMs ? 'time' : 'failed' };
        if (next === undefined) return { last, end: 'read' };
        let wantsMore = true;
        if (options.take === undefined) await table.append(next.rows);
        else wantsMore = await options.take(next, (rows) => table.append(rows));
        last = next.last ?? last;
        if (!wantsMore || table.bytes >= maxBytes) return { last, end: 'full' };
        if (clock.nowMs() >= untilMs) return { last, end: 'time' };
      }
    } finally {
      await batches.return?.();
    }
  }

  async function nextOf(
    batches: AsyncIterator<TableBatch>,
    { rows }: ColumnTable,
  ): Promise<TableBatch | 'failed' | undefined> {
    try {
      const next = await batches.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      if (rows === 0 || dispositionOf(error) !== 'retry') throw error;
      telemetry.log('warn', 'the database broke off; what was read before is committed first', {
        source: source.name,
        error: error instanceof Error ? error.message : String(error),
      });
      return 'failed';
    }
  }
}

/** Files in memory as entries of a lane. */
export function toTableEntries(
  { source }: Pick<TableReaderDeps, 'source'>,
  files: readonly ColumnFile[],
  receivedAtMs: number,
): TableEntry[] {
  return files.map(({ partition, rows, bytes }) => ({
    kind: 'table',
    source,
    partition,
    rows,
    bytes: bytes.length,
    receivedAtMs,
    load: () => Promise.resolve(bytes),
  }));
}
