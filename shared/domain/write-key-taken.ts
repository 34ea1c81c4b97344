import { RejectedError } from './errors.ts';

/** What every write key store throws when a key with the same hash is there already. */
export function writeKeyTaken(): RejectedError {
  return new RejectedError(
    'WRITE_KEY_TAKEN',
    'a write key with this hash exists already or was revoked: create a new random key',
  );
}
