import { RejectedError } from './errors.ts';
import { MAX_ACTIVE_WRITE_KEYS } from './write-key.ts';

/** What every write key store throws when a key with the same hash is there already. */
export function writeKeyTaken(): RejectedError {
  return new RejectedError(
    'WRITE_KEY_TAKEN',
    'a write key with this hash exists already or was revoked: create a new random key',
  );
}

/** What every write key store throws when a source has as many active keys as it may have. */
export function tooManyWriteKeys(source: string): RejectedError {
  return new RejectedError(
    'TOO_MANY_WRITE_KEYS',
    `source ${source} has ${String(MAX_ACTIVE_WRITE_KEYS)} active write keys, which is the most: revoke one first`,
  );
}
