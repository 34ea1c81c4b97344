import { LRUCache } from 'lru-cache';
import { hashWriteKey, isUseDue, isWriteKey, toWriteKeyId } from '../../shared/domain/write-key.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { WriteKeyStore } from '../../shared/ports/write-key-store.ts';
import { HttpProblem } from '../middleware/problems.ts';
import type { Authenticate } from './sender.ts';

/** A revoked key works this long at most. */
const KNOWN_KEY_MS = 60_000;
/** A new key may be tried before it is there: it works this long after its creation. */
const UNKNOWN_KEY_MS = 5_000;
const MAX_CACHED_KEYS = 1000;

const CHALLENGE = { headers: { 'www-authenticate': 'Bearer realm="headgate", Basic realm="headgate"' } };

/** What is known of a key: whose it is, and when it was last used. An empty source is a key that does not exist. */
interface KnownKey {
  readonly source: string;
  lastUsedAtMs: number | undefined;
}

/** The write key of an Authorization header: a Bearer token, or the user name of Basic. */
function writeKeyOf(authorization: string | undefined): string | undefined {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+)$/i.exec(authorization?.trim() ?? '') ?? [];
  if (scheme === undefined || credentials === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return credentials;
  const user = Buffer.from(credentials, 'base64').toString('utf8');
  return user.slice(0, user.includes(':') ? user.indexOf(':') : undefined);
}

/**
 * Senders that have a write key of the source. Keys are looked up by their hash, so no secret is compared and time
 * tells nothing; answers are cached for a short time. The use of a key is noted once an hour.
 */
export function createAuthenticateByKey({
  keys,
  clock,
  telemetry,
}: {
  readonly keys: WriteKeyStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}): Authenticate {
  const cache = new LRUCache<string, KnownKey>({
    max: MAX_CACHED_KEYS,
    ttl: KNOWN_KEY_MS,
    ttlResolution: 0,
    perf: { now: () => clock.nowMs() },
  });

  async function lookUp(hash: string): Promise<KnownKey> {
    const cached = cache.get(hash);
    if (cached !== undefined) return cached;
    const key = await keys.find(hash);
    const known = { source: key?.source ?? '', lastUsedAtMs: key?.lastUsedAtMs };
    cache.set(hash, known, { ttl: key === undefined ? UNKNOWN_KEY_MS : KNOWN_KEY_MS });
    return known;
  }

  /** A note that fails is made up for when the key is looked up again: within a minute, if it is used. */
  async function noteUse(hash: string, known: KnownKey): Promise<void> {
    const nowMs = clock.nowMs();
    if (!isUseDue(known.lastUsedAtMs, nowMs)) return;
    known.lastUsedAtMs = nowMs;
    try {
      await keys.noteUse(hash, nowMs);
    } catch (error) {
      telemetry.log('warn', 'the use of a write key could not be noted', {
        source: known.source,
        key: toWriteKeyId(hash),
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  return async (source, event) => {
    const key = writeKeyOf(event.headers['authorization']);
    if (key === undefined || !isWriteKey(key)) {
      const detail =
        'send "Authorization: Bearer <write key>", or Basic with the key as user name; `headgate keys create` makes one';
      throw new HttpProblem('unauthorized', detail, CHALLENGE);
    }
    const hash = hashWriteKey(key);
    const known = await lookUp(hash);
    if (known.source === '') {
      throw new HttpProblem('unauthorized', 'the write key does not exist or was revoked', CHALLENGE);
    }
    if (known.source !== source.name) {
      throw new HttpProblem(
        'forbidden',
        `the write key belongs to another source; use a key of source "${source.name}"`,
      );
    }
    await noteUse(hash, known);
    return { id: `key:${toWriteKeyId(hash)}` };
  };
}
