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

/** What an invocation of a pulling function is asked to do; schedules send the first form. */
export type PullWork =
  | { readonly source: string; readonly task?: 'run' }
  /** Read one range of a large extract and stage it. */
  | { readonly source: string; readonly task: 'split'; readonly extract: number; readonly split: number }
  /** Go on with a backfill: the window with this number, or plan what is next. */
  | {
      readonly source: string;
      readonly task: 'backfill';
      readonly backfill: string;
      readonly window?: number;
    };
