import { LRUCache } from 'lru-cache';
import { finerBucket, isFull, type ClaimBucket, type ClaimLimits } from '../domain/claim-bucket.ts';
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
  /** Entries that are in the view. */
  entries: number;
  /** The newest entry that is in the view; undefined before the first. */
  newest: Pick<LogEntry, 'number' | 'writer'> | undefined;
  /** When the newest entry may disappear. */
  expiresAtMs: number;
  isClosed: boolean;
  /** Whether others were found to append to the log, when it was read last. */
  isShared: boolean;
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
  return await decideByLevels(buckets, {
    inBucket: async (bucket) => {
      const decided = await claimInBucket(deps, bucket);
      await deps.probe('A.3');
      return decided;
    },
    singly: (rest) => claimSingly(deps, rest),
  });
}

/**
 * What `claimKeys` would decide now, without claiming anything. A key that is looked up by itself, because its bucket is
 * too large to be read, counts as free: only a claim tells.
 *
 * @returns the verdicts (never `absent`) of every bucket, in the order of its candidates
 */
export async function peekKeys(
  { claimLog }: Pick<ClaimDeps, 'claimLog'>,
  buckets: readonly BucketCandidates[],
): Promise<Uint8Array[]> {
  return await decideByLevels(buckets, {
    inBucket: async ({ bucket, candidates }) => {
      const view = newView();
      for (const entry of await claimLog.read(bucket.name, 0)) add(view, entry);
      return view.claims.decide(candidates, !view.isClosed);
    },
    singly: ({ candidates }) => Promise.resolve(new Uint8Array(candidates.size).fill(Verdict.own)),
  });
}

/** How candidates are decided. */
interface Decide {
  /** Those of one bucket; `absent` where nobody owns the key and the bucket is closed. */
  readonly inBucket: (bucket: BucketCandidates) => Promise<Uint8Array>;
  /** Those that are looked up key by key, where there is no finer bucket. */
  readonly singly: (rest: BucketCandidates) => Promise<Uint8Array>;
}

/**
 * Decides level by level: where buckets waited for their finer ones, hundreds of them would be read and held at once.
 *
 * @returns the verdicts of every bucket, in the order of its candidates
 */
async function decideByLevels(
  buckets: readonly BucketCandidates[],
  { inBucket, singly }: Decide,
): Promise<Uint8Array[]> {
  const verdicts = buckets.map(({ candidates }) => new Uint8Array(candidates.size));
  let wanted: readonly Wanted[] = buckets.map((bucket, at) => ({
    ...bucket,
    settle: (decided) => verdicts[at]?.set(decided),
  }));
  const single: Wanted[] = [];
  while (wanted.length > 0) {
    const finer: Wanted[] = [];
    await forEachLimited(wanted, PARALLEL_BUCKETS, async (bucket) => {
      const decided = await inBucket(bucket);
      bucket.settle(decided);
      for (const rest of divideAbsent(bucket, decided)) (rest.isSingle ? single : finer).push(rest);
    });
    wanted = finer;
  }
  for (const rest of single) rest.settle(await singly(rest));
  return verdicts;
}

/** Candidates that are still to be decided. */
interface Wanted extends BucketCandidates {
  /** Takes the verdicts, one per candidate; `absent` ones are settled again. */
  readonly settle: (decided: Uint8Array) => void;
}

