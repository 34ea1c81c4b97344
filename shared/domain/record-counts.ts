/*
 * Completeness: of the records of a source that were accepted in an hour, how many are landed, duplicates, in
 * quarantine or given up. What is accepted and none of these is in flight, or missing.
 */

/** What became of records. A replay takes from `quarantined` what it lands, so numbers of one commit may be negative. */
export interface SettledCounts {
  /** Rows in the lake. */
  readonly landed: number;
  /** Suppressed because their key had landed. */
  readonly duplicates: number;
  /** Rows in quarantine that nobody has replayed or given up. */
  readonly quarantined: number;
  /** Rows of the quarantine that were given up. */
  readonly discarded: number;
  /** Of the landed: rows with fields that their contract does not name. */
  readonly extra: number;
}

/** What one commit settles of one source, by the hour in which it was received. */
export interface SettledHour extends SettledCounts {
  readonly source: string;
  /** Hours since the epoch, UTC. */
  readonly hour: number;
}

/** What is known of the records that a source's edge accepted in one hour. */
export interface HourCounts extends SettledCounts {
  /** Hours since the epoch, UTC. */
  readonly hour: number;
  /** Records that were made durable and acknowledged, or read. */
  readonly accepted: number;
}

const HOUR_MS = 3_600_000;

/** Hours since the epoch of a time in ms. */
export const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS);

/** When an hour begins, ms since the epoch. */
export const hourStartMs = (hour: number): number => hour * HOUR_MS;

/** Records of an hour that are accounted for. */
export const settledOf = ({ landed, duplicates, quarantined, discarded }: SettledCounts): number =>
  landed + duplicates + quarantined + discarded;
