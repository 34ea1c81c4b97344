import { LRUCache } from 'lru-cache';
import { finerBucket, maxClaimsOf, type ClaimBucket, type ClaimLimits } from '../domain/claim-bucket.ts';
import { ClaimView, Verdict, type ClaimList } from '../domain/claims.ts';
import { TransientError } from '../domain/errors.ts';
import type { ClaimLog, LogEntry, StoredClaims } from '../ports/claim-log.ts';
import type { Clock } from '../ports/clock.ts';
import { forEachLimited } from '../domain/for-each-limited.ts';
import type { Probe } from './probe.ts';

/** Candidates of one source and one bucket. */
export interface BucketCandidates {
  readonly source: string;
  readonly bucket: ClaimBucket;
  readonly windowMs: number;
  readonly candidates: ClaimList;
  /** Event times of the candidates, ms since the epoch; asked only where the bucket is closed. */
  readonly eventTimesMs: () => ArrayLike<number>;
}

export interface ClaimDeps {
  readonly claimLog: ClaimLog;
  readonly clock: Clock;
  /** A new token per append attempt. */
  readonly newToken: () => string;
  readonly cache: ClaimCache;
  readonly limits: ClaimLimits;
  readonly probe: Probe;
}

/** What is known of a bucket: its claims up to an entry of its log. */
interface BucketView {
  readonly claims: ClaimView;
  /** The newest entry that is in the view; undefined before the first. */
  newest: Pick<LogEntry, 'number' | 'writer'> | undefined;
  /** When the newest entry may disappear. */
  expiresAtMs: number;
  isClosed: boolean;
}

/** Views of buckets that a warm process keeps: entries of a log never change, so only newer ones have to be read. */
export type ClaimCache = LRUCache<string, BucketView>;

/** At some 40 bytes each. */
const MAX_CACHED_CLAIMS = 4_000_000;
/** What an empty view costs, in claims. */
const VIEW_COST = 25;
/**
 * A log whose entries have all expired begins at number 1 again, and a view that has seen a higher number would not see
 * what is claimed then. So a view is not used when its newest entry may expire within this time, longer than any call
 * lasts; and whoever appends behind such an entry demands that it is still there.
 */
const EXPIRY_SLACK_MS = 10 * 60_000;
/** Claims in one stored item: at 17-26 bytes each this stays far below DynamoDB's 400 KB. */
const MAX_CLAIMS_PER_ITEM = 10_000;
/** Buckets that are claimed at once: a batch of late records has hundreds, each of which costs two calls. */
const PARALLEL_BUCKETS = 16;
/** Keys that are claimed one by one at once. */
const PARALLEL_KEYS = 64;
/** Writers of one bucket that get in each other's way this often in one run are a fault, not contention. */
const MAX_ROUNDS = 100;

export function createClaimCache(): ClaimCache {
  return new LRUCache<string, BucketView>({
    maxSize: MAX_CACHED_CLAIMS,
    sizeCalculation: ({ claims }) => claims.size + VIEW_COST,
    // A view that is larger than the whole cache is still used by the run that made it.
    maxEntrySize: MAX_CACHED_CLAIMS,
  });
}

/**
 * Claims keys: decides for every candidate whether it owns its key, and makes the decision durable before it is
 * returned. Safe under any number of concurrent callers and after a crash at any point: a repetition finds its own
 * claims again.
 *
 * @returns the verdicts (see `Verdict`, never `absent`) of every bucket, in the order of its candidates
 * @throws TransientError when other writers won every round
 */
export async function claimKeys(
  deps: ClaimDeps,
  buckets: readonly BucketCandidates[],
): Promise<Uint8Array[]> {
  const verdicts: Uint8Array[] = [];
  await forEachLimited([...buckets.entries()], PARALLEL_BUCKETS, async ([at, bucket]) => {
    verdicts[at] = await claimInBucket(deps, bucket);
    await deps.probe('A.3');
  });
  return verdicts;
}

