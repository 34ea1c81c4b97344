/**
 * Holds finished files until they land. Who has put files there says so in a batch of `BatchStage`, which decides whose
 * files count: files of others are left alone and expire.
 *
 * Promises of every implementation:
 * - A file never changes: `put` answers `'exists'` where its name is taken, and writes nothing.
 * - A read after a write sees it.
 * - What is staged stays for four days at least, and under `keys/` for 60, batches of `BatchStage` too.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface FileStage {
  /** @param name segments of letters, digits, `-`, `_` and `.`, joined by `/`, under the lane that the file is for */
  put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** @returns undefined when there is no such file (any more) */
  read(name: string): Promise<Uint8Array | undefined>;
}
