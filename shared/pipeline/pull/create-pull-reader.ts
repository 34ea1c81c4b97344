import { hash } from 'node:crypto';
import type { HttpSourceConfig } from '../../config/schema.ts';
import { BlockedError, dispositionOf } from '../../domain/errors.ts';
import { RecordFlag, readFrame, writeFrame, type FrameRecord } from '../../domain/frame.ts';
import { FINGERPRINT_BYTES, payloadDigest } from '../../domain/idempotency-key.ts';
import { findSpan, scalarAt } from '../../domain/json-spans.ts';
import { compareCursors, isCursor, startBehind } from '../../domain/pull-cursor.ts';
import {
  beginListing,
  laterOf,
  takePage,
  type ListedRecord,
  type ListingRules,
} from '../../domain/pull-listing.ts';
import {
  formatPosition,
  parsePosition,
  START,
  type Listing,
  type PullPosition,
} from '../../domain/pull-position.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { Page, PullSource } from '../../ports/pull-source.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { LaneBatch, LaneEntry, LaneReader } from '../lane.ts';
import { incrementalOf, requireSameKind, type Incremental } from './incremental-of.ts';
import { formatMarks, parseMarks, type Mark } from './marks.ts';

/*
 * Reads a pulled source. What it guarantees, whatever changes in the source between pages and runs, and wherever a run
 * dies:
 * - every record that was visible when a listing began, or appears within the look-back, is offered to the engine;
 * - the cursor never goes back, and never passes a record that was not offered;
 * - a run that finds nothing new offers nothing;
 * - after a crash the next run reads again from the last commit, under the same claimant: what it offers again is
 *   recognised as its own.
 */

export interface PullReaderDeps {
  readonly source: Source<HttpSourceConfig>;
  readonly pages: PullSource;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** When the run must be over, ms since the epoch. */
  readonly deadlineMs: number;
}

export interface PullReader extends LaneReader {
  /** Counts what was received, once it is committed. `read` does so with every call; a run does it at its end. */
  observe(state: LedgerState): void;
  /** Since when the lake may lack what the source has, in ms; undefined while no page was read. */
  checkpointAgeMs(): number | undefined;
}

/** Time left for the commit when the reader stops asking for pages. */
const COMMIT_RESERVE_MS = 12_000;
/** Readings of a listing in one run before it is left to the next run. */
const MAX_READINGS = 5;
const MARK_LENGTH = 12;
const NO_FINGERPRINT = Buffer.alloc(FINGERPRINT_BYTES);

interface ReadRecord extends ListedRecord {
  readonly bytes: Uint8Array;
}

/** What one call of `read` has collected so far. */
interface Collected {
  /** Records that are not known yet, by page. */
  readonly pages: FrameRecord[][];
  /** Records that were read, known or not. */
  readonly marks: Map<string, Mark>;
  pagesRead: number;
  bytes: number;
}

/**
 * Makes the reader of one run.
 *
 * @throws BlockedError with code `BAD_CURSOR` when the contract does not say how the cursor compares
 */
