import { LRUCache } from 'lru-cache';
import { hashWriteKey, isWriteKey } from '../../shared/domain/write-key.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { HttpProblem } from '../middleware/problems.ts';

/** A revoked key works this long at most. */
const KNOWN_KEY_MS = 60_000;
/** A new key may be tried before it is there: it works this long after its creation. */
const UNKNOWN_KEY_MS = 5_000;
const MAX_CACHED_KEYS = 1000;

const CHALLENGE = { headers: { 'www-authenticate': 'Bearer realm="headgate", Basic realm="headgate"' } };

/** The write key of an Authorization header: a Bearer token, or the user name of Basic. */
function writeKeyOf(authorization: string | undefined): string | undefined {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+)$/i.exec(authorization?.trim() ?? '') ?? [];
  if (scheme === undefined || credentials === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return credentials;
  const user = Buffer.from(credentials, 'base64').toString('utf8');
  return user.slice(0, user.includes(':') ? user.indexOf(':') : undefined);
}

/**
 * Makes the check of write keys. Keys are looked up by their hash, so no secret is compared and time tells nothing;
 * answers are cached for a short time.
 *
 * @returns a function that resolves when the key may write to the source, and throws an HttpProblem `unauthorized` or
 *   `forbidden`
 */
export function createAuthorize(
  keys: WriteKeyStore,
  clock: Clock,
): (source: string, authorization: string | undefined) => Promise<void> {
  /** Source of each key by its hash; an empty name is a key that does not exist. */
  const cache = new LRUCache<string, string>({
    max: MAX_CACHED_KEYS,
    ttl: KNOWN_KEY_MS,
    ttlResolution: 0,
    perf: { now: () => clock.nowMs() },
  });
  return async (source, authorization) => {
    const key = writeKeyOf(authorization);
    if (key === undefined || !isWriteKey(key)) {
      const detail =
        'send "Authorization: Bearer <write key>", or Basic with the key as user name; `headgate keys create` makes one';
      throw new HttpProblem('unauthorized', detail, CHALLENGE);
    }
    const hash = hashWriteKey(key);
    let owner = cache.get(hash);
    if (owner === undefined) {
      owner = (await keys.find(hash))?.source ?? '';
      cache.set(hash, owner, { ttl: owner === '' ? UNKNOWN_KEY_MS : KNOWN_KEY_MS });
    }
    if (owner === '') {
      throw new HttpProblem('unauthorized', 'the write key does not exist or was revoked', CHALLENGE);
    }
    if (owner !== source) {
      throw new HttpProblem(
        'forbidden',
        `the write key belongs to another source; use a key of source "${source}"`,
      );
    }
  };
}
