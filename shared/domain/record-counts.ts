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

/** What is known of the records of a source that were received in one hour. */
export interface HourCounts extends SettledCounts {
  /** Hours since the epoch, UTC. */
  readonly hour: number;
  /** Records that an edge has made durable and acknowledged; 0 where a source has none, see `hasEdge`. */
  readonly accepted: number;
}

export const NOTHING_SETTLED: SettledCounts = {
  landed: 0,
  duplicates: 0,
  quarantined: 0,
  discarded: 0,
  extra: 0,
};

export const SETTLED_NAMES = Object.keys(NOTHING_SETTLED) as readonly (keyof SettledCounts)[];

const HOUR_MS = 3_600_000;

/** Leading part of the keys that counts have in the ledger's table: all that an edge may write of it. */
export const COUNTS_PREFIX = 'counts/';

/**
 * Types of sources whose records are counted where they arrive. What is read (a stream of others, a database, files) is
 * accepted by being settled: there is nobody to whom anything was promised before.
 */
const TYPES_WITH_EDGE: ReadonlySet<string> = new Set(['push', 'webhook']);

/** Whether records of a type of source are counted before they are settled. */
export const hasEdge = (type: string): boolean => TYPES_WITH_EDGE.has(type);

/** Records of an hour that must become settled. */
export const acceptedOf = (type: string, counts: HourCounts): number =>
  hasEdge(type) ? counts.accepted : settledOf(counts);

/** Hours since the epoch of a time in ms. */
export const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS);

/** When an hour begins, ms since the epoch. */
export const hourStartMs = (hour: number): number => hour * HOUR_MS;

/** Records that are accounted for. */
export const settledOf = ({ landed, duplicates, quarantined, discarded }: SettledCounts): number =>
  landed + duplicates + quarantined + discarded;

/** Adds up what a commit settles. */
export class SettledTally {
  readonly #hours = new Map<string, SettledHour>();

  add(source: string, hour: number, counts: Partial<SettledCounts>): void {
    const name = `${source}/${String(hour)}`;
    const known = this.#hours.get(name) ?? { source, hour, ...NOTHING_SETTLED };
    this.#hours.set(name, { ...known, ...addCounts(known, counts) });
  }

  /** Those with any count. */
  toHours(): readonly SettledHour[] {
    return [...this.#hours.values()].filter((hour) => SETTLED_NAMES.some((name) => hour[name] !== 0));
  }
}

/** The sum of counts. */
export function addCounts(a: SettledCounts, b: Partial<SettledCounts>): SettledCounts {
  return {
    landed: a.landed + (b.landed ?? 0),
    duplicates: a.duplicates + (b.duplicates ?? 0),
    quarantined: a.quarantined + (b.quarantined ?? 0),
    discarded: a.discarded + (b.discarded ?? 0),
    extra: a.extra + (b.extra ?? 0),
  };
}