export function createPullReader({
  source,
  pages,
  clock,
  telemetry,
  deadlineMs,
}: PullReaderDeps): PullReader {
  const { config } = source;
  const lane = `pull/${source.name}`;
  const incremental = incrementalOf(source);
  const rules: ListingRules = {
    kind: incremental?.kind,
    ascending: config.incremental?.order === 'ascending',
    tokens: pages.tokens,
  };
  /** Only where records are deduplicated one by one, a record that was read before may be dropped. */
  const dropsKnown = config.dedupe === 'record';
  /** The commit that ends this run: a `read` after it has nothing to do. It spares work, nothing relies on it. */
  let end: { readonly position: string; readonly commits: number } | undefined;
  let checkpointMs: number | undefined;
  /** The batch that was offered last. */
  let offered:
    | { readonly to: string; readonly commits: number; readonly records: number; readonly bytes: number }
    | undefined;

  function observe(state: LedgerState): void {
    if (offered !== undefined && state.position === offered.to && state.commits > offered.commits) {
      telemetry.count('RecordsReceived', source.name, offered.records);
      telemetry.count('RecordsAccepted', source.name, offered.records);
      telemetry.count('BytesReceived', source.name, offered.bytes);
    }
    offered = undefined;
  }

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
    observe(state);
    if (end !== undefined && state.position === end.position && state.commits > end.commits) return undefined;
    const before = parsePosition(lane, state.position);
    requireSameKind(source.name, incremental, before.cursor);
    const known = dropsKnown ? parseMarks(before.seen) : new Map<string, Mark>();
    const collected: Collected = { pages: [], marks: new Map(), pagesRead: 0, bytes: 0 };
    let { cursor } = before;
    let listing: Listing =
      before.listing ?? beginListing(before.since ?? incremental?.initialValue, clock.nowMs());
    for (;;) {
      const page = await fetchPage(listing, collected);
      if (page === undefined) {
        return collected.pagesRead === 0
          ? undefined
          : toBatch(state, goOn(before, cursor, listing, collected), collected);
      }
      checkpointMs = listing.startedAtMs;
      const records = page.records.map((bytes) => toReadRecord(bytes, incremental));
      if (incremental !== undefined) requireCursors(source.name, incremental, records);
      const isExclusive = listing.anchor === before.cursor && seemsExclusive(records, listing, incremental);
      if (isExclusive && collected.pagesRead === 1) warnExclusive();
      collect(records, known, collected);
      const step = takePage(listing, { records, next: page.next }, rules);
      if (step.kind === 'settled') {
        if (rules.kind !== undefined) cursor = laterOf(rules.kind, cursor, step.reached);
        if (step.next === undefined) return complete(state, before, cursor, listing, collected);
        listing = step.next;
      } else {
        listing = step.listing;
        if (step.kind === 'again' && listing.readings >= MAX_READINGS) {
          return leave(state, before, cursor, listing, collected);
        }
      }
      const isFull = collected.pagesRead >= config.pagesPerCommit || collected.bytes >= maxBytes;
      if (isFull && collected.pages.length > 0) {
        return toBatch(state, goOn(before, cursor, listing, collected), collected);
      }
    }
  }

  /** @returns undefined when no time is left, or when what is at hand is to be committed before an error is reported */
  async function fetchPage(listing: Listing, collected: Collected): Promise<Page | undefined> {
    const untilMs = deadlineMs - COMMIT_RESERVE_MS;
    if (clock.nowMs() >= untilMs) return undefined;
    try {
      const page = await pages.fetchPage({
        since: listing.anchor,
        token: listing.token,
        deadlineMs: untilMs,
      });
      collected.pagesRead++;
      return page;
    } catch (error) {
      if (collected.pages.length === 0 || dispositionOf(error) !== 'retry') throw error;
      telemetry.log('warn', 'a page could not be read; what was read before it is committed first', {
        source: source.name,
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  /** Checks the records that are not known yet. The same record twice in one answer is left to the claims. */
  function collect(records: readonly ReadRecord[], known: Map<string, Mark>, collected: Collected): void {
    const receivedAtMs = clock.nowMs();
    const fresh: FrameRecord[] = [];
    for (const { bytes, mark, cursor } of records) {
      const earlier = known.get(mark);
      let inQuarantine = earlier?.inQuarantine;
      if (inQuarantine === undefined) {
        const record = toFrameRecord(source, bytes, receivedAtMs);
        inQuarantine = record.flag === RecordFlag.violation;
        fresh.push(record);
        collected.bytes += bytes.length;
      }
      if (dropsKnown) collected.marks.set(mark, { cursor, inQuarantine });
    }
    for (const [mark, entry] of collected.marks) known.set(mark, entry);
    if (fresh.length > 0) collected.pages.push(fresh);
  }

  /** The source was read to its end. */
  function complete(
    state: LedgerState,
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): LaneBatch | undefined {
    const isNews = collected.pages.length > 0 || before.listing !== undefined || cursor !== before.cursor;
    if (!isNews) return undefined;
    const since = cursor === undefined ? undefined : startAfter(cursor, listing);
    const seen = keepMarks(before, collected, since);
    return toLastBatch(state, { cursor, since, listing: undefined, seen }, collected);
  }

  /** The listing does not settle: what was read is committed, the cursor stays, the next run tries again. */
  function leave(
    state: LedgerState,
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): LaneBatch {
    telemetry.log('warn', 'the listing changes while it is read; its cursor waits for the next run', {
      source: source.name,
      readings: listing.readings,
      hint: 'let the API sort by the cursor field and set incremental.order to "ascending"',
    });
    const again = beginListing(listing.anchor, listing.startedAtMs);
    return toLastBatch(state, goOn(before, cursor, again, collected), collected);
  }

  function goOn(
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): PullPosition {
    const start = cursor === undefined ? undefined : startAfter(cursor, listing);
    return { cursor, since: before.since, listing, seen: keepMarks(before, collected, start) };
  }

  function startAfter(cursor: string, { startedAtMs }: Listing): string | undefined {
    if (incremental === undefined) return undefined;
    const { kind, lookbackMs, initialValue } = incremental;
    return startBehind({ kind, cursor, startedAtMs, lookbackMs, initialValue });
  }

  /** @param start where reading goes on, at the earliest */
  function keepMarks(
    before: PullPosition,
    collected: Collected,
    start: string | undefined,
  ): readonly string[] {
    if (!dropsKnown) return [];
    const marks = parseMarks(before.seen);
    // Between listings the marks of earlier commits are of records up to the cursor.
    const { cursor, listing } = before;
    const betweenListings = listing?.token === undefined && listing?.former === undefined;
    if (rules.kind !== undefined && start !== undefined && cursor !== undefined && betweenListings) {
      if (compareCursors(rules.kind, start, cursor) > 0) marks.clear();
    }
    for (const [mark, entry] of collected.marks) {
      marks.delete(mark);
      marks.set(mark, entry);
    }
    return formatMarks(marks, rules.kind, start);
  }

  function toLastBatch(state: LedgerState, after: PullPosition, collected: Collected): LaneBatch {
    const batch = toBatch(state, after, collected);
    end = { position: batch.to, commits: state.commits };
    return batch;
  }

  function toBatch(state: LedgerState, after: PullPosition, collected: Collected): LaneBatch {
    // Records may move between pages when they are read again after a crash: what stays the same until the commit, and
    // changes with it, is the number of commits.
    const claimOrigin = `${lane}/${String(state.commits)}`;
    const receivedAtMs = clock.nowMs();
    const entries = collected.pages.map((records, index): LaneEntry => {
      const origin = `${claimOrigin}/${String(index)}`;
      const header = {
        source: source.name,
        frameId: config.dedupe === 'request' ? contentId(records) : origin,
        contractVersion: source.contract.version,
        receivedAtMs,
      };
      return { kind: 'frame', origin, claimOrigin, source, frame: readFrame(writeFrame(header, records)) };
    });
    const to = formatPosition(after);
    const records = collected.pages.reduce((sum, page) => sum + page.length, 0);
    offered = { to, commits: state.commits, records, bytes: collected.bytes };
    return {
      from: state.position ?? formatPosition(START),
      to,
      stem: `pull-${String(state.commits)}`,
      entries,
    };
  }

  function warnExclusive(): void {
    telemetry.log('warn', 'the API did not return the record that stands at the cursor', {
      source: source.name,
      hint: 'if its parameter means "after" and not "from there on", records with equal cursor values can be skipped: set incremental.lookback',
    });
  }

  return {
    lane,
    read,
    observe,
    checkpointAgeMs: () => (checkpointMs === undefined ? undefined : clock.nowMs() - checkpointMs),
  };
}

/** A page by its content: what makes a repeated page recognisable where requests are deduplicated as a whole. */
function contentId(records: readonly FrameRecord[]): string {
  return hash('sha256', Buffer.concat(records.map(({ bytes }) => bytes)));
}

function toReadRecord(bytes: Uint8Array, incremental: Incremental | undefined): ReadRecord {
  return {
    bytes,
    mark: hash('sha256', bytes, 'base64url').slice(0, MARK_LENGTH),
    cursor: incremental && cursorOf(bytes, incremental),
  };
}

/** The exact text of a record's cursor; undefined when it has none, or one of another type. */
function cursorOf(bytes: Uint8Array, { path, kind }: Incremental): string | undefined {
  const span = findSpan(bytes, path);
  const scalar = span && scalarAt(bytes, span);
  if (scalar === undefined || scalar.isString === (kind.kind === 'number')) return undefined;
  return isCursor(kind, scalar.text) ? scalar.text : undefined;
}

/** Without any cursor in an answer the position could never move: a mistake in the configuration. */
function requireCursors(source: string, { path, kind }: Incremental, records: readonly ReadRecord[]): void {
  if (records.length === 0 || records.some(({ cursor }) => cursor !== undefined)) return;
  throw new BlockedError(
    'PULL_NO_CURSOR',
    `no record in an answer to source ${source} has a ${kind.kind} at ${path.join('.')}, so its cursor cannot move; check sources.${source}.incremental.cursor and the field's type in the contract`,
  );
}

/** Whether records were read from a value on, and none has that value although one was read there before. */
function seemsExclusive(
  records: readonly ReadRecord[],
  { anchor, token }: Listing,
  incremental: Incremental | undefined,
): boolean {
  if (incremental === undefined || anchor === undefined || token !== undefined || records.length === 0)
    return false;
  const { kind } = incremental;
  return records.every(({ cursor }) => cursor !== undefined && compareCursors(kind, cursor, anchor) > 0);
}

/** What the contract refuses has no sender who could be told: it is kept in quarantine like any other violation. */
function toFrameRecord(source: Source, bytes: Uint8Array, receivedAtMs: number): FrameRecord {
  const checked = source.check(bytes, receivedAtMs);
  if (checked.status !== 'rejected') return checked.record;
  return {
    bytes,
    flag: RecordFlag.violation,
    fingerprint: NO_FINGERPRINT,
    digest: payloadDigest(bytes),
    eventTimeMs: receivedAtMs,
  };
}
