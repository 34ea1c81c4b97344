/**
 * Write keys of push sources. Only SHA-256 hashes are stored; the key itself is shown once, when it is created.
 *
 * Promises of every implementation:
 * - `find` sees a key as soon as `create` has answered, and no longer as soon as `revoke` has.
 * - A repeated `create` or `revoke` (after a lost response) gives the same answer again.
 */
export interface WriteKeyStore {
  /** The key with this hash, if it exists and is not revoked. */
  find(hash: string): Promise<WriteKey | undefined>;
  /** @throws RejectedError with code `WRITE_KEY_TAKEN` when another key has this hash, or a revoked one had it */
  create(key: WriteKey): Promise<void>;
  /** Keys of a source that are not revoked, oldest first; what changed in the last seconds may be missing. */
  list(source: string): Promise<readonly WriteKey[]>;
  /**
   * Revokes at once; copies cached by running functions expire within a minute.
   *
   * @returns false when the source has no such key
   */
  revoke(source: string, hash: string): Promise<boolean>;
}

export interface WriteKey {
  /** Hex SHA-256 of the key. */
  readonly hash: string;
  readonly source: string;
  readonly createdAtMs: number;
}
