import {
  formatWindow,
  parseWindow,
  windowStem,
  WINDOW_START,
  type WindowPosition,
} from '../../domain/backfill.ts';
import { pickRows } from '../../domain/pick-rows.ts';
import type { LandedRows, LandedSet } from '../../ports/landed-rows.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { TableBatch } from '../../ports/table-source.ts';
import type { LaneBatch } from '../lane.ts';
import { BatchSize } from '../table/batch-size.ts';
import { fillTable, toTableEntries } from '../table/fill-table.ts';
import { COMMIT_RESERVE_MS, RunNotes, type TableReaderDeps } from '../table/table-reader.ts';
import type { Window, WindowReader } from './backfill-mode.ts';

export interface WindowReaderDeps extends TableReaderDeps {
  readonly landedRows: LandedRows;
}

/**
 * Reads one window of a backfill and offers the rows that are not in the lake. Nothing is claimed: the window ends where
 * the source's own runs have come to at the latest, so no other lane writes rows of it while it is read, and what other
 * lanes wrote before is in the lake when it is looked up.
 */
export function createWindowReader(deps: WindowReaderDeps, { lane, from, until }: Window): WindowReader {
  const { source, landedRows, clock, deadlineMs } = deps;
  const notes = new RunNotes(deps);
  let known: LandedSet | undefined;
  const size = new BatchSize();

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'interrupted' | undefined> {
    notes.observe(state);
    const before = parseWindow(lane, state.position);
    if (before.status !== 'open') return undefined;
    if (clock.nowMs() >= deadlineMs - COMMIT_RESERVE_MS) return 'interrupted';
    // Looked up once: what this lane itself lands meanwhile is behind its place.
    known ??= await landedRows.find(
      source,
      { from: before.place?.cursor ?? from, until },
      deadlineMs - COMMIT_RESERVE_MS,
    );
    const set = known;
    const receivedAtMs = clock.nowMs();
    const maxRows = size.next(state.version);
    let rowsRead = 0;
    const take = async (
      batch: TableBatch,
      append: (rows: TableBatch['rows']) => Promise<void>,
    ): Promise<boolean> => {
      const wanted = set.missing(batch.rows);
      rowsRead += batch.rows.rows;
      if (wanted.length === batch.rows.rows) await append(batch.rows);
      else if (wanted.length > 0) await append(pickRows(batch.rows, wanted));
      return true;
    };
    const place =
      before.place === undefined ? { cursor: from, key: undefined } : { key: undefined, ...before.place };
    const { files, rows, bytes, last, end } = await fillTable(deps, {
      read: { cursor: { from: place, until }, ...(maxRows !== undefined && { maxRows }) },
      lake: { origin: `${lane}/${String(state.commits)}`, firstIndex: 0, receivedAtMs },
      maxBytes,
      take,
    });
    if (end !== 'read' && last === undefined) return 'interrupted';
    size.offered(state.version, rowsRead);
    const isRead = end === 'read' && (maxRows === undefined || rowsRead < maxRows);
    const to: WindowPosition = {
      v: 1,
      status: isRead ? 'done' : 'open',
      ...(last === undefined
        ? { place: before.place }
        : { place: { cursor: last.cursor, key: last.key && [...last.key] } }),
      read: before.read + rowsRead,
      landed: before.landed + rows,
      bytes: before.bytes + bytes,
    };
    return notes.offer(
      state,
      {
        from: state.position ?? formatWindow(WINDOW_START),
        to: formatWindow(to),
        stem: windowStem(lane, state.commits),
        entries: toTableEntries(deps, files, receivedAtMs),
      },
      { rows, bytes },
    );
  }

  return {
    lane,
    read,
    observe: (state) => {
      notes.observe(state);
    },
  };
}
