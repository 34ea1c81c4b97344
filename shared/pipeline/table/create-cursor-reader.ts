import { pullLane } from '../../domain/pull-lane.ts';
import { receiveTime } from '../../domain/reconciliation.ts';
import {
  formatTablePosition,
  parseTablePosition,
  requireSameColumn,
  type Followed,
  type PositionOf,
} from '../../domain/table-position.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { CursorPlace, Horizon } from '../../ports/table-source.ts';
import type { LaneBatch } from '../lane.ts';
import { toDeletesBatch } from '../reconcile/deletes-batch.ts';
import { addRead, beginCount, type SourceCount } from '../../domain/source-count.ts';
import { BatchSize } from './batch-size.ts';
import { countWhenDue, isCounted, tellCount, tellMissing } from './count-source.ts';
import { fillTable, toTableEntries } from './fill-table.ts';
import {
  COMMIT_RESERVE_MS,
  requireUniqueKey,
  RunNotes,
  type CursorReader,
  type TableReaderDeps,
} from './table-reader.ts';

type Position = PositionOf<'cursor'>;

/**
 * Reads a table by cursor, below the horizon: rows by (cursor, key) after those that are committed, and before the
 * smallest cursor that an open transaction may still bring. Nothing is claimed and nothing staged: what is at or below
 * the position is in the lake, and what an aborted attempt wrote is a tombstone. A retry reads again from the position,
 * and may find other rows.
 *
 * The horizon is read before the rows, and once in a run: what was final then is final, and a run that went on after
 * each new row would write files of a few rows.
 *
 * @param initialValue where the first run begins, inclusive
 */
export function createCursorReader(
  deps: TableReaderDeps,
  by: Followed,
  initialValue: string | undefined,
): CursorReader {
  const { source, table, clock, deadlineMs } = deps;
  const lane = pullLane(source.name);
  const notes = new RunNotes(deps);
  let horizon: Horizon | undefined;
  /** Whether it was said that rows are missing, if they are. */
  let isToldOf = false;
  const size = new BatchSize();

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'interrupted' | undefined> {
    notes.observe(state);
    const before = parseTablePosition(source.name, 'cursor', state.position);
    if (before !== undefined) requireSameColumn(source.name, before.by, by);
    if (clock.nowMs() >= deadlineMs - COMMIT_RESERVE_MS) return 'interrupted';
    if (before === undefined) await requireUniqueKey(deps);
    if (!isToldOf) await tellMissing(deps, before?.count);
    isToldOf = true;
    const counted = await countWhenDue(deps, by, before?.count, before?.place);
    if (counted !== undefined && before !== undefined) return offerCount(state, before, counted);
    horizon ??= await readHorizon(before);
    const place = before?.place;
    const { until, memory } = horizon;
    const from: CursorPlace | undefined =
      place ?? (initialValue === undefined ? undefined : { cursor: initialValue, key: undefined });
    if (until === undefined) return remember(state, before, from, memory);
    const receivedAtMs = receiveTime(clock.nowMs(), before?.keys);
    const maxRows = size.next(state.version);
    const filled = await fillTable(deps, {
      read: { cursor: { from, until }, ...(maxRows !== undefined && { maxRows }) },
      lake: { origin: `${lane}/${String(state.commits)}`, firstIndex: 0, receivedAtMs },
      maxBytes,
    });
    const { files, rows, bytes, last } = filled;
    if (rows === 0) return remember(state, before, from, memory);
    if (last === undefined) throw new Error('rows that are read by cursor have a place');
    size.offered(state.version, rows);
    const to: Position = {
      ...{ v: 1, mode: 'cursor', by, place: toPlace(last), memory, keys: before?.keys },
      count: isCounted(deps)
        ? addRead(before?.count ?? beginCount(toEdge(from), receivedAtMs), rows)
        : undefined,
    };
    return notes.offer(state, batchOf(state, to, toTableEntries(deps, files, receivedAtMs)), { rows, bytes });
  }

  async function readHorizon(before: Position | undefined): Promise<Horizon> {
    notes.readSince(clock.nowMs());
    const found = await table.readHorizon({
      former: before?.memory,
      deadlineMs: deadlineMs - COMMIT_RESERVE_MS,
    });
    notes.heldBackSince(found.oldestOpenMs);
    return found;
  }

  /**
   * There is nothing to read. A horizon that is known only from a later run on must be remembered until then, but only
   * where rows wait for it: otherwise a table at rest would be written about with every run.
   */
  async function remember(
    state: LedgerState,
    before: Position | undefined,
    from: CursorPlace | undefined,
    memory: string | undefined,
  ): Promise<LaneBatch | undefined> {
    if (memory === before?.memory || memory === undefined) return undefined;
    if (!(await hasRowsAfter(from))) return undefined;
    const to: Position = { ...{ v: 1, mode: 'cursor', by }, ...before, memory };
    return notes.offer(state, batchOf(state, to, []), { rows: 0, bytes: 0 });
  }

  async function hasRowsAfter(place: CursorPlace | undefined): Promise<boolean> {
    const rows = table.read({
      cursor: { from: place, until: undefined },
      maxRows: 1,
      deadlineMs: deadlineMs - COMMIT_RESERVE_MS,
    });
    for await (const batch of rows) if (batch.rows.rows > 0) return true;
    return false;
  }

  /** It is a commit of its own: what was counted is known of what is committed, and of nothing else. */
  function offerCount(state: LedgerState, before: Position, count: SourceCount): LaneBatch {
    const batch = batchOf(state, { ...before, count }, []);
    return notes.offer(state, batch, { rows: 0, bytes: 0 }, () => {
      tellCount(deps, before.count, count);
    });
  }

  function batchOf(state: LedgerState, to: Position, entries: LaneBatch['entries']): LaneBatch {
    const start: Position = { v: 1, mode: 'cursor', by };
    return {
      from: state.position ?? formatTablePosition(start),
      to: formatTablePosition(to),
      stem: `pull-${String(state.commits)}`,
      entries,
    };
  }

  const offerKeys: CursorReader['offerKeys'] = (state, keys, deletes) => {
    const before = parseTablePosition(source.name, 'cursor', state.position);
    const batch = batchOf(state, { v: 1, mode: 'cursor', by, ...before, keys }, []);
    if (deletes === undefined) return Promise.resolve(notes.offer(state, batch, { rows: 0, bytes: 0 }));
    const withDeletes = toDeletesBatch(deps, batch, deletes);
    return Promise.resolve(notes.offer(state, withDeletes.batch, withDeletes.received));
  };

  return { lane, read, offerKeys, ...notes.toReport() };
}

const toPlace = ({ cursor, key }: CursorPlace): NonNullable<Position['place']> => ({
  cursor,
  key: key && [...key],
});
const toEdge = (place: CursorPlace | undefined): Position['place'] => place && toPlace(place);
