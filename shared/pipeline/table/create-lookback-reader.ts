import { hash } from 'node:crypto';
import { toMs } from '../../config/units.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { receiveTime } from '../../domain/reconciliation.ts';
import type { ColumnData } from '../../domain/column-batch.ts';
import { dispositionOf } from '../../domain/errors.ts';
import { isLakeTime } from '../../domain/formats.ts';
import { readFrame, RecordFlag, writeFrame, type FrameRecord } from '../../domain/frame.ts';
import { fingerprint, payloadDigest } from '../../domain/idempotency-key.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import { toRowTexts } from '../../domain/row-json.ts';
import { addCursors, beginSteps, lastStep, type CursorSteps } from '../../domain/cursor-steps.ts';
import { addRead, beginCount, type Edge } from '../../domain/source-count.ts';
import { readStagedBatch, writeStagedBatch, type StagedBatch } from '../../domain/staged-batch.ts';
import {
  countOf,
  formatTablePosition,
  parseTablePosition,
  requireSameColumn,
  type Followed,
  type PositionOf,
} from '../../domain/table-position.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { CursorPlace, TableBatch } from '../../ports/table-source.ts';
import type { LaneBatch } from '../lane.ts';
import { formatStagedDeletes, parseStagedDeletes, toDeletesBatch } from '../reconcile/deletes-batch.ts';
import { MAX_STAGED_PARTITIONS } from '../staged-entries.ts';
import { countWhenDue, isCounted, tellCount, tellMissing } from './count-source.ts';
import {
  COMMIT_RESERVE_MS,
  requireUniqueKey,
  RunNotes,
  type CursorReader,
  type TableReaderDeps,
} from './table-reader.ts';

type Position = PositionOf<'lookback'>;
/** A reading; without a place before its first commit. */
type Sweep = Partial<NonNullable<Position['sweep']>> & Pick<NonNullable<Position['sweep']>, 'startedAtMs'>;

/** Rows as text take more memory than as columns, and are in it several times. */
const MAX_RAW_BYTES = 24 * 1024 * 1024;
/** Marks in a position: about 15 bytes each, and a position is written several times per commit. */
const MAX_MARKS = 2_000;
const MARK_LENGTH = 12;
/** Local time is in no zone further ahead of UTC, or behind it, and that of a column may be of any. */
const MOST_AHEAD_OF_UTC_MS = 14 * 3_600_000;
const MOST_BEHIND_UTC_MS = 12 * 3_600_000;

/** What one call of `read` has collected. */
interface Collected {
  /** Rows that are not known yet. */
  readonly records: FrameRecord[];
  readonly partitions: Set<number>;
  /** Marks of all rows, in order. */
  readonly marks: string[];
  /** All rows by cursor, those of the calls before included; undefined where they are not counted. */
  steps: CursorSteps | undefined;
  bytes: number;
  last: CursorPlace | undefined;
  /** Whether the table was read to its end. */
  isRead: boolean;
}

/**
 * Reads a table by cursor, from a look-back behind the highest cursor that is in the lake. Every row claims its whole
 * content: read again it is a duplicate, changed under the same cursor it is another version. Rows that appear later
 * than the look-back after their cursor are not found.
 *
 * What is committed together is decided once, by whoever stages it first, before anything is claimed: a row that was
 * claimed by an attempt which died, and has changed since, would be lost otherwise.
 */
