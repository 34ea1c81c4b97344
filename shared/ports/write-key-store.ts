/**
 * Write keys of push sources. Only SHA-256 hashes are stored; the key itself is shown once, when it is created.
 *
 * Promises of every implementation:
 * - `find` and `list` see a key as soon as `create` has answered, and no longer as soon as `revoke` has.
 * - A source has `MAX_ACTIVE_WRITE_KEYS` active keys at most, however many are created at the same time.
 * - A repeated `create` or `revoke` (after a lost response) gives the same answer again.
 */
export interface WriteKeyStore {
  /** The key with this hash, if it exists and is not revoked. */
  find(hash: string): Promise<WriteKey | undefined>;
  /**
   * @throws RejectedError with code `WRITE_KEY_TAKEN` when another key has this hash, or a revoked one had it; with code
   *   `TOO_MANY_WRITE_KEYS` when the source has as many as it may have
   */
  create(key: NewWriteKey): Promise<void>;
  /** Keys of a source that are not revoked, oldest first. */
  list(source: string): Promise<readonly WriteKey[]>;
  /**
   * Revokes at once; copies cached by running functions expire within a minute.
   *
   * @returns false when the source has no such key
   */
  revoke(source: string, hash: string): Promise<boolean>;
  /**
   * Notes that a key was used, unless a use of the last hour (`WRITE_KEY_USE_STEP_MS`) is noted already. A key that does
   * not exist is not created by it, and a revoked one stays revoked. It is called while a sender waits, so it takes a
   * second at most, and its failure harms nobody.
   */
  noteUse(hash: string, usedAtMs: number): Promise<void>;
}

/** A key that is about to be stored. */
export type NewWriteKey = Omit<WriteKey, 'lastUsedAtMs'>;

export interface WriteKey {
  /** Hex SHA-256 of the key. */
  readonly hash: string;
  readonly source: string;
  readonly createdAtMs: number;
  /** The last use that was noted; the key may have been used up to an hour later. Undefined: never. */
  readonly lastUsedAtMs?: number;
}