async function claimInBucket(deps: ClaimDeps, wanted: BucketCandidates): Promise<Uint8Array> {
  const { bucket, candidates, windowMs } = wanted;
  let view = takeView(deps, bucket);
  /** Made durable by an earlier round; what is claimed in a later round is part of it. */
  let stored: { readonly claims: StoredClaims; readonly expiresAtMs: number } | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    for (const entry of await deps.claimLog.read(bucket.name, view.newest?.number ?? 0)) add(view, entry);
    const verdicts = view.claims.decide(candidates, !view.isClosed);
    if (view.isClosed) {
      deps.cache.set(bucket.name, view);
      return await claimElsewhere(deps, wanted, verdicts);
    }
    const packed = view.claims.packTentative(MAX_CLAIMS_PER_ITEM);
    if (packed.length === 0) {
      deps.cache.set(bucket.name, view);
      return verdicts;
    }
    const number = (view.newest?.number ?? 0) + 1;
    const writer = deps.newToken();
    const mayExpire = view.newest !== undefined && !isLasting(view, deps.clock.nowMs());
    const follows = mayExpire ? { follows: view.newest?.writer ?? '' } : {};
    if (view.claims.confirmedSize >= maxClaimsOf(bucket, deps.limits)) {
      view.claims.withdraw();
      // Whoever is first closes it; the next round reads what was appended, and finds it closed.
      await deps.claimLog.append(bucket.name, number, { kind: 'closed', writer, ...follows });
    } else {
      if (stored === undefined) {
        const expiresAtMs = deps.clock.nowMs() + windowMs;
        stored = { claims: await deps.claimLog.store(packed, expiresAtMs), expiresAtMs };
      }
      await deps.probe('A.1');
      const outcome = await deps.claimLog.append(bucket.name, number, {
        kind: 'claims',
        ...stored,
        writer,
        ...follows,
      });
      await deps.probe('A.2');
      if (outcome === 'ok') {
        view.claims.confirm();
        view.newest = { number, writer };
        view.expiresAtMs = stored.expiresAtMs;
        deps.cache.set(bucket.name, view);
        return verdicts;
      }
      view.claims.withdraw();
    }
    if (mayExpire) {
      // Perhaps the log has begun anew; then nothing of what was read counts.
      view = newView();
      stored = undefined;
    }
  }
  throw new TransientError(
    'CLAIM_CONTENTION',
    `other writers of claim bucket ${bucket.name} won ${String(MAX_ROUNDS)} times in a row; the batch is retried`,
  );
}

const newView = (): BucketView => ({
  claims: new ClaimView(),
  newest: undefined,
  expiresAtMs: Infinity,
  isClosed: false,
});

const isLasting = (view: BucketView, nowMs: number): boolean => view.expiresAtMs - nowMs > EXPIRY_SLACK_MS;

/** The view from the cache, or a new one. It is taken out while it is in use: two runs must not add to one view. */
function takeView({ cache, clock }: ClaimDeps, { name }: ClaimBucket): BucketView {
  const cached = cache.get(name);
  cache.delete(name);
  return cached !== undefined && isLasting(cached, clock.nowMs()) ? cached : newView();
}

function add(view: BucketView, entry: LogEntry): void {
  view.newest = entry;
  if (entry.kind === 'closed') {
    view.isClosed = true;
    view.expiresAtMs = Infinity;
    return;
  }
  for (const packed of entry.packed) view.claims.add(packed);
  view.expiresAtMs = entry.expiresAtMs;
}

/** Claims what a closed bucket does not hold: in finer slices, or key by key where there are none. */
async function claimElsewhere(
  deps: ClaimDeps,
  { source, bucket, candidates, windowMs, eventTimesMs }: BucketCandidates,
  verdicts: Uint8Array,
): Promise<Uint8Array> {
  const absent = [...verdicts.keys()].filter((at) => verdicts[at] === Verdict.absent);
  if (absent.length === 0) return verdicts;
  const times = eventTimesMs();
  const finer = new Map<string, { readonly bucket: ClaimBucket; readonly rows: number[] }>();
  const single: number[] = [];
  for (const row of absent) {
    const next = finerBucket(source, bucket, times[row] ?? 0);
    if (next === undefined) {
      single.push(row);
      continue;
    }
    const group = finer.get(next.name);
    if (group === undefined) finer.set(next.name, { bucket: next, rows: [row] });
    else group.rows.push(row);
  }
  const merge = (rows: readonly number[], decided: Uint8Array): void => {
    rows.forEach((row, i) => {
      verdicts[row] = decided[i] ?? Verdict.absent;
    });
  };
  await forEachLimited([...finer.values()], PARALLEL_BUCKETS, async ({ bucket: next, rows }) => {
    const below = {
      source,
      bucket: next,
      windowMs,
      candidates: candidates.pick(rows),
      eventTimesMs: () => rows.map((row) => times[row] ?? 0),
    };
    merge(rows, await claimInBucket(deps, below));
    await deps.probe('A.3');
  });
  if (single.length > 0) merge(single, await claimSingly(deps, bucket, candidates.pick(single), windowMs));
  return verdicts;
}

/** Claims every key with a write of its own. */
async function claimSingly(
  { claimLog, clock, probe }: ClaimDeps,
  bucket: ClaimBucket,
  candidates: ClaimList,
  windowMs: number,
): Promise<Uint8Array> {
  const wanted = new ClaimView();
  wanted.decide(candidates);
  const packed = wanted.packTentative(1);
  const expiresAtMs = clock.nowMs() + windowMs;
  const owners: Uint8Array[] = [];
  await forEachLimited([...wanted.tentativeKeys().entries()], PARALLEL_KEYS, async ([at, key]) => {
    const own = packed[at];
    if (own === undefined) return;
    await probe('A.1');
    owners[at] = await claimLog.claimKey(bucket.name, key, own, expiresAtMs);
    await probe('A.2');
  });
  const view = new ClaimView();
  for (const owner of owners) view.add(owner);
  return view.decide(candidates, false);
}