/** @returns verdicts; `absent` where nobody owns the key and the bucket is closed */
async function claimInBucket(deps: ClaimDeps, wanted: BucketCandidates): Promise<Uint8Array> {
  const { bucket, candidates, windowMs } = wanted;
  let view = takeView(deps, bucket);
  /** Made durable by an earlier round; what is claimed in a later round is part of it. */
  let stored: ExpiringClaims | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // Where nobody else appends, an append that succeeds proves that there was nothing to read.
    if (view.isShared || round > 0) await readNewer(deps, bucket, view);
    const verdicts = view.claims.decide(candidates, !view.isClosed);
    if (view.isClosed) {
      deps.cache.set(bucket.name, view);
      return verdicts;
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
    const held = { claims: view.claims.confirmedSize, entries: view.entries };
    if (isFull(bucket, held, deps.limits)) {
      view.claims.withdraw();
      // Whoever is first closes it; the next round reads what was appended, and finds it closed.
      await deps.claimLog.append(bucket.name, number, { kind: 'closed', writer, ...follows });
    } else {
      stored ??= await store(deps, view, packed, windowMs);
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
        view.entries++;
        view.newest = { number, writer };
        view.expiresAtMs = stored.expiresAtMs;
        deps.cache.set(bucket.name, view);
        return verdicts;
      }
      view.claims.withdraw();
      // It took its chance; now that others are there, a refusal must cost little.
      if (stored.claims.kind === 'inline') stored = undefined;
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

interface ExpiringClaims {
  readonly claims: StoredClaims;
  readonly expiresAtMs: number;
}

/** Makes claims ready to be appended: apart from their order, unless nobody else is there who could be first. */
async function store(
  { claimLog, clock }: ClaimDeps,
  { isShared, newest }: BucketView,
  packed: readonly Uint8Array[],
  windowMs: number,
): Promise<ExpiringClaims> {
  const expiresAtMs = clock.nowMs() + windowMs;
  // Who is first in a bucket does not know yet who else comes.
  const isAlone = !isShared && newest !== undefined;
  return { claims: await claimLog.store(packed, expiresAtMs, isAlone), expiresAtMs };
}

async function readNewer({ claimLog }: ClaimDeps, bucket: ClaimBucket, view: BucketView): Promise<void> {
  const entries = await claimLog.read(bucket.name, view.newest?.number ?? 0);
  for (const entry of entries) add(view, entry);
  view.isShared = entries.length > 0;
}

const newView = (): BucketView => ({
  claims: new ClaimView(),
  entries: 0,
  newest: undefined,
  expiresAtMs: Infinity,
  isClosed: false,
  isShared: true,
});

const isLasting = (view: BucketView, nowMs: number): boolean => view.expiresAtMs - nowMs > EXPIRY_SLACK_MS;

/** The view from the cache, or a new one. It is taken out while it is in use: two runs must not add to one view. */
function takeView({ cache, clock }: ClaimDeps, { name }: ClaimBucket): BucketView {
  const cached = cache.get(name);
  cache.delete(name);
  return cached !== undefined && isLasting(cached, clock.nowMs()) ? cached : newView();
}

function add(view: BucketView, entry: LogEntry): void {
  view.entries++;
  view.newest = entry;
  if (entry.kind === 'closed') {
    view.isClosed = true;
    view.expiresAtMs = Infinity;
    return;
  }
  for (const packed of entry.packed) view.claims.add(packed);
  view.expiresAtMs = entry.expiresAtMs;
}

/** What a closed bucket does not hold, by where it is to be claimed: in finer slices, or key by key where there are none. */
function divideAbsent(
  { source, bucket, candidates, windowMs, eventTimesMs, settle }: Wanted,
  decided: Uint8Array,
): readonly (Wanted & { readonly isSingle: boolean })[] {
  if (!decided.includes(Verdict.absent)) return [];
  const absent = [...decided.keys()].filter((at) => decided[at] === Verdict.absent);
  const times = eventTimesMs();
  const groups = new Map<ClaimBucket | undefined, number[]>();
  const finer = new Map<string, ClaimBucket>();
  for (const row of absent) {
    const next = finerBucket(source, bucket, times[row] ?? 0);
    const known = next && (finer.get(next.name) ?? next);
    if (known !== undefined) finer.set(known.name, known);
    const rows = groups.get(known);
    if (rows === undefined) groups.set(known, [row]);
    else rows.push(row);
  }
  return [...groups].map(([next, rows]) => ({
    source,
    bucket: next ?? bucket,
    windowMs,
    candidates: candidates.pick(rows),
    eventTimesMs: () => rows.map((row) => times[row] ?? 0),
    settle: (below) => {
      rows.forEach((row, i) => {
        decided[row] = below[i] ?? Verdict.absent;
      });
      settle(decided);
    },
    isSingle: next === undefined,
  }));
}

/** Claims every key with a write of its own. */
async function claimSingly(
  { claimLog, clock, probe }: ClaimDeps,
  { bucket, candidates, windowMs }: BucketCandidates,
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
