import type { SettledHour } from '../domain/record-counts.ts';

/**
 * The ledger: which positions of a lane are in the lake. It is what makes a redelivery harmless.
 *
 * Promises of every implementation:
 * - `read` is strongly consistent.
 * - Every write is a compare-and-set on `version`, which it increases by one. Exactly one of several writers with
 *   the same expected version succeeds; the others get `'conflict'` and must read again.
 * - A write whose response was lost and that is repeated by the SDK is recognised by its `writer` token and answers
 *   `'ok'`.
 * - `commit` moves the position, removes the intent, records the range and adds up what was settled, in one transaction.
 *   At most `MAX_SETTLED_HOURS` hours of sources are settled together.
 * - Ranges are kept for `RANGE_RETENTION_MS` (shared/domain/range-retention.ts) from their commit at least.
 * - Throttled, denied or failed calls throw; they never answer `'conflict'`.
 */
export interface LedgerStore {
  /** The state of a lane; an unknown lane has version 0 and no position. */
  read(lane: string): Promise<LedgerState>;

  /** Announces what is about to be written. Fails with `'conflict'` when the version has moved on. */
  announce(lane: string, expectedVersion: number, intent: Intent, writer: string): Promise<CasResult>;

  /** The announced (or, with `keys: 0`, empty) range is in the lake: moves the position and removes the intent. */
  commit(lane: string, expectedVersion: number, commit: Commit, writer: string): Promise<CasResult>;

  /** The announced range was fenced off by tombstones: removes the intent, leaves the position. */
  abort(lane: string, expectedVersion: number, writer: string): Promise<CasResult>;

  /**
   * Gives up everything up to and including `to` on this lane, in favour of a replay: moves the position there and
   * writes no range. From then on no writer of this lane commits anything up to `to`, whatever it has announced or
   * read before. The lane must have no pending intent: the caller resolves it first and passes the version that it
   * read after that.
   *
   * @throws RangeError when `to` is no sequence number, or the position is there or beyond: it never goes back
   */
  cede(lane: string, expectedVersion: number, to: string, writer: string): Promise<CasResult>;

  /**
   * Moves the position of a lane by hand, anywhere, or (`undefined`) to before its beginning, and writes no range. It
   * counts as a commit: what is staged or claimed under the number of the next one is never taken for what is read from
   * there on. The lane must have no pending intent: the caller resolves it first and passes the version that it read
   * after that.
   *
   * @throws RangeError when an intent is pending
   */
  reposition(
    lane: string,
    expectedVersion: number,
    to: string | undefined,
    writer: string,
  ): Promise<CasResult>;

  /**
   * The committed ranges that have a position between `from` and `to` (all inclusive), in their order, for replays.
   * Only lanes whose positions are sequence numbers have ranges, and ranges of one lane never overlap; for bounds that
   * are none the answer is empty. Strongly consistent.
   */
  rangesOverlapping(lane: string, from: string, to: string): Promise<readonly CommittedRange[]>;
}

export type CasResult = 'ok' | 'conflict';

/** State of one lane. A lane is a shard, a pulled source, … whose positions are written in order. */
export interface LedgerState {
  /** Everything up to and including this position is durable in the lake; undefined before the first commit. */
  readonly position: string | undefined;
  /** Number of commits and repositions; unlike `version` it does not change when an intent is announced or aborted. */
  readonly commits: number;
  readonly version: number;
  readonly intent: Intent | undefined;
}

/** What a writer is about to put into the lake. Its objects' keys contain the version of this announcement. */
export interface Intent {
  /** Position after the commit. */
  readonly to: string;
  /** First position of the range (for pulls: the position before it). */
  readonly from: string;
  /** Keys of all objects of this intent, data and quarantine, with what is needed to write a tombstone. */
  readonly objects: readonly IntentObject[];
  /** Records in the range, counted in the range log. */
  readonly records: number;
  /** Version of the configuration that partitioned the records. */
  readonly configVersion: string;
  /** What its commit settles, whoever commits it; absent: nothing. */
  readonly settled?: readonly SettledHour[];
  /** The invocation that owns the intent, for people and for the lease. */
  readonly owner: string;
  /** Until when others wait before they resolve this intent on the owner's behalf; liveness only, never safety. */
  readonly leaseUntilMs: number;
}

export interface IntentObject {
  readonly key: string;
  /** Source whose columns a tombstone must have. */
  readonly source: string;
  readonly zone: 'raw' | 'quarantine';
}

export interface Commit {
  readonly from: string;
  readonly to: string;
  readonly records: number;
  readonly keys: number;
  /** What became of the records; absent: nothing is counted. */
  readonly settled?: readonly SettledHour[];
}

/** A transaction of DynamoDB has 100 items at most; two of them are the state and the range. */
export const MAX_SETTLED_HOURS = 98;

/** @throws RangeError when one commit settles more than its transaction takes: batches are cut before that */
export function assertSettled(settled: readonly SettledHour[]): void {
  if (settled.length <= MAX_SETTLED_HOURS) return;
  throw new RangeError(
    `one commit settles ${String(settled.length)} hours of sources, and ${String(MAX_SETTLED_HOURS)} at most are possible`,
  );
}

/** One entry of the range log: `from` to `to`, both inclusive, were committed together. */
export interface CommittedRange {
  readonly from: string;
  readonly to: string;
  readonly records: number;
  readonly keys: number;
}
