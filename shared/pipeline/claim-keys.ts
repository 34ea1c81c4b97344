import { LRUCache } from 'lru-cache';
import { ClaimView, type ClaimList } from '../domain/claims.ts';
import { TransientError } from '../domain/errors.ts';
import type { ClaimLog } from '../ports/claim-log.ts';
import type { Clock } from '../ports/clock.ts';
import { forEachLimited } from './for-each-limited.ts';
import { probeNothing, type Probe } from './probe.ts';

/** Candidates of one bucket. */
export interface BucketCandidates {
  readonly bucket: string;
  readonly windowMs: number;
  readonly candidates: ClaimList;
}

export interface ClaimDeps {
  readonly claimLog: ClaimLog;
  readonly clock: Clock;
  /** A new token per append attempt. */
  readonly newToken: () => string;
  readonly cache: ClaimCache;
  readonly probe?: Probe;
}

/** Views of buckets that a warm process keeps: log items never change, so only newer ones have to be read. */
export type ClaimCache = LRUCache<string, ClaimView>;

/** At some 40 bytes each. A bucket with more is read again as a whole by every batch. */
const MAX_CACHED_CLAIMS = 4_000_000;
/** What an empty view costs, in claims. */
const VIEW_COST = 25;
/**
 * A bucket whose items have all expired starts at number 1 again, and a view that has seen a higher number would not see
 * what is claimed then. So a view is not kept beyond the expiry of its newest item, and never for longer than this.
 */
const MAX_CACHE_AGE_MS = 60 * 60_000;

export function createClaimCache(): ClaimCache {
  return new LRUCache<string, ClaimView>({
    maxSize: MAX_CACHED_CLAIMS,
    sizeCalculation: (view) => view.size + VIEW_COST,
    // A view that is larger than the whole cache is still used by the run that made it.
    maxEntrySize: MAX_CACHED_CLAIMS,
    ttl: MAX_CACHE_AGE_MS,
  });
}

/** Claims in one log item: at 17-26 bytes each this stays far below DynamoDB's 400 KB. */
const MAX_CLAIMS_PER_ITEM = 10_000;
/** Buckets that are claimed at once: a batch of late records has hundreds, each of which costs two calls. */
const PARALLEL_BUCKETS = 16;
/** Writers of one bucket that get in each other's way this often in one run are a fault, not contention. */
const MAX_ROUNDS = 100;

/**
 * Claims keys: decides for every candidate whether it owns its key, and makes the decision durable before it is
 * returned. Safe under any number of concurrent callers and after a crash at any point: a repetition finds its own
 * claims again.
 *
 * @returns the verdicts (see `Verdict`) of every bucket, in the order of its candidates
 * @throws TransientError when other writers won every round
 */
export async function claimKeys(
  deps: ClaimDeps,
  buckets: readonly BucketCandidates[],
): Promise<Uint8Array[]> {
  const verdicts: Uint8Array[] = [];
  const indices = [...buckets.keys()];
  await forEachLimited(indices, PARALLEL_BUCKETS, async (at) => {
    const bucket = buckets[at];
    if (bucket === undefined) return;
    verdicts[at] = await claimBucketKeys(deps, bucket);
    await deps.probe?.('A.3');
  });
  return verdicts;
}

async function claimBucketKeys(
  deps: ClaimDeps,
  { bucket, windowMs, candidates }: BucketCandidates,
): Promise<Uint8Array> {
  const probe = deps.probe ?? probeNothing;
  // Taken out of the cache while it is in use: two runs in one process must not add to one view.
  const cached = deps.cache.get(bucket);
  const view = cached ?? new ClaimView();
  // Using a view does not make it younger.
  const maxAgeMs = cached === undefined ? MAX_CACHE_AGE_MS : deps.cache.getRemainingTTL(bucket);
  deps.cache.delete(bucket);
  let newestExpiresAtMs = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    for (const item of await deps.claimLog.read(bucket, view.lastNumber)) {
      view.add(item.number, item.packed);
      newestExpiresAtMs = item.expiresAtMs;
    }
    const verdicts = view.decide(candidates);
    let claims = view.packTentative(MAX_CLAIMS_PER_ITEM);
    while (claims !== undefined) {
      const number = view.lastNumber + 1;
      await probe('A.1');
      const expiresAtMs = deps.clock.nowMs() + windowMs;
      const item = { packed: claims.packed, expiresAtMs, writer: deps.newToken() };
      const outcome = await deps.claimLog.append(bucket, number, item);
      await probe('A.2');
      if (outcome === 'conflict') break;
      view.confirm(number, claims.size);
      newestExpiresAtMs = expiresAtMs;
      claims = view.packTentative(MAX_CLAIMS_PER_ITEM);
    }
    if (claims === undefined) {
      const ttl = Math.floor(Math.min(maxAgeMs, newestExpiresAtMs - deps.clock.nowMs()));
      if (ttl > 0) deps.cache.set(bucket, view, { ttl });
      return verdicts;
    }
    view.withdraw();
  }
  throw new TransientError(
    'CLAIM_CONTENTION',
    `other writers of claim bucket ${bucket} won ${String(MAX_ROUNDS)} times in a row; the batch is retried`,
  );
}
