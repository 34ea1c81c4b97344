/** What a source cost in an hour. */
export interface HourCost {
  /** Hours since the epoch, UTC. */
  readonly hour: number;
  readonly usd: number;
}

/**
 * What sources cost by the hour, without what stands and waits.
 *
 * Promises of every implementation:
 * - Of several notes of one source and hour the last counts.
 * - `read` sees every note that was answered before it began; an hour that cost nothing is known when 0 was noted.
 * - Hours are kept for weeks.
 */
export interface CostHistory {
  note(source: string, cost: HourCost): Promise<void>;

  /** The hours from `fromHour` to `toHour`, both included, that are known, in their order. */
  read(source: string, fromHour: number, toHour: number): Promise<readonly HourCost[]>;
}
