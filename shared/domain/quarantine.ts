/** Why a record is in quarantine. Each is documented in docs/reference/errors.md. */
export type QuarantineReason =
  /** Violates the source's contract. */
  | 'CONTRACT'
  /** Not JSON, or not a JSON object. Only for records that reached the stream without passing the push API. */
  | 'MALFORMED'
  /** Another record with the same key and another payload was accepted before. */
  | 'KEY_CONFLICT'
  /** Belongs to no source that this deployment knows. */
  | 'UNKNOWN_SOURCE'
  /** A frame whose checksum or format is wrong. */
  | 'UNREADABLE_FRAME'
  /** Met its contract and could still not be written as Parquet. */
  | 'UNWRITABLE';

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
}
