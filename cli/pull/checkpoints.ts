import { createCursorOrder } from '../../shared/adapters/database/cursor-order.ts';
import { cursorKind } from '../../shared/config/cursor-kind.ts';
import type {
  DatabaseSourceConfig,
  PagedSourceConfig,
  PulledSourceConfig,
} from '../../shared/config/schema.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import { compareCursors, isCursor } from '../../shared/domain/pull-cursor.ts';
import { formatPosition, parsePosition, START } from '../../shared/domain/pull-position.ts';
import type { Reconciled } from '../../shared/domain/reconciliation.ts';
import { formatTablePosition, parseTablePosition } from '../../shared/domain/table-position.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import { UsageError } from '../terminal.ts';

/** What a checkpoint says, for people. */
export interface Checkpoint {
  /** One line. */
  readonly summary: string;
  /** The cursor, where the source is followed by one that has moved. */
  readonly cursor: string | undefined;
  readonly details: readonly (readonly [string, string])[];
}

/** How a checkpoint is moved to a cursor value. */
export interface CursorMove {
  /** The position as text. */
  readonly position: string;
  /** Negative: back; positive: forward; undefined: it cannot be said. */
  readonly direction: number | undefined;
}

const NOTHING: Checkpoint = { summary: 'nothing was read yet', cursor: undefined, details: [] };

/**
 * Reads the checkpoint of a source.
 *
 * @throws BlockedError when it is none that this version, or this declaration of the source, can read
 */
export function readCheckpoint(
  name: string,
  source: PulledSourceConfig,
  position: string | undefined,
): Checkpoint {
  if (position === undefined) return NOTHING;
  switch (source.type) {
    case 'http':
      return readPaged(name, position);
    case 'postgres':
    case 'mysql':
      return readTable(name, source, position);
    case 'files':
      return {
        summary: 'objects that have landed are listed in the lake',
        cursor: undefined,
        details: [['position', position]],
      };
  }
}

function readPaged(name: string, position: string): Checkpoint {
  const { cursor, since, listing } = parsePosition(pullLane(name), position);
  const details: [string, string][] = [];
  if (cursor !== undefined) details.push(['cursor', cursor]);
  if (since !== undefined) details.push(['next listing from', since]);
  if (listing !== undefined) {
    details.push(['listing in progress since', new Date(listing.startedAtMs).toISOString()]);
    if (listing.anchor !== undefined) details.push(['listing from', listing.anchor]);
    if (listing.token !== undefined) details.push(['next page', listing.token]);
  }
  const progress = listing === undefined ? '' : ', in the middle of a listing';
  return {
    summary: `${cursor ?? since ?? 'everything is read by each run'}${progress}`,
    cursor: cursor ?? since,
    details,
  };
}

function readTable(name: string, source: DatabaseSourceConfig, position: string): Checkpoint {
  const { incremental, changeLog } = source;
  if (incremental !== undefined && incremental.lookback !== undefined) {
    const { highest, sweep, keys } = parseTablePosition(name, 'lookback', position) ?? {};
    const details: [string, string][] = highest === undefined ? [] : [[incremental.cursor, highest]];
    if (sweep !== undefined) details.push(['reading again, now at', sweep.place.cursor]);
    details.push(...reconciledDetails(keys));
    return { summary: highest ?? 'before the first row', cursor: highest, details };
  }
  if (incremental !== undefined || (changeLog !== undefined && changeLog.processed === undefined)) {
    const { by, place, keys } = parseTablePosition(name, 'cursor', position) ?? {};
    const details: [string, string][] = place === undefined ? [] : [[by?.column ?? 'cursor', place.cursor]];
    if (place?.key !== undefined) details.push(['last key', place.key.join(', ')]);
    details.push(...reconciledDetails(keys));
    return { summary: place?.cursor ?? 'before the first row', cursor: place?.cursor, details };
  }
  if (changeLog !== undefined)
    return { summary: 'entries that are not processed yet', cursor: undefined, details: [] };
  const { number, startedAtMs } = parseTablePosition(name, 'extract', position) ?? {};
  return {
    summary: number === undefined ? NOTHING.summary : `extract ${String(number)} has landed`,
    cursor: undefined,
    details: startedAtMs === undefined ? [] : [['read from', new Date(startedAtMs).toISOString()]],
  };
}

