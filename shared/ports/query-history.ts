import type { Period } from '../domain/cost/lane-activity.ts';

/** How often tables were queried, as far as it can be seen. */
export interface QueriesFound {
  /** By table. */
  readonly queries: ReadonlyMap<string, number>;
  /** Where the history that was read begins, ms since the epoch: later than asked for where there is more of it than is read. */
  readonly sinceMs: number;
}

/** Who has queried the lake. */
export interface QueryHistory {
  /**
   * Counts the queries that name tables of a database.
   *
   * @returns undefined when nothing can be known: there is no history, or it may not be read
   */
  count(database: string, tables: readonly string[], period: Period): Promise<QueriesFound | undefined>;
}
