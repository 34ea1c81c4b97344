import type { QuarantineRow } from '../domain/quarantine.ts';
import type { ObjectKind } from './lake.ts';

/**
 * Reads files of the quarantine back, for replays.
 *
 * Promises of every implementation:
 * - Rows are as they were written, in order: the original bytes unchanged, valid UTF-8 or not.
 * - A read after a write sees it.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface QuarantineReader {
  /**
   * @returns undefined when there is no object
   * @throws RejectedError with code `QUARANTINE_FILE_FOREIGN` when Headgate did not write the object
   */
  read(key: string): Promise<QuarantineFile | undefined>;

  /**
   * What is known of a file without reading it.
   *
   * @returns undefined when there is no object
   * @throws RejectedError with code `QUARANTINE_FILE_FOREIGN` when Headgate did not write the object
   */
  describe(key: string): Promise<QuarantineFileFacts | undefined>;
}

export interface QuarantineFileFacts {
  readonly kind: ObjectKind;
  /** Rows of the file; 0 for a tombstone. */
  readonly rows: number;
}

export interface QuarantineFile {
  /** A `tombstone` has no rows: its file was withdrawn, and its records stand in others. */
  readonly kind: ObjectKind;
  /** Lane whose ledger decides whether the file stays, see `LakeObject`. */
  readonly lane: string;
  readonly rows: readonly QuarantineRow[];
}