function reconciledDetails(keys: Reconciled | undefined): [string, string][] {
  const { begun, done } = keys ?? {};
  const details: [string, string][] = [];
  if (done !== undefined) details.push(['keys compared as of', new Date(done.startedAtMs).toISOString()]);
  if (begun !== undefined) details.push(['keys are being compared', `inventory ${String(begun)}`]);
  return details;
}

/** Why the checkpoint of a source cannot be moved; undefined when it can. */
export function fixedProblem(name: string, source: PulledSourceConfig): string | undefined {
  if (source.type === 'files') {
    return `${name} reads objects of a bucket: which of them have landed is not a place that could be moved`;
  }
  if (source.incremental !== undefined) return undefined;
  if ('changeLog' in source && source.changeLog !== undefined) {
    return source.changeLog.processed === undefined
      ? undefined
      : `${name} reads the entries that ${source.changeLog.processed} is false of: set it to false for those that are to be read again`;
  }
  return `${name} has no cursor: every run reads everything, so there is nothing to move`;
}

/**
 * The position of a source that goes on at a cursor value, inclusive.
 *
 * @throws UsageError when the text is no value of the cursor
 */
export function moveTo(
  name: string,
  source: PulledSourceConfig,
  from: string | undefined,
  cursor: string,
): CursorMove {
  if (source.type === 'http') return movePaged(name, source, from, cursor);
  if (source.type === 'files') throw new UsageError(fixedProblem(name, source) ?? '');
  const column = source.incremental?.cursor ?? source.changeLog?.id ?? '';
  const type = toContract(source.contract.schema).columns.find((one) => one.name === column)?.type;
  const word = source.columns[column] ?? '';
  if (type === undefined) throw new UsageError(`sources.${name}: the cursor ${column} is not declared`);
  const { compare } = createCursorOrder(type);
  const by = { column, type: word, key: [...source.key] };
  try {
    compare(cursor, cursor);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      `${JSON.stringify(cursor)} is no value of ${column}, which is ${word}: ${error.message}`,
    );
  }
  const direction = from === undefined ? undefined : compare(cursor, from);
  return source.incremental?.lookback === undefined
    ? {
        direction,
        position: formatTablePosition({ v: 1, mode: 'cursor', by, place: { cursor, key: undefined } }),
      }
    : { direction, position: formatTablePosition({ v: 1, mode: 'lookback', by, highest: cursor, seen: [] }) };
}

function movePaged(
  name: string,
  source: PagedSourceConfig,
  from: string | undefined,
  cursor: string,
): CursorMove {
  const kind = cursorKind(source, toContract(source.contract.schema).columns);
  if (kind === undefined || kind.kind === 'unusable')
    throw new UsageError(`sources.${name}.incremental: ${kind?.problem ?? 'is not declared'}`);
  if (!isCursor(kind, cursor)) {
    throw new UsageError(
      `${JSON.stringify(cursor)} is no value of ${source.incremental?.cursor ?? 'the cursor'}: it must be a ${kind.kind}`,
    );
  }
  return {
    position: formatPosition({ ...START, since: cursor }),
    direction: from === undefined ? undefined : compareCursors(kind, cursor, from),
  };
}

/** What will be read twice or not at all, in sentences. */
export function consequences(
  source: PulledSourceConfig,
  from: string | undefined,
  move: (CursorMove & { readonly to: string }) | undefined,
): readonly string[] {
  const all: string[] = [];
  if (move === undefined) {
    const start =
      source.type !== 'files' && source.incremental?.initialValue !== undefined
        ? `from ${source.incremental.initialValue} on`
        : 'from its beginning';
    all.push(`Everything is read again ${start}.`);
  } else if (move.direction === undefined) {
    all.push(`The next run reads from ${move.to} on, that value included.`);
  } else if (move.direction > 0) {
    all.push(
      `SKIPPED: what lies between ${from ?? ''} and ${move.to} and has not been read is never read, unless the checkpoint is moved back.`,
    );
  } else all.push(`Everything from ${move.to} on is read again, up to ${from ?? ''} and beyond.`);
  if (move === undefined || (move.direction ?? -1) <= 0) all.push(repeats(source));
  return all;
}

/** What becomes of records that are read again. */
function repeats(source: PulledSourceConfig): string {
  const isClaimed =
    source.type === 'http' || source.type === 'files'
      ? source.dedupe === 'record'
      : source.incremental?.lookback !== undefined;
  return isClaimed
    ? `Records that have landed within ${source.dedupeWindow} are recognised by their key and do not land again; older ones do.`
    : 'Rows that have landed before land AGAIN: this way of reading keeps no record of single rows.';
}
