import { hash } from 'node:crypto';
import type { PagedSourceConfig } from '../../config/schema.ts';
import { dispositionOf } from '../../domain/errors.ts';
import { RecordFlag, writeFrame, type Frame, type FrameRecord } from '../../domain/frame.ts';
import type { Origin } from '../../domain/identity.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import { compareCursors, startBehind } from '../../domain/pull-cursor.ts';
import {
  beginListing,
  earlierOf,
  laterOf,
  takePage,
  type ListedRecord,
  type ListingRules,
} from '../../domain/pull-listing.ts';
import type { Listing, PullPosition } from '../../domain/pull-position.ts';
import { RateLimitedError } from '../../domain/rate-limited-error.ts';
import type { Source } from '../../domain/source.ts';
import { readStagedBatch, writeStagedBatch, type StagedBatch } from '../../domain/staged-batch.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { Page, PullSource } from '../../ports/pull-source.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { SourceLimits } from '../runs/source-limits.ts';
import { judgeRecord } from '../judge-records.ts';
import type { LaneBatch, LaneReader } from '../lane.ts';
import { MAX_STAGED_PARTITIONS, toLaneEntries } from '../staged-entries.ts';
import { incrementalOf, requireSameKind, type Incremental } from './incremental-of.ts';
import { formatMarks, parseMarks, toMark, type Mark } from '../../domain/pull-marks.ts';
import { createFollowScope, type PullScope } from './pull-scope.ts';
import { cursorOf, requireCursors } from './record-cursors.ts';

/*
 * Reads a pulled source. What it guarantees, whatever changes in the source between pages and runs, and wherever a run
 * dies:
 * - every record that was visible when a listing began, or appears within the look-back, is offered to the engine;
 * - the cursor never goes back, and never passes a record that was not offered;
 * - a run that finds nothing new offers nothing;
 * - what is committed together is decided once, by whoever stages it first, before any key is claimed: all runs, those
 *   after a crash too, offer the same records under the same identities until they are committed.
 */

export interface PullReaderDeps {
  readonly source: Source<PagedSourceConfig>;
  readonly pages: PullSource;
  readonly stage: BatchStage;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** When the run must be over, ms since the epoch. */
  readonly deadlineMs: number;
  /** What is read, in which lane; default: what is new, in the source's own. */
  readonly scope?: PullScope;
}

export interface PullReader extends LaneReader {
  /** Counts what was received, once it is committed. `read` does so with every call; a run does it at its end. */
  observe(state: LedgerState): void;
  /** Since when the lake may lack what the source has, in ms; undefined while no page was read. */
  checkpointAgeMs(): number | undefined;
  /** What this run has met of the source's limits so far. */
  limits(): SourceLimits;
  /** When it is worth going on, ms since the epoch, where the source has ended the run; undefined: at once. */
  resumeAtMs(): number | undefined;
}

/** How a run goes. */
interface PullSummary {
  /**
   * Why the reader asks for no more pages: `end`: the source was read to its end; `unsettled`: it changes too fast for its
   * cursor to move; `deadline`: time is up; `rate-limit` and `budget`: the source, or the budget that the configuration
   * gives it, asks for more patience than the run has. After all but `end` the next run goes on. undefined: it goes on.
   */
  readonly stoppedBy: 'end' | 'unsettled' | 'deadline' | 'rate-limit' | 'budget' | undefined;
  /** Whether the source has said that it is asked too often: poll it less. */
  readonly rateLimited: boolean;
  /** When the source, or its budget, may be asked again, ms since the epoch, where that is known. */
  readonly heldUntilMs: number | undefined;
  readonly pages: number;
  /** Answers that `errorHandler` took as empty pages. */
  readonly ignoredAnswers: number;
}

/** Time left for the commit when the reader stops asking for pages. */
const COMMIT_RESERVE_MS = 12_000;
/** Readings of a listing in one run before it is left to the next run. */
const MAX_READINGS = 8;
/** For how long a reader that gives way leaves a source alone that says that it is asked too often. */
const GIVE_WAY_MS = 60_000;
/** For how long a source that changes too fast is left alone. */
const UNSETTLED_MS = 60_000;

interface ReadRecord extends ListedRecord {
  readonly bytes: Uint8Array;
}

/** What one call of `read` has collected so far. */
interface Collected {
  /** Records that are not known yet. */
  readonly records: FrameRecord[];
  /** Partitions that they fall into. */
  readonly partitions: Set<number>;
  /** Records that were read, known or not. */
  readonly marks: Map<string, Mark>;
  pagesRead: number;
  /** Records of the scope, each counted once per listing. */
  recordsRead: number;
  bytes: number;
}

/** A batch before it is staged. */
interface Draft {
  readonly after: PullPosition;
  readonly collected: Collected;
  /** Whether the run ends with it. */
  readonly isEnd: boolean;
}

