import type { FilesSourceConfig } from '../../config/schema.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { dispositionOf, HeadgateError, TransientError } from '../../domain/errors.ts';
import {
  formatFilesPosition,
  OBJECT_START,
  parseFilesPosition,
  type CurrentObject,
  type FilesPosition,
} from '../../domain/files-position.ts';
import {
  readFilesBatch,
  writeFilesBatch,
  type FilesBatch,
  type Refusal,
} from '../../domain/files/files-batch.ts';
import { toObjectPattern } from '../../domain/files/object-pattern.ts';
import { MARK_BYTES, objectMark, ObjectSet } from '../../domain/files/object-set.ts';
import { RecordFlag, writeFrame, type FrameRecord } from '../../domain/frame.ts';
import { recordIdentity, type Origin } from '../../domain/identity.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import type { Source } from '../../domain/source.ts';
import type { StagedPart } from '../../domain/staged-batch.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import { ObjectGoneError, type ObjectSource } from '../../ports/object-source.ts';
import type { ParquetReader } from '../../ports/parquet-reader.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { judgeRecord } from '../judge-records.ts';
import type { LaneBatch, LaneEntry, LaneReader, RecordNote } from '../lane.ts';
import { MAX_STAGED_PARTITIONS, toLaneEntries } from '../staged-entries.ts';
import { isTimeForAll, LandedObjects, type LandedCache } from './landed-objects.ts';
import { ObjectListing, type FreshObject } from './object-listing.ts';
import { PrefetchingSource } from './prefetch.ts';
import { readObject, type ObjectPart } from './read-object.ts';

/*
 * Reads the objects of a source. What it guarantees, whatever is added, overwritten or deleted meanwhile, and wherever a
 * run dies:
 * - every version of an object that is still there when its turn comes is landed, each row once, in the order of its rows;
 * - a version that is replaced or deleted before its end was read lands as far as it was read, with a row in quarantine
 *   that says from where on it is missing; the new version is an object of its own;
 * - an object that cannot be read (damaged, not what the source declares) lands as far as it can be, with a row in
 *   quarantine that says why, and is not in the way of others;
 * - one that cannot be fetched is left out, the others land, and the run fails at its end.
 *
 * A batch is decided once by whoever stages it first, records included, before any key is claimed: all runs offer the
 * same records until they are committed. With names alone, an object that vanishes after a failed attempt has claimed its
 * keys would take them along, and the same rows in its next version would be taken for duplicates of rows that nobody has.
 */

