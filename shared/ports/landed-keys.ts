import type { PagedSourceConfig } from '../config/schema.ts';
import type { Source } from '../domain/source.ts';

/**
 * Which records of a source that is read page by page are in the lake, or in quarantine.
 *
 * Promises of every implementation:
 * - A record whose file is there when it is asked for is found.
 * - A record that is not there is never taken for one that is.
 * - What is thrown is a HeadgateError; `BACKFILL_TOO_MANY_KEYS` (block) when there are more than fit into memory, or
 *   they cannot be looked up in time.
 */
export interface LandedKeys {
  /**
   * Idempotency keys of the rows in `raw/`, see `toLandedKey`.
   *
   * @param day days since the epoch (UTC) that the event times of the rows fall into; undefined: any
   * @param deadlineMs when it must be done, ms since the epoch
   */
  ofDay(source: Source<PagedSourceConfig>, day: number | undefined, deadlineMs: number): Promise<Set<string>>;
  /**
   * Marks of the texts of all records of the source in `quarantine/`, see `toMark`.
   *
   * @param deadlineMs when it must be done, ms since the epoch
   */
  inQuarantine(source: Source<PagedSourceConfig>, deadlineMs: number): Promise<ReadonlySet<string>>;
}

/** A key as a short text: its 16 bytes, a character each. */
export const toLandedKey = (fingerprint: Uint8Array): string =>
  Buffer.from(fingerprint.buffer, fingerprint.byteOffset, fingerprint.byteLength).toString('latin1');