export function createLookbackReader(
  deps: TableReaderDeps,
  by: Followed,
  settings: { readonly initialValue: string | undefined; readonly lookback: string },
): CursorReader {
  const { source, table, stage, clock, telemetry, deadlineMs } = deps;
  const { config } = source;
  const lane = pullLane(source.name);
  const untilMs = deadlineMs - COMMIT_RESERVE_MS;
  const notes = new RunNotes(deps);
  const eventTimeOf = createEventTimes(source, by.column);
  const cursorsOf = createCursorTimes(source, by.column);
  /** Position after which this run has nothing to do. It spares work, nothing relies on it. */
  let endPosition: string | undefined;
  /** Whether it was said that rows are missing, if they are. */
  let isToldOf = false;

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'interrupted' | undefined> {
    notes.observe(state);
    if (endPosition !== undefined && state.position === endPosition) return undefined;
    let staged = await stage.find(lane, state.commits);
    if (staged === undefined) {
      const before = parseTablePosition(source.name, 'lookback', state.position);
      if (before !== undefined) requireSameColumn(source.name, before.by, by);
      if (clock.nowMs() >= untilMs) return 'interrupted';
      if (before === undefined) await requireUniqueKey(deps);
      if (!isToldOf) await tellMissing(deps, before?.count);
      isToldOf = true;
      const batch = (await countRows(before)) ?? (await readRows(state, before, maxBytes));
      if (batch === undefined) return undefined;
      staged = await stage.decide(lane, state.commits, writeStagedBatch(batch));
    }
    return toBatch(state, readStagedBatch(staged));
  }

  async function readRows(
    state: LedgerState,
    before: Position | undefined,
    maxBytes: number,
  ): Promise<StagedBatch | undefined> {
    const sweep: Sweep = before?.sweep ?? beginSweep(before);
    notes.readSince(sweep.startedAtMs);
    const nowMs = clock.nowMs();
    const receivedAtMs = receiveTime(nowMs, before?.keys);
    const place = sweep.place ?? startOf(sweep.from);
    const collected = await collect(place, new Set(before?.seen), sweep.steps, maxBytes);
    const { records, marks, last, steps, isRead } = collected;
    if (isRead && records.length === 0 && before?.sweep === undefined) return undefined;
    const reached = last ?? sweep.place;
    const highest = laterOf(before?.highest, notAhead(last?.cursor, nowMs));
    const swept = { atMs: sweep.startedAtMs, forMs: Math.max(0, clock.nowMs() - sweep.startedAtMs) };
    const after: Position = {
      v: 1,
      mode: 'lookback',
      by,
      highest,
      ...(isRead || reached === undefined
        ? { swept, ...endSweep(before, { ...sweep, steps }, nextStart({ highest, swept }), nowMs) }
        : {
            sweep: {
              ...sweep,
              place: { cursor: reached.cursor, key: reached.key && [...reached.key] },
              steps,
            },
            ...{ swept: before?.swept, floor: before?.floor, count: before?.count },
          }),
      seen: (isRead && before?.sweep === undefined ? marks : [...(before?.seen ?? []), ...marks]).slice(
        -MAX_MARKS,
      ),
      keys: before?.keys,
    };
    const to = formatTablePosition(after);
    if (isRead) endPosition = to;
    const origin = `${lane}/${String(state.commits)}`;
    const header = {
      source: source.name,
      frameId: origin,
      contractVersion: source.contract.version,
      receivedAtMs,
    };
    const part = { origin, firstIndex: 0, arrivedAtMs: receivedAtMs, bytes: writeFrame(header, records) };
    return { to, parts: records.length === 0 ? [] : [part] };
  }

  function beginSweep(before: Position | undefined): Sweep {
    const startedAtMs = clock.nowMs();
    const steps = isCounted(deps)
      ? beginSteps(toMs(settings.lookback), by.type === 'date' ? DAY_MS : 1000)
      : undefined;
    if (before?.highest === undefined) return { from: settings.initialValue, startedAtMs, steps };
    warnOfExpiry(before, startedAtMs);
    return { from: before.floor ?? nextStart(before), startedAtMs, steps };
  }

  /** Where the reading after one that came to its end begins. */
  function nextStart({ highest, swept }: Pick<Position, 'highest' | 'swept'>): string | undefined {
    if (highest === undefined) return settings.initialValue;
    // What appeared while the last reading went on, behind the place that it had reached, is found by this one.
    return laterOf(
      settings.initialValue,
      table.before(highest, toMs(settings.lookback) + (swept?.forMs ?? 0)),
    );
  }

  /**
   * A reading came to its end: rows before the place that the next one begins at were read for the last time. It begins
   * with a step, so that it is known how many those are.
   */
  function endSweep(
    before: Position | undefined,
    { from, steps }: Sweep,
    next: string | undefined,
    nowMs: number,
  ): Pick<Position, 'floor' | 'count'> {
    if (!isCounted(deps) || next === undefined) return {};
    // It was begun when rows were not counted.
    if (steps === undefined) return { floor: next, count: beginCount(startOf(next), nowMs) };
    const step = lastStep(steps, (ms) => table.compare(table.at(ms), next) <= 0);
    const found = step && { cursor: table.at(step.ms), rows: step.rows };
    const isFurther = found !== undefined && (from === undefined || table.compare(found.cursor, from) > 0);
    const count = before?.count ?? beginCount(startOf(from), nowMs);
    if (isFurther) return { floor: found.cursor, count: addRead(count, found.rows) };
    return { floor: before?.floor ?? from ?? next, count };
  }

  /** The rows that are not read any more, as the source has them. A reading that has begun is not kept waiting. */
  async function countRows(before: Position | undefined): Promise<StagedBatch | undefined> {
    if (before === undefined || before.sweep !== undefined || endPosition !== undefined) return undefined;
    const count = await countWhenDue(deps, by, before.count, startOf(before.floor));
    return count && { to: formatTablePosition({ ...before, count }), parts: [] };
  }

  /** Claims last for a time after the row was read first; marks for ever, but there are only so many of them. */
  function warnOfExpiry({ swept, seen }: Position, nowMs: number): void {
    const safeMs = toMs(config.dedupeWindow) - toMs(settings.lookback);
    if (swept === undefined || nowMs - swept.atMs < safeMs || seen.length < MAX_MARKS) return;
    telemetry.log('warn', 'rows of the look-back may land again: the source stood still for too long', {
      source: source.name,
      hint: 'dedupeWindow less the look-back is how long it may stand still',
    });
  }

  /**
   * A cursor as far as it may move the look-back: a row that is dated ahead of its time must not have those that come in
   * due time be read never. It is read again with every run until its time has come, and recognised.
   */
  function notAhead(cursor: string | undefined, nowMs: number): string | undefined {
    if (cursor === undefined) return undefined;
    const hasZone = by.type === 'timestamp';
    if (table.compare(cursor, table.at(hasZone ? nowMs : nowMs + MOST_AHEAD_OF_UTC_MS)) <= 0) return cursor;
    telemetry.log('warn', 'rows are dated ahead of their time; they are read again until it has come', {
      source: source.name,
      hint: `look for rows whose ${by.column} lies in the future`,
    });
    return table.at(hasZone ? nowMs : nowMs - MOST_BEHIND_UTC_MS);
  }

  const laterOf = (a: string | undefined, b: string | undefined): string | undefined =>
    a === undefined ? b : b === undefined || table.compare(a, b) >= 0 ? a : b;

  async function collect(
    from: CursorPlace | undefined,
    known: ReadonlySet<string>,
    steps: CursorSteps | undefined,
    maxBytes: number,
  ): Promise<Collected> {
    const collected: Collected = {
      records: [],
      partitions: new Set(),
      marks: [],
      steps,
      bytes: 0,
      last: undefined,
      isRead: false,
    };
    const limit = Math.min(maxBytes, MAX_RAW_BYTES);
    try {
      for await (const batch of table.read({ cursor: { from, until: undefined }, deadlineMs: untilMs })) {
        collectRows(batch, known, collected);
        const { bytes, partitions } = collected;
        if (bytes >= limit || partitions.size >= MAX_STAGED_PARTITIONS || clock.nowMs() >= untilMs)
          return collected;
      }
      collected.isRead = true;
    } catch (error) {
      if (collected.records.length === 0 || dispositionOf(error) !== 'retry') throw error;
      telemetry.log('warn', 'the database broke off; what was read before is committed first', {
        source: source.name,
        error: error instanceof Error ? error.message : String(error),
      });
    }
    return collected;
  }

  function collectRows({ rows, last }: TableBatch, known: ReadonlySet<string>, collected: Collected): void {
    const { extra } = rows;
    if (collected.steps !== undefined)
      collected.steps = addCursors(collected.steps, cursorsOf(rows.columns, rows.rows));
    for (const [row, bytes] of toRowTexts(source.contract.columns, rows).entries()) {
      const content = hash('sha256', bytes, 'base64url');
      const mark = content.slice(0, MARK_LENGTH);
      collected.marks.push(mark);
      if (known.has(mark)) continue;
      const hasExtra = extra !== undefined && extra.nulls?.[row] !== 1;
      const eventTimeMs = eventTimeOf(rows.columns, row);
      collected.records.push({
        bytes,
        flag: hasExtra ? RecordFlag.carried : RecordFlag.valid,
        fingerprint: fingerprint(source.name, [content]),
        digest: payloadDigest(bytes),
        eventTimeMs,
      });
      collected.partitions.add(partitionNumber(config.partition, eventTimeMs));
      collected.bytes += bytes.length;
    }
    collected.last = last ?? collected.last;
  }

  function toBatch(state: LedgerState, { to, parts, about }: StagedBatch): LaneBatch {
    // As they were read, also after a deployment: under another contract their rows would claim another key.
    const frames = parts.map(({ origin, firstIndex, bytes }) => ({
      ...{ origin, firstIndex, source },
      frame: readFrame(bytes),
    }));
    const received = { rows: 0, bytes: 0 };
    for (const { frame } of frames) {
      received.rows += frame.count;
      received.bytes += frame.payload.length;
    }
    const start: Position = { v: 1, mode: 'lookback', by, seen: [] };
    const batch: LaneBatch = {
      from: state.position ?? formatTablePosition(start),
      to,
      stem: `pull-${String(state.commits)}`,
      entries: frames.map((frame) => ({ kind: 'frame', ...frame })),
    };
    if (about === undefined) {
      return notes.offer(state, batch, received, () => {
        const count = countOf(to);
        if (count !== undefined) tellCount(deps, countOf(state.position), count);
      });
    }
    const deletes = toDeletesBatch(deps, batch, parseStagedDeletes(source.name, about));
    return notes.offer(state, deletes.batch, deletes.received);
  }

  /** Claims may have been made for what was decided for this commit: it comes first, whatever it is. */
  const offerKeys: CursorReader['offerKeys'] = async (state, keys, deletes) => {
    const before = parseTablePosition(source.name, 'lookback', state.position);
    const to = formatTablePosition({ v: 1, mode: 'lookback', by, seen: [], ...before, keys });
    const about = deletes === undefined ? {} : { about: formatStagedDeletes(deletes) };
    const batch = writeStagedBatch({ to, parts: [], ...about });
    return toBatch(state, readStagedBatch(await stage.decide(lane, state.commits, batch)));
  };

  return { lane, read, offerKeys, ...notes.toReport() };
}

