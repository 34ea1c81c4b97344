/**
 * Work that a function leaves to other invocations of itself: parts of a large read, and runs that go on.
 *
 * Promises of every implementation:
 * - What was sent is delivered at least once, possibly twice and in any order, until an invocation ends without an
 *   error; then with growing pauses, and in the end to a dead-letter queue with an alarm.
 * - It carries no state: what is to be done follows from the ledger and from what is staged.
 */
export interface WorkQueue {
  /** @param delaySeconds 0 to 900 */
  send(work: PullWork, delaySeconds?: number): Promise<void>;
}

/** What was delivered, to whom it was delivered. */
export interface WorkDeliveries {
  /**
   * Has what failed delivered again after so long, instead of after the time that a queue gives a slow invocation.
   *
   * @param receipt of the delivery that failed
   * @param delaySeconds 0 to 900
   */
  postpone(receipt: string, delaySeconds: number): Promise<void>;
}

/** What an invocation of a pulling function is asked to do; schedules send the first form. */
export type PullWork =
  | RunWork
  /** Land what was decided before, and read nothing: what a person asks for before the checkpoint is moved. */
  | { readonly source: string; readonly task: 'settle' }
  /** Let the deletes land that were held back: what a person asks for who has looked. */
  | AcceptWork
  /** Go on with a large extract in one of its slots: read the next range that nobody reads and stage it, or land all. */
  | SplitWork
  /** Go on with a backfill in one of its slots; without a slot: plan it and begin. */
  | BackfillWork;

interface RunWork {
  readonly source: string;
  readonly task?: 'run';
  /** Something new at the source has asked for it, and not a schedule or a person. */
  readonly woken?: true | undefined;
}

export interface SplitWork {
  readonly source: string;
  readonly task: 'split';
  /** Number of the extract. */
  readonly extract: number;
  readonly slot: number;
}

export interface BackfillWork {
  readonly source: string;
  readonly task: 'backfill';
  /** Number of the source's backfill. */
  readonly backfill: number;
  readonly slot?: number;
}

export interface AcceptWork {
  readonly source: string;
  readonly task: 'accept-deletes';
  /** Number of the inventory that has found them. */
  readonly inventory: number;
}