export interface FilesReaderDeps {
  readonly source: Source<FilesSourceConfig>;
  readonly objects: ObjectSource;
  readonly parquet: ParquetReader;
  readonly stage: BatchStage;
  readonly landedCache: LandedCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** When the run must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

export interface FilesReader extends LaneReader {
  /** Counts what was received, once it is committed. `read` does so with every call; a run does it at its end. */
  observe(state: LedgerState): void;
  /** Since when the lake may lack what is there, in ms; undefined while nothing was listed. */
  checkpointAgeMs(): number | undefined;
  /** Ends the connections that a run which did not get done has left open. */
  close(): Promise<void>;
}

/** Time left for the commit when the reader stops reading. */
const COMMIT_RESERVE_MS = 12_000;
/** Raw bytes of one batch: its frames are in memory several times. */
const MAX_BATCH_BYTES = 32 * 1024 * 1024;
const MAX_BATCH_RECORDS = 200_000;
const MAX_BATCH_OBJECTS = 5_000;
/** Objects that cannot be fetched before a run gives up: it is not the objects then. */
const MAX_FAILURES = 3;

/** An object that is being read. */
interface Session {
  readonly name: string;
  readonly tag: string;
  place: string;
  readonly parts: AsyncGenerator<ObjectPart>;
}

/** Records of one object, on their way into a frame. */
interface Slice {
  readonly origin: Origin;
  readonly firstIndex: number;
  readonly records: FrameRecord[];
  readonly notes: Map<number, RecordNote>;
}

/** A batch before it is staged. */
interface Draft {
  readonly slices: Slice[];
  readonly refusals: Refusal[];
  readonly done: Buffer[];
  readonly doneSet: ObjectSet;
  readonly partitions: Set<number>;
  bytes: number;
  records: number;
  current: CurrentObject | undefined;
}

/** Makes the reader of one run. */
export function createFilesReader(deps: FilesReaderDeps): FilesReader {
  const { source, stage, clock, telemetry, deadlineMs } = deps;
  const { config } = source;
  const lane = pullLane(source.name);
  const lists = new LandedObjects(source.name, stage, deps.landedCache);
  const objects = new PrefetchingSource(deps.objects, deadlineMs);
  const matches = toObjectPattern(config.pattern);
  const startedAtMs = clock.nowMs();
  let listing: ObjectListing | undefined;
  let session: Session | undefined;
  /** What this run has offered last, and whether it was its own. */
  let offered: { readonly commits: number; readonly to: string; readonly batch: FilesBatch } | undefined;
  /** Commits after which the listing still knows what was given out. */
  let expectedCommits: number | undefined;
  const failures: Error[] = [];
  let isListed = false;
  /** Whether the floors of the position are those that follow from this run's listing. */
  let hasMovedFloor = false;
  let hasBegun = false;
  /** Commits that the ledger had when a list was not there. */
  let missedAt: number | undefined;

  function observe(state: LedgerState): void {
    if (offered !== undefined && state.position === offered.to && state.commits > offered.commits) {
      for (const { count, bytes } of offered.batch.counts) {
        telemetry.count('RecordsReceived', source.name, count);
        telemetry.count('RecordsAccepted', source.name, count);
        telemetry.count('BytesReceived', source.name, bytes);
      }
      for (const { object, problem } of offered.batch.refusals) {
        telemetry.count('Errors', source.name, 1);
        telemetry.log('error', 'an object could not be read to its end; see quarantine', {
          source: source.name,
          object,
          problem,
        });
      }
    }
    offered = undefined;
  }

  async function read(
    state: LedgerState,
    maxBytes: number,
  ): Promise<LaneBatch | 'overtaken' | 'interrupted' | undefined> {
    observe(state);
    const position = parseFilesPosition(lane, state.position, state.commits);
    let staged = await stage.find(lane, state.commits);
    let landed: ObjectSet | undefined;
    if (staged === undefined) {
      // Others have committed: what this run has given out may not have landed.
      if (expectedCommits !== state.commits) {
        listing = undefined;
        isListed = false;
        hasMovedFloor = false;
      }
      try {
        landed = await lists.load(position.landedFrom, state.commits);
      } catch (error) {
        if (!isOvertaken(error, state.commits)) throw error;
        return 'overtaken';
      }
      const draft = await collect(position, landed, Math.min(maxBytes, MAX_BATCH_BYTES));
      if (draft === undefined) {
        await closeSession();
        const [failure] = failures;
        if (failure !== undefined) throw failure;
        if (hasBegun && expectedCommits === undefined && isOutOfTime()) throw tooSlow(source.name);
        const isAtEnd = position.current === undefined && (isListed || listing?.isAtEnd() === true);
        return isAtEnd ? undefined : 'interrupted';
      }
      const proposed = toBatchBytes(
        state,
        { ...position, removedTo: await removeLists(position) },
        landed,
        draft,
      );
      staged = await stage.decide(lane, state.commits, proposed);
      expectedCommits = Buffer.compare(staged, proposed) === 0 ? state.commits + 1 : undefined;
    } else if (expectedCommits !== state.commits + 1) expectedCommits = undefined;
    const batch = readFilesBatch(lane, staged);
    try {
      await keepList(state, position, landed, batch);
    } catch (error) {
      if (!isOvertaken(error, state.commits)) throw error;
      return 'overtaken';
    }
    offered = { commits: state.commits, to: batch.to, batch };
    return toLaneBatch(state, batch);
  }

  /* ----------------------------------------------------------------------------------------------- reading */

  async function collect(
    position: FilesPosition,
    landed: ObjectSet,
    maxBytes: number,
  ): Promise<Draft | undefined> {
    const draft: Draft = {
      slices: [],
      refusals: [],
      done: [],
      doneSet: new ObjectSet(),
      partitions: new Set(),
      bytes: 0,
      records: 0,
      current: position.current,
    };
    const isKnown = (mark: Buffer): boolean => landed.has(mark) || draft.doneSet.has(mark);
    while (!isFull(draft, maxBytes) && !isOutOfTime() && failures.length < MAX_FAILURES) {
      if (draft.current === undefined) {
        const fresh = await nextObject(position, isKnown);
        if (fresh === undefined) break;
        draft.current = { ...fresh.object, place: OBJECT_START };
      }
      const from = draft.current;
      const isFirst = from.place === OBJECT_START;
      try {
        await readCurrent(draft, from, maxBytes);
      } catch (error) {
        await closeSession();
        failures.push(toError(error));
        // An object that was begun has to be ended before another one is.
        if (!isFirst || draft.current.place !== OBJECT_START) break;
        draft.current = undefined;
      }
    }
    const isNothing = draft.slices.length === 0 && draft.refusals.length === 0 && draft.done.length === 0;
    return isNothing && sameCurrent(draft.current, position.current) ? undefined : draft;
  }

  function isFull({ bytes, records, done, partitions }: Draft, maxBytes: number): boolean {
    return (
      bytes >= maxBytes ||
      records >= MAX_BATCH_RECORDS ||
      done.length >= MAX_BATCH_OBJECTS ||
      partitions.size >= MAX_STAGED_PARTITIONS
    );
  }

  const isOutOfTime = (): boolean => clock.nowMs() >= deadlineMs - COMMIT_RESERVE_MS;

  async function nextObject(
    position: FilesPosition,
    isKnown: (mark: Buffer) => boolean,
  ): Promise<FreshObject | undefined> {
    // One listing per run: what appears behind it is for the next run.
    if (isListed) return undefined;
    listing ??= new ObjectListing({
      objects,
      deadlineMs,
      matches,
      listedTo: position.listedTo,
      floor: position.floor,
      lookbackObjects: config.lookbackObjects,
      onAhead: (object) => {
        objects.prefetch(object);
      },
    });
    try {
      return await listing.next(isKnown);
    } catch (error) {
      failures.push(toError(error));
      return undefined;
    }
  }

  /** Takes records of the current object until it ends, the batch is full or time is up. */
  async function readCurrent(draft: Draft, current: CurrentObject, maxBytes: number): Promise<void> {
    const { parts } = await sessionOf(current);
    const slice: Slice = {
      origin: originOf(current),
      firstIndex: current.place.row,
      records: [],
      notes: new Map(),
    };
    draft.slices.push(slice);
    try {
      while (!isFull(draft, maxBytes) && !isOutOfTime()) {
        const next = await parts.next();
        if (next.done === true) {
          finish(draft, current);
          break;
        }
        take(draft, slice, current.name, next.value);
        draft.current = { ...current, place: next.value.place };
        if (session !== undefined) session.place = JSON.stringify(next.value.place);
      }
    } catch (error) {
      if (dispositionOf(error) !== 'reject') throw error;
      await closeSession();
      const row = draft.current?.place.row ?? 0;
      // A version of which nothing was read is no loss: it is as if it had never been there.
      if (error instanceof ObjectGoneError && row === 0 && slice.records.length === 0)
        skipGone(draft, current);
      else {
        const problem = error instanceof Error ? error.message : String(error);
        draft.refusals.push({ object: current.name, tag: current.tag, row, problem });
        finish(draft, current);
      }
    } finally {
      if (slice.records.length === 0) draft.slices.splice(draft.slices.indexOf(slice), 1);
    }
  }

  function skipGone(draft: Draft, { name }: CurrentObject): void {
    draft.current = undefined;
    session = undefined;
    telemetry.log('info', 'an object was replaced or deleted before it was read', {
      source: source.name,
      object: name,
    });
  }

  function finish(draft: Draft, current: CurrentObject): void {
    const mark = objectMark(current);
    draft.done.push(mark);
    draft.doneSet.add(mark);
    draft.current = undefined;
    session = undefined;
  }

  function take(draft: Draft, slice: Slice, name: string, { pieces }: ObjectPart): void {
    const receivedAtMs = startedAtMs;
    for (const { bytes, line, problem } of pieces) {
      const record = judgeRecord(source, bytes, receivedAtMs);
      if (record.flag === RecordFlag.violation) {
        const row = slice.firstIndex + slice.records.length + 1;
        const place = line === undefined ? `row ${String(row)}` : `row ${String(row)} (line ${String(line)})`;
        slice.notes.set(slice.records.length, { place: `${place} of ${name}`, problem });
      } else draft.partitions.add(partitionNumber(config.partition, record.eventTimeMs));
      slice.records.push(record);
      draft.bytes += bytes.length;
      draft.records++;
    }
  }

  async function sessionOf(current: CurrentObject): Promise<Session> {
    const place = JSON.stringify(current.place);
    const { name, tag } = current;
    if (session?.name === name && session.tag === tag && session.place === place) return session;
    await closeSession();
    const parts = readObject(
      { source, objects, parquet: deps.parquet, deadlineMs, isOutOfTime },
      current,
      current.place,
    );
    session = { name, tag, place, parts };
    hasBegun = true;
    return session;
  }

  async function closeSession(): Promise<void> {
    const open = session;
    session = undefined;
    await open?.parts.return(undefined);
  }

  /* ----------------------------------------------------------------------------------------------- staging */

  function toBatchBytes(
    state: LedgerState,
    position: FilesPosition,
    landed: ObjectSet,
    draft: Draft,
  ): Buffer {
    // Objects that could not be fetched are behind the listing: it begins where it did.
    const isSure = failures.length === 0 && listing !== undefined;
    if (isSure && listing?.isAtEnd() === true) isListed = true;
    const size = landed.size + draft.done.length;
    const to: FilesPosition = {
      ...(isTimeForAll(position.landedFrom, state.commits, size)
        ? { landedFrom: state.commits, formerFrom: position.landedFrom }
        : { landedFrom: position.landedFrom, formerFrom: position.formerFrom }),
      removedTo: position.removedTo,
      ...(isSure && config.order === 'ascending' ? nextFloors(position) : floorsOf(position)),
      listedTo: isSure ? (listing?.listedTo() ?? position.listedTo) : position.listedTo,
      current: draft.current,
    };
    const parts = draft.slices.map(({ origin, firstIndex, records }): StagedPart => {
      const header = {
        source: source.name,
        frameId: `${origin}/${String(firstIndex)}`,
        contractVersion: source.contract.version,
        receivedAtMs: startedAtMs,
      };
      return { origin, firstIndex, arrivedAtMs: startedAtMs, bytes: writeFrame(header, records) };
    });
    return writeFilesBatch({
      to: formatFilesPosition(to),
      parts,
      notes: draft.slices.map(({ notes }) => notes),
      counts: draft.slices.map(({ records }) => ({
        count: records.length,
        bytes: records.reduce((sum, { bytes }) => sum + bytes.length, 0),
      })),
      refusals: draft.refusals,
      done: Buffer.concat(draft.done),
      receivedAtMs: startedAtMs,
    });
  }

  /** Where later listings begin, once this one has come to its end: with the floors that the one before has found. */
  function nextFloors(position: FilesPosition): Pick<FilesPosition, 'floor' | 'nextFloor'> {
    if (listing?.isAtEnd() !== true || hasMovedFloor) return floorsOf(position);
    hasMovedFloor = true;
    return { floor: position.nextFloor, nextFloor: listing.floor() };
  }

  /** Whether a list may be missing because others have gone on for so long meanwhile that nobody needs it any more. */
  function isOvertaken(error: unknown, commits: number): boolean {
    if (!(error instanceof HeadgateError) || error.code !== 'LANDED_LIST_MISSING') return false;
    const isFirst = missedAt !== commits;
    missedAt = commits;
    return isFirst;
  }

  /** Lists that are left over cost some cents, so a run goes on without it. @returns the position's `removedTo` */
  async function removeLists({ removedTo, formerFrom }: FilesPosition): Promise<number> {
    try {
      return await lists.remove(removedTo, formerFrom);
    } catch (error) {
      telemetry.log(
        'warn',
        'lists that are of no use any more could not be removed; the next run tries again',
        {
          source: source.name,
          error: toError(error).message,
        },
      );
      return removedTo;
    }
  }

  /** The list of what lands with a batch stands before the batch is offered, whoever has staged it. */
  async function keepList(
    state: LedgerState,
    position: FilesPosition,
    landed: ObjectSet | undefined,
    batch: FilesBatch,
  ): Promise<void> {
    const { landedFrom } = parseFilesPosition(lane, batch.to, state.commits);
    if (landedFrom !== state.commits || landedFrom === position.landedFrom) {
      await lists.keep(state.commits, batch.done);
      return;
    }
    if (landed !== undefined) {
      await lists.keep(state.commits, withoutVanished(landed, listing?.seen(), batch.done));
      return;
    }
    // The listing of this run is older than what others have landed since.
    const former = await lists.load(position.landedFrom, state.commits);
    await lists.keep(state.commits, withoutVanished(former, undefined, batch.done));
  }

  /* ----------------------------------------------------------------------------------------------- offering */

  const originOf = ({ name, tag }: { readonly name: string; readonly tag: string }): Origin =>
    `${lane}/${name}@${tag}`;

  function toLaneBatch(state: LedgerState, batch: FilesBatch): LaneBatch {
    const frames = toLaneEntries(new Map([[source.name, source]]), batch.parts).map((entry, i): LaneEntry => {
      const notes = batch.notes[i];
      return entry.kind === 'frame' && notes !== undefined ? { ...entry, notes } : entry;
    });
    const refusals = batch.refusals.map(({ object, tag, row, problem }): LaneEntry => {
      const text = `${config.location}${object}, version ${tag}, from row ${String(row + 1)} on`;
      return {
        kind: 'quarantine',
        row: {
          source: source.name,
          reason: 'UNREADABLE_OBJECT',
          id: recordIdentity(originOf({ name: object, tag }), row),
          key: undefined,
          receivedAtMs: batch.receivedAtMs,
          schemaVersion: source.contract.version,
          error: `${object}, from row ${String(row + 1)} on: ${problem}`,
          // A JSON string: no contract takes it for a record when it is replayed.
          raw: Buffer.from(JSON.stringify(text)),
        },
      };
    });
    return {
      from: state.position ?? formatFilesPosition(parseFilesPosition(lane, undefined, state.commits)),
      to: batch.to,
      stem: `pull-${String(state.commits)}`,
      entries: [...frames, ...refusals],
    };
  }

  return {
    lane,
    read,
    observe,
    checkpointAgeMs: () => (listing === undefined ? undefined : clock.nowMs() - startedAtMs),
    close: async () => {
      await Promise.allSettled([closeSession(), objects.close()]);
    },
  };
}

const floorsOf = ({ floor, nextFloor }: FilesPosition): Pick<FilesPosition, 'floor' | 'nextFloor'> => ({
  floor,
  nextFloor,
});

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** A run that gets nowhere must not look like one that had nothing to do. */
function tooSlow(source: string): TransientError {
  return new TransientError(
    'OBJECT_TOO_SLOW',
    `a run of source ${source} was over before it got any record of the object that it reads; if it stays so, let its writer make smaller objects`,
  );
}

function sameCurrent(a: CurrentObject | undefined, b: CurrentObject | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Versions that have landed and are still there, if that is known, and those of this batch. */
function withoutVanished(former: ObjectSet, seen: ObjectSet | undefined, done: Buffer): Buffer {
  const kept = new ObjectSet();
  const marks = former.toBytes();
  for (let at = 0; at < marks.length; at += MARK_BYTES) {
    const mark = marks.subarray(at, at + MARK_BYTES);
    if (seen === undefined || seen.has(mark)) kept.add(mark);
  }
  kept.addAll(done);
  return kept.toBytes();
}
