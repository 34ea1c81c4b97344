import { pullLane } from '../../domain/pull-lane.ts';
import { IdRanges, parseIds } from '../../domain/id-ranges.ts';
import { BlockedError } from '../../domain/errors.ts';
import { pickRows } from '../../domain/pick-rows.ts';
import { formatTablePosition, parseTablePosition, type PositionOf } from '../../domain/table-position.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { TableBatch } from '../../ports/table-source.ts';
import type { LaneBatch } from '../lane.ts';
import { BatchSize } from './batch-size.ts';
import { fillTable, toTableEntries } from './fill-table.ts';
import { COMMIT_RESERVE_MS, RunNotes, type TableReader, type TableReaderDeps } from './table-reader.ts';

type Position = PositionOf<'processed'>;

/** Entries of one commit: the run after it holds their ids as texts, and marks them before it reads. */
const MAX_IDS = 200_000;

/**
 * Reads the entries of a change log that are not marked, and marks them once they have landed.
 *
 * The position holds the ids of the last commit. Whoever reads on from it marks them first, whether or not somebody
 * else has, and stops should he find one of them all the same. So at any time all entries that have landed are marked, or
 * named by the position: none is marked that has not landed, and none lands twice. A batch that was read before the
 * marks belongs to an older state, which the ledger refuses.
 */
export function createProcessedReader(deps: TableReaderDeps, column: string): TableReader {
  const { source, table, clock, deadlineMs } = deps;
  const lane = pullLane(source.name);
  const notes = new RunNotes(deps);
  const size = new BatchSize(MAX_IDS);

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'interrupted' | undefined> {
    notes.observe(state);
    const before = parseTablePosition(source.name, 'processed', state.position);
    if (before !== undefined) requireSameId(source.name, before.column, column);
    if (clock.nowMs() >= deadlineMs - COMMIT_RESERVE_MS) return 'interrupted';
    const landed = parseIds(before?.landed ?? '');
    if (landed.length > 0) await table.markProcessed(landed, deadlineMs - COMMIT_RESERVE_MS);
    notes.readSince(clock.nowMs());
    const known = new Set(landed);
    const ids = new IdRanges();
    const receivedAtMs = clock.nowMs();
    const maxRows = size.next(state.version) ?? MAX_IDS;
    const filled = await fillTable(deps, {
      read: { unprocessed: true, maxRows: maxRows + known.size },
      lake: { origin: `${lane}/${String(state.commits)}`, firstIndex: 0, receivedAtMs },
      maxBytes,
      take: async (batch, append) => {
        const { rows, wantsMore } = takeNew(batch, known, ids, maxRows);
        if (rows.length === batch.rows.rows) await append(batch.rows);
        else if (rows.length > 0) await append(pickRows(batch.rows, rows));
        return wantsMore;
      },
    });
    const { files, rows, bytes } = filled;
    // What is marked need not be marked again with every run.
    if (rows === 0 && landed.length === 0) return undefined;
    if (rows > 0) size.offered(state.version, rows);
    return notes.offer(state, batchOf(state, ids, toTableEntries(deps, files, receivedAtMs)), {
      rows,
      bytes,
    });
  }

  function batchOf(state: LedgerState, ids: IdRanges, entries: LaneBatch['entries']): LaneBatch {
    const to: Position = { v: 1, mode: 'processed', column, landed: ids.toString() };
    return {
      from: state.position ?? formatTablePosition({ ...to, landed: '' }),
      to: formatTablePosition(to),
      stem: `pull-${String(state.commits)}`,
      entries,
    };
  }

  return { lane, read, ...notes.toReport() };
}

/** Numbers of the rows of a batch that have not landed, as many as the position can name. */
function takeNew(
  { ids: texts }: TableBatch,
  known: ReadonlySet<string>,
  ids: IdRanges,
  maxRows: number,
): { readonly rows: readonly number[]; readonly wantsMore: boolean } {
  if (texts === undefined) throw new Error('entries that are not processed are read with their ids');
  const rows: number[] = [];
  for (const [row, id] of texts.entries()) {
    if (known.has(id)) throw notMarked(id);
    if (ids.size >= maxRows || !ids.add(id)) return { rows, wantsMore: false };
    rows.push(row);
  }
  return { rows, wantsMore: ids.size < maxRows };
}

/** It has landed, was marked just now and is not: to go on would be to land it again and again. */
function notMarked(id: string): BlockedError {
  return new BlockedError(
    'DB_NOT_MARKED',
    `entry ${id} of the change log has landed and was set to processed, and is read as not processed all the same; look for a trigger that changes the column of \`changeLog.processed\` back, or for a connection to a replica`,
  );
}

function requireSameId(source: string, was: string, is: string): void {
  if (was === is) return;
  throw new BlockedError(
    'CURSOR_CHANGED',
    `the change log of source ${source} was followed by column ${was}, and is followed by ${is} now; change it back, let a run with ${was} come to its end first, or declare the table under a new name`,
  );
}