const startOf = (cursor: string | undefined): Edge | undefined =>
  cursor === undefined ? undefined : { cursor, key: undefined };

const DAY_MS = 86_400_000;

/** Cursors of all rows of a batch, ms since the epoch, rounded down. */
function createCursorTimes(
  { contract }: TableReaderDeps['source'],
  cursor: string,
): (columns: readonly ColumnData[], rows: number) => Iterable<number> {
  const place = contract.columns.findIndex(({ name }) => name === cursor);
  return function* (columns, rows) {
    const column = columns[place];
    for (let row = 0; row < rows; row++) yield (column && toMilliseconds(column, row)) ?? 0;
  };
}

/**
 * Event times, ms since the epoch: the declared column's, and the cursor's where it is null or none is declared. It
 * decides where a row is claimed, so it must not depend on when the row is read.
 */
function createEventTimes(
  { config, contract }: TableReaderDeps['source'],
  cursor: string,
): (columns: readonly ColumnData[], row: number) => number {
  const names = config.eventTime === undefined ? [cursor] : [config.eventTime.path, cursor];
  const places = names.map((name) => contract.columns.findIndex((column) => column.name === name));
  return (columns, row) => {
    for (const place of places) {
      const column = columns[place];
      if (column === undefined || column.nulls?.[row] === 1) continue;
      const ms = toMilliseconds(column, row);
      if (ms !== undefined && isLakeTime(ms)) return ms;
    }
    return 0;
  };
}

function toMilliseconds(column: ColumnData, row: number): number | undefined {
  if (column.kind === 'int32') return (column.values[row] ?? 0) * DAY_MS;
  // Rounded down, also before 1970.
  return column.kind === 'int64' ? Math.floor(Number(column.values[row] ?? 0n) / 1000) : undefined;
}
