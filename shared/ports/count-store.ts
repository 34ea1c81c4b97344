import type { HourCounts } from '../domain/record-counts.ts';

/**
 * Counts of records by source and hour of receipt, exact: what an edge has accepted is written before its sender is
 * answered, what was settled in the transaction of the commit (`Commit.settled`, see ledger-store.ts).
 *
 * Promises of every implementation:
 * - `accept` is idempotent and never goes back: of several totals of one process and hour the greatest counts.
 * - `read` adds up all processes and lanes, and sees every `accept` and commit that was answered before it began.
 * - Counts are kept for `COUNT_RETENTION_DAYS` from the last time that something was added.
 */
export interface CountStore {
  /**
   * Says how many records a process has accepted of a source in an hour, all told.
   *
   * @param process unique among all processes that ever count
   */
  accept(source: string, hour: number, process: string, total: number): Promise<void>;

  /** The hours from `fromHour` to `toHour`, both included, that have any count, in their order. */
  read(source: string, fromHour: number, toHour: number): Promise<readonly HourCounts[]>;
}

/** Five weeks: an hour is compared with the same hour of four weeks before. */
export const COUNT_RETENTION_DAYS = 36;
