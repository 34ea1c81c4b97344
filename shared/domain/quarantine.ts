/** Why records are in quarantine, and what to do about each. The reference page is generated from this table. */
export const QUARANTINE_REASONS = {
  CONTRACT: {
    meaning: "The record violates the source's contract.",
    next: 'Correct the producer and send the record again; or, if the record is right, correct the contract and replay it.',
  },
  MALFORMED: {
    meaning: 'Not JSON, or not a JSON object. Only records that did not pass the push API.',
    next: 'Correct the producer and send the record again.',
  },
  KEY_CONFLICT: {
    meaning: 'Another record with the same key and another payload was accepted before.',
    next: "Decide which one is right. If both are, the source's `key` lacks a field.",
  },
  UNKNOWN_SOURCE: {
    meaning: 'Belongs to no source that this deployment declares.',
    next: 'Declare the source and replay the record, or stop whoever writes to the stream.',
  },
  UNREADABLE_FRAME: {
    meaning: 'Begins like a frame, and its checksum, lengths or format version are wrong.',
    next: 'Deploy producers and consumers of one version; keep the object for analysis.',
  },
  SCATTERED: {
    meaning:
      'Came together with records of more than 10,000 other partitions, too many files for one commit.',
    next: 'Replay it: a replay goes in small steps. Send such records in smaller pieces, or partition by day.',
  },
  UNREADABLE_OBJECT: {
    meaning:
      'An object, or the rest of it, could not be read as what its source declares: damaged, cut off, replaced while it was read, a header without required columns.',
    next: 'The error says from which row on. Correct the object or the source, and put the object there again under another name or with the rows that are missing only.',
  },
  UNWRITABLE: {
    meaning: 'Met its contract and could still not be written as Parquet.',
    next: 'Report it with the row: the contract accepts something that the lake cannot hold. Once that is mended, replay it.',
  },
} as const satisfies Readonly<Record<string, { meaning: string; next: string }>>;

export type QuarantineReason = keyof typeof QUARANTINE_REASONS;

/** Whether a text is one of the reasons. */
export const isQuarantineReason = (text: string): text is QuarantineReason =>
  Object.hasOwn(QUARANTINE_REASONS, text);

/** Stands for the source of records that belong to none; no source may have this name. */
export const UNKNOWN_SOURCE = 'unknown';

/** An attempt to land a record that was in quarantine before. */
export interface Attempt {
  /** Which one it was: the first has put the record into quarantine, so 2 or more. */
  readonly number: number;
  /** When it began, ms since the epoch. */
  readonly atMs: number;
}

/** One row of a quarantine file: the original bytes and everything needed to judge and replay them. */
export interface QuarantineRow {
  /** Source, or `unknown` when it could not be told. */
  readonly source: string;
  readonly reason: QuarantineReason;
  /** Identity of the record, under which it is replayed. */
  readonly id: string;
  /** Idempotency key fingerprint in hex, if there is one. */
  readonly key: string | undefined;
  readonly receivedAtMs: number;
  readonly schemaVersion: string | undefined;
  /** What is wrong, for people: names fields and rules. */
  readonly error: string;
  readonly raw: Uint8Array;
  /** The replay that has put the record here again, where one has. */
  readonly replayed?: Attempt | undefined;
}
