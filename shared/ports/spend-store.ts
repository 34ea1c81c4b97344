/**
 * Where the functions of a deployment add up what a source has cost in a month.
 *
 * Promises of every implementation:
 * - `add` adds once or, when it throws, once or not at all; it answers the sum of all additions before and its own.
 * - Calls are short and are not repeated: an addition that is lost is less harm than a request that waits.
 * - A month that nothing was added to has cost nothing, and its source is not slowed down.
 */
export interface SpendStore {
  read(source: string, month: number): Promise<MonthSpend>;

  add(source: string, month: number, added: AddedSpend): Promise<MonthSpend>;

  /**
   * Notes since when a source is slowed down; undefined: it is not any more. Of two that note the same at once the first
   * is kept.
   */
  setSlowed(source: string, month: number, sinceMs: number | undefined): Promise<void>;
}

export interface AddedSpend {
  readonly usd: number;
  /** When the landing zone of the source was last emptied, ms since the epoch; undefined: as it was. */
  readonly landedAtMs?: number | undefined;
}

/** A source in a month. */
export interface MonthSpend {
  readonly usd: number;
  readonly slowedSinceMs: number | undefined;
  readonly landedAtMs: number | undefined;
}
