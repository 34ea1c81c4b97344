/**
 * The object store of the lake.
 *
 * Promises of every implementation:
 * - `putIfAbsent` creates an object or answers `'exists'`, atomically; of several writers one creates it. Conflicts
 *   of concurrent writers that the store reports as "try again" (S3's 409) are retried inside.
 * - After a lost response a repeated `putIfAbsent` may answer `'exists'` for the caller's own object: the caller
 *   asks `kindOf`.
 * - A read after a write sees it.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface Lake {
  putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'>;
  /** Overwrites whatever is there, for withdrawing a file that was announced and then fenced off. */
  overwrite(key: string, object: LakeObject): Promise<void>;
  /** What stands at a key. */
  kindOf(key: string): Promise<ObjectKind | undefined>;
}

/** `data` holds rows; a `tombstone` has none and keeps a late writer from creating the object. */
export type ObjectKind = 'data' | 'tombstone';

export interface LakeObject {
  readonly kind: ObjectKind;
  /** Lane whose ledger announced the object and decides whether it stays; kept as metadata, ASCII. */
  readonly lane: string;
  readonly bytes: Uint8Array;
  /** Rows in the file. */
  readonly rows: number;
  /** When it was handed to the store, ms since the epoch; kept as metadata, so that latency is measurable. */
  readonly writtenAtMs: number;
}