/**
 * Makes the reader of one run.
 *
 * @throws BlockedError with code `BAD_CURSOR` when the contract does not say how the cursor compares
 */
export function createPullReader({
  source,
  pages,
  stage,
  clock,
  telemetry,
  deadlineMs,
  ...options
}: PullReaderDeps): PullReader {
  const { config } = source;
  const incremental = incrementalOf(source);
  const scope = options.scope ?? createFollowScope(source, incremental);
  const { lane } = scope;
  const rules: ListingRules = {
    kind: incremental?.kind,
    ascending: config.incremental?.order === 'ascending',
  };
  /** Only where records are deduplicated one by one, a record that was read before may be dropped. */
  const dropsKnown = config.dedupe === 'record';
  /** Position after which this run has nothing to do. It spares work, nothing relies on it. */
  let endPosition: string | undefined;
  let isOver = false;
  let checkpointMs: number | undefined;
  const summary: { -readonly [Name in keyof PullSummary]: PullSummary[Name] } = {
    stoppedBy: undefined,
    rateLimited: false,
    heldUntilMs: undefined,
    pages: 0,
    ignoredAnswers: 0,
  };
  /** The batch that was offered last. */
  let offered:
    { readonly to: string; readonly commits: number; readonly frames: readonly Frame[] } | undefined;

  function observe(state: LedgerState): void {
    if (offered !== undefined && state.position === offered.to && state.commits > offered.commits) {
      for (const { count, payload } of offered.frames) {
        telemetry.count('RecordsReceived', source.name, count);
        telemetry.count('RecordsAccepted', source.name, count);
        telemetry.count('BytesReceived', source.name, payload.length);
      }
    }
    if (state.commits > (offered?.commits ?? state.commits) && state.position === endPosition) isOver = true;
    offered = undefined;
  }

  async function read(state: LedgerState, maxBytes: number): Promise<LaneBatch | 'interrupted' | undefined> {
    observe(state);
    if (isOver) return undefined;
    const before = scope.parse(state.position);
    if (before === undefined) return undefined;
    let staged = await stage.find(lane, state.commits);
    if (staged === undefined) {
      const draft = await readPages(before, maxBytes);
      if (draft === undefined) return summary.stoppedBy === 'end' ? undefined : 'interrupted';
      if (draft === 'interrupted') return draft;
      const to = formatAfter(state, draft);
      if (draft.isEnd) endPosition = to;
      staged = await stage.decide(lane, state.commits, toStagedBatch(state, to, draft));
    }
    return toBatch(state, readStagedBatch(staged));
  }

  /** @returns undefined when there is nothing new; `'interrupted'` when no time was left to ask */
  async function readPages(
    before: PullPosition,
    maxBytes: number,
  ): Promise<Draft | 'interrupted' | undefined> {
    requireSameKind(source.name, incremental, before.cursor);
    const known = dropsKnown ? parseMarks(before.seen) : new Map<string, Mark>();
    const collected: Collected = {
      records: [],
      partitions: new Set(),
      marks: new Map(),
      pagesRead: 0,
      recordsRead: 0,
      bytes: 0,
    };
    let { cursor } = before;
    let listing: Listing = before.listing ?? scope.begin(before.since ?? scope.firstAnchor, clock.nowMs());
    for (;;) {
      const page = await fetchPage(listing, collected);
      if (page === undefined) {
        return collected.pagesRead === 0 ? 'interrupted' : goOn(before, cursor, listing, collected);
      }
      checkpointMs = listing.startedAtMs;
      const records = page.records.map((bytes) => toReadRecord(bytes, incremental));
      if (incremental !== undefined) {
        requireCursors(
          source.name,
          incremental,
          records.map(({ cursor: text }) => text),
        );
      }
      const isExclusive = listing.anchor === before.cursor && seemsExclusive(records, listing, incremental);
      if (isExclusive && collected.pagesRead === 1) warnExclusive();
      await collect(listing, records, known, collected);
      const step = takePage(listing, { records, next: page.next }, rules);
      if (step.kind === 'settled') {
        if (rules.kind !== undefined) cursor = laterOf(rules.kind, cursor, step.reached);
        const next = scope.follow(listing, step.reached, step.next, clock.nowMs());
        if (next === undefined) return complete(before, cursor, listing, collected);
        if (step.next === undefined && rules.kind !== undefined) {
          cursor = laterOf(rules.kind, cursor, next.anchor);
        }
        listing = next;
      } else {
        listing = step.listing;
        if (step.kind === 'again' && listing.readings >= MAX_READINGS) {
          return leave(before, cursor, listing, collected);
        }
      }
      if (isFull(collected, maxBytes)) return goOn(before, cursor, listing, collected);
    }
  }

  function isFull({ records, partitions, pagesRead, bytes }: Collected, maxBytes: number): boolean {
    if (records.length === 0) return false;
    return (
      pagesRead >= config.pagesPerCommit || bytes >= maxBytes || partitions.size >= MAX_STAGED_PARTITIONS
    );
  }

  /** @returns undefined when no time is left, or when what is at hand is to be committed before an error is reported */
  async function fetchPage(listing: Listing, collected: Collected): Promise<Page | undefined> {
    const untilMs = deadlineMs - COMMIT_RESERVE_MS;
    if (clock.nowMs() >= untilMs) {
      summary.stoppedBy = 'deadline';
      return undefined;
    }
    if (summary.heldUntilMs !== undefined && clock.nowMs() < summary.heldUntilMs) return undefined;
    try {
      const page = await pages.fetchPage({
        since: listing.anchor,
        until: listing.until,
        token: listing.token,
        deadlineMs: untilMs,
      });
      collected.pagesRead++;
      summary.pages++;
      summary.stoppedBy = undefined;
      summary.rateLimited ||= page.rateLimited === true;
      summary.ignoredAnswers += page.ignored ?? 0;
      if (page.rateLimited === true && scope.givesWay) {
        summary.stoppedBy = 'rate-limit';
        summary.heldUntilMs = clock.nowMs() + GIVE_WAY_MS;
      }
      return page;
    } catch (error) {
      if (error instanceof RateLimitedError) {
        hold(error);
        return undefined;
      }
      if (collected.records.length === 0 || dispositionOf(error) !== 'retry') throw error;
      telemetry.log('warn', 'a page could not be read; what was read before it is committed first', {
        source: source.name,
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  /**
   * Ends the run where it stands; the next one goes on. Of a source that lets a whole run read nothing that is a failure,
   * because it may stay so. Who gives way leaves it to others to fail.
   */
  function hold(error: RateLimitedError): void {
    const { by, untilMs } = error;
    summary.rateLimited ||= by === 'source';
    if (by === 'source' && summary.pages === 0 && !scope.givesWay) throw error;
    summary.stoppedBy = by === 'source' ? 'rate-limit' : 'budget';
    summary.heldUntilMs = untilMs ?? deadlineMs;
    telemetry.log('warn', 'the run ends before the source was read to its end', {
      source: source.name,
      reason: error.message,
    });
  }

  /** Checks the records that are not known yet. The same record twice in one answer is left to the claims. */
  async function collect(
    { readings }: Listing,
    records: readonly ReadRecord[],
    known: Map<string, Mark>,
    collected: Collected,
  ): Promise<void> {
    const receivedAtMs = clock.nowMs();
    const meant = records.filter(({ cursor }) => scope.includes?.(cursor) !== false);
    if (readings === 0) collected.recordsRead += meant.length;
    const judged = meant.map(({ bytes, mark, cursor }) => {
      const entry = known.get(mark);
      if (entry !== undefined) return { mark, cursor, inQuarantine: entry.inQuarantine };
      const record = judgeRecord(source, bytes, receivedAtMs);
      return { mark, cursor, record, inQuarantine: record.flag === RecordFlag.violation };
    });
    const unknown = judged.filter((each) => each.record !== undefined);
    const landed = await scope.known?.(unknown);
    unknown.forEach(({ record }, i) => {
      if (landed?.[i] === true) return;
      collected.records.push(record);
      collected.partitions.add(partitionNumber(config.partition, record.eventTimeMs));
      collected.bytes += record.bytes.length;
    });
    if (!dropsKnown) return;
    for (const { mark, cursor, inQuarantine } of judged) {
      const entry = { cursor, inQuarantine };
      collected.marks.set(mark, entry);
      known.set(mark, entry);
    }
  }

  /** The source was read to its end. */
  function complete(
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): Draft | undefined {
    summary.stoppedBy = 'end';
    if (summary.ignoredAnswers > 0) {
      telemetry.log('warn', 'a listing has ended with answers that errorHandler says to ignore', {
        source: source.name,
        answers: summary.ignoredAnswers,
      });
    }
    const isNews =
      scope.commitsEnd ||
      collected.records.length > 0 ||
      before.listing !== undefined ||
      cursor !== before.cursor;
    if (!isNews) return undefined;
    const since = cursor === undefined ? undefined : startAfter(cursor, listing);
    return {
      after: { cursor, since, listing: undefined, ...keepMarks(before, collected, since) },
      collected,
      isEnd: true,
    };
  }

  /** The listing does not settle: what was read is committed, the cursor stays, the next run tries again. */
  function leave(
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): Draft {
    telemetry.log('warn', 'the listing changes while it is read; its cursor waits for the next run', {
      source: source.name,
      readings: listing.readings,
      hint: 'let the API sort by the cursor field and set incremental.order to "ascending"',
    });
    summary.stoppedBy = 'unsettled';
    const again = beginListing(listing.anchor, listing.startedAtMs, listing);
    return { ...goOn(before, cursor, again, collected), isEnd: true };
  }

  function goOn(
    before: PullPosition,
    cursor: string | undefined,
    listing: Listing,
    collected: Collected,
  ): Draft {
    // The pages of this listing may be read again, and after it those of the next one.
    const next = cursor === undefined ? undefined : startAfter(cursor, listing);
    const start = rules.kind && earlierOf(rules.kind, next, listing.anchor);
    return {
      after: { cursor, since: before.since, listing, ...keepMarks(before, collected, start) },
      collected,
      isEnd: false,
    };
  }

  function startAfter(cursor: string, { startedAtMs }: Listing): string | undefined {
    if (incremental === undefined) return undefined;
    const { kind, lookbackMs, initialValue } = incremental;
    return startBehind({ kind, cursor, startedAtMs, lookbackMs, initialValue });
  }

  /** @param start where reading goes on, at the earliest */
  function keepMarks(
    before: PullPosition,
    { marks }: Collected,
    start: string | undefined,
  ): Pick<PullPosition, 'seen' | 'seenUpTo'> {
    if (!dropsKnown) return { seen: [], seenUpTo: undefined };
    const { kind } = rules;
    const isBehind =
      kind !== undefined &&
      start !== undefined &&
      before.seenUpTo !== undefined &&
      compareCursors(kind, start, before.seenUpTo) > 0;
    const kept = isBehind ? new Map<string, Mark>() : parseMarks(before.seen);
    for (const [mark, entry] of marks) {
      kept.delete(mark);
      kept.set(mark, entry);
    }
    const seenUpTo =
      kind && [...marks.values()].reduce((high, { cursor }) => laterOf(kind, high, cursor), before.seenUpTo);
    return { seen: formatMarks(kept, kind, start), seenUpTo };
  }

  function formatAfter({ position }: LedgerState, { after, collected }: Draft): string {
    const { recordsRead: read, records, bytes } = collected;
    return scope.format(after, position, { read, offered: records.length, bytes });
  }

  function toStagedBatch(state: LedgerState, to: string, { collected: { records } }: Draft): Buffer {
    const header = {
      source: source.name,
      frameId: config.dedupe === 'request' ? contentId(records) : originOf(state),
      contractVersion: source.contract.version,
      receivedAtMs: clock.nowMs(),
    };
    const part = {
      origin: originOf(state),
      firstIndex: 0,
      arrivedAtMs: header.receivedAtMs,
      bytes: writeFrame(header, records),
    };
    return writeStagedBatch({ to, parts: records.length === 0 ? [] : [part] });
  }

  const originOf = (state: LedgerState): Origin => `${lane}/${String(state.commits)}`;

  function toBatch(state: LedgerState, { to, parts }: StagedBatch): LaneBatch {
    const entries = toLaneEntries(new Map([[source.name, source]]), parts);
    const frames = entries.flatMap((entry) => (entry.kind === 'frame' ? [entry.frame] : []));
    offered = { to, commits: state.commits, frames };
    scope.offers?.(frames);
    return {
      from: state.position ?? scope.start,
      to,
      stem: scope.stemOf(state.commits),
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
    limits: () => ({
      isRateLimited: summary.rateLimited,
      isHeld: summary.stoppedBy === 'rate-limit' || summary.stoppedBy === 'budget',
    }),
    resumeAtMs: () =>
      summary.stoppedBy === 'unsettled' ? clock.nowMs() + UNSETTLED_MS : summary.heldUntilMs,
    checkpointAgeMs: () => (checkpointMs === undefined ? undefined : clock.nowMs() - checkpointMs),
  };
}

/** A batch by its content: what makes a repeated one recognisable where requests are deduplicated as a whole. */
function contentId(records: readonly FrameRecord[]): string {
  return hash('sha256', Buffer.concat(records.map(({ bytes }) => bytes)));
}

function toReadRecord(bytes: Uint8Array, incremental: Incremental | undefined): ReadRecord {
  return {
    bytes,
    mark: toMark(bytes),
    cursor: incremental && cursorOf(bytes, incremental),
  };
}

/** Whether records were read from a value on, and none has that value although one was read there before. */
function seemsExclusive(
  records: readonly ReadRecord[],
  { anchor, token }: Listing,
  incremental: Incremental | undefined,
): boolean {
  if (incremental === undefined || anchor === undefined || token !== undefined || records.length === 0)
    return false;
  // The end of a window need not be the cursor of any record.
  if (incremental.windowMs !== undefined) return false;
  const { kind } = incremental;
  return records.every(({ cursor }) => cursor !== undefined && compareCursors(kind, cursor, anchor) > 0);
}
