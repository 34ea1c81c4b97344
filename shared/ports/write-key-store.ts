/**
 * Write keys of push sources. Only SHA-256 hashes are stored; the key itself is shown once, when it is created.
 */
export interface WriteKeyStore {
  /** The key with this hash, if it exists and is not revoked. */
  find(hash: string): Promise<WriteKey | undefined>;
  create(key: WriteKey): Promise<void>;
  list(source: string): Promise<readonly WriteKey[]>;
  /** Revokes at once; copies cached by running functions expire within a minute. */
  revoke(source: string, hash: string): Promise<boolean>;
}

export interface WriteKey {
  /** Hex SHA-256 of the key. */
  readonly hash: string;
  readonly source: string;
  readonly createdAtMs: number;
}
