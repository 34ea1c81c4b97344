import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ReceivedSourceConfig } from '../config/schema.ts';
import { toBytes } from '../config/units.ts';
import { DemandMeter } from '../domain/demand-meter.ts';
import { isBusy, shareOf, tokensUnder } from '../domain/quota-share.ts';
import type { Source } from '../domain/source.ts';
import { TokenBucket } from '../domain/token-bucket.ts';
import type { Clock } from '../ports/clock.ts';
import type { Announcement, Demand, QuotaStore } from '../ports/quota-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/**
 * Demand is measured over three times: a surge shows in the shortest, a fall in the middle one, and what is rare only in
 * the longest, which is as long as an announcement: so the announcements of many instances that each have a request now
 * and then add up to what they have together.
 */
const WINDOWS_MS = { surge: 2_000, fall: 10_000, steady: 60_000 } as const;
/** Requests expected in a window for their absence to mean something. */
const MIN_TO_FALL = 5;
/** A request that is more than this part of what the limit allows in a window tells nothing about a surge, some do. */
const TELLING_PART = 0.1;
const TELLING_REQUESTS = 4.5;
/** A share holds until about this many records came under it: what bounds the writes per record. */
const RECORDS_PER_LEASE = 2_500;
/** No share holds longer: where few records come, it is kept close to the demand instead. */
const MAX_LEASE_MS = 60_000;
/** No share is looked up more often once demand is steady. */
const MIN_LEASE_MS = 5_000;
/** While demand is new, the others' is too: the first shares hold this long, the next ones twice as long each. */
const FIRST_LEASE_MS = 1_000;
/** How long an announcement outlives its share, so that it still counts when the next request is a little late. */
const GRACE_MS = 2_000;
/** An instance that runs dry asks again when demand has risen by this factor; near the limit, only by the second. */
const RISEN = 1.25;
const RISEN_NEAR_LIMIT = 1.6;
/** One that lives on what it saved asks again, before that is gone, when demand has risen by this factor. */
const RISEN_PAST_BURST = 5;
/** All are asked for so much more, and so much of the limit, that shares are not right before all have announced it. */
const SURGED = 1.5;
const SURGED_TO_PART = 0.5;
/** Demand below this part of what was announced has changed. */
const FALLEN = 0.6;
/**
 * So long after demand has changed, or an instance has begun, near the limit a share holds no longer than this: what
 * others announced before counts until it lapses, also when they are gone.
 */
const SETTLING_MS = 90_000;
const MAX_SETTLING_LEASE_MS = 8_000;
/**
 * What an instance serves without telling anybody, as a part of the limit: sparse requests cost nothing, and it would
 * take forty instances that all do it to exceed the limit by a tenth.
 */
const UNANNOUNCED_PART = 1 / 400;
const UNANNOUNCED_SECONDS = 4;
/** After the store has failed it is left alone for this long. */
const STORE_PAUSE_MS = 5_000;
/** Announced demand is never nothing: a share of nothing could not be waited for. */
const MIN_DEMAND_PART = 1e-4;
/** How much one request changes what is taken for the usual cost of one. */
const USUAL_COST_WEIGHT = 1 / 16;
const MAX_BUCKETS = 2_000;

/** What a limit counts. */
export type QuotaUnit = keyof Demand;

/** How a request stands with one limit. */
export interface QuotaPolicy {
  /** `requests` and `bytes` of a source, `sender-requests` and `sender-bytes` of one of its senders. */
  readonly name: string;
  readonly unit: QuotaUnit;
  /** Amount that the window allows, over all instances. */
  readonly limit: number;
  readonly windowSeconds: number;
  /** What all instances together are likely to serve at once, 0 to `limit`. */
  readonly remaining: number;
  /** When there is more, in whole seconds from now. */
  readonly resetSeconds: number;
}

/** Whether a request may be served now. */
export interface QuotaDecision {
  readonly admitted: boolean;
  /** ms until a request like this one is likely to be admitted; 0 when this one is. */
  readonly retryAfterMs: number;
  /** Every limit that applies to the request. */
  readonly policies: readonly QuotaPolicy[];
  /** Names of the policies that refuse it. */
  readonly violated: readonly string[];
}

/** What a request costs. */
interface RequestCost {
  /** Size of the body as received. */
  readonly bytes: number;
}

export interface Quota {
  /**
   * Takes what a request costs from the limits of its source and its sender, or from none of them.
   *
   * @param senderId who sends; undefined when senders are not told apart
   */
  take(
    source: Source<ReceivedSourceConfig>,
    senderId: string | undefined,
    cost: RequestCost,
  ): Promise<QuotaDecision>;
  /** Tells how many records an admitted request had: how long a share may hold. */
  spent(source: Source<ReceivedSourceConfig>, senderId: string | undefined, records: number): void;
}

export interface QuotaDeps {
  readonly store: QuotaStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Gives numbers from 0 to 1. */
  readonly random?: () => number;
}

type Limits = Readonly<Partial<Record<QuotaUnit, number>>>;

/** One limit of a bucket, as this instance sees it. */
interface UnitState {
  readonly unit: QuotaUnit;
  readonly policy: string;
  readonly limitPerSecond: number;
  readonly demand: Readonly<Record<keyof typeof WINDOWS_MS, DemandMeter>>;
  /** What is served without an announcement. */
  readonly unannounced: TokenBucket;
  /** Undefined until the first announcement. */
  share: TokenBucket | undefined;
  /** What all instances announced, as of this one's last announcement. */
  totalPerSecond: number;
  /** Of the requests of late. */
  usualCost: number;
}

/** What is limited as a whole: a source, or one sender of it. */
interface BucketState {
  readonly name: string;
  readonly units: readonly UnitState[];
  readonly records: DemandMeter;
  announced: Announcement | undefined;
  /** When demand had last changed much, or the instance had begun. */
  changedAtMs: number;
  leaseMs: number;
  leaseUntilMs: number;
  /** The announcement that is under way: of simultaneous requests one makes it, and all wait for it. */
  pending: Promise<void> | undefined;
}

/**
 * Rate limits that hold over all instances of the push function together, at one small write per some thousand records.
 *
 * Each instance announces what it is asked for, learns what all are asked for, and gives itself the same part of the
 * limit (see shareOf). It refuses from memory. A share holds until 2,500 records came, for a minute at most, and one
 * second when demand is new; so after a change it takes as long as a share holds until the shares fit again.
 *
 * When the store does not answer, each instance applies the whole limit alone for some seconds: API Gateway's throttle
 * is the wall around that.
 */
export function createQuota({ store, clock, telemetry, random = Math.random }: QuotaDeps): Quota {
  const buckets = new LRUCache<string, BucketState>({ max: MAX_BUCKETS });
  let storePausedUntilMs = -Infinity;

  function bucketOf(name: string, limits: Limits, policyPrefix: string, nowMs: number): BucketState {
    let bucket = buckets.get(name);
    if (bucket === undefined) {
      bucket = {
        name,
        units: unitStates(limits, policyPrefix, nowMs),
        records: new DemandMeter(WINDOWS_MS.steady, nowMs),
        announced: undefined,
        changedAtMs: nowMs,
        leaseMs: 0,
        leaseUntilMs: -Infinity,
        pending: undefined,
      };
      buckets.set(name, bucket);
    }
    return bucket;
  }

  /** The buckets that a request of this sender counts in. */
  function bucketsOf(
    { name, config: { limits } }: Source<ReceivedSourceConfig>,
    senderId: string | undefined,
    nowMs: number,
  ): readonly BucketState[] {
    const found = [bucketOf(name, limitsOf(limits), '', nowMs)];
    const perKey = limitsOf(limits.perKey);
    if (senderId !== undefined && Object.keys(perKey).length > 0) {
      // Names of senders may be long, and are nobody else's business.
      const sender = hash('sha256', senderId).slice(0, 32);
      found.push(bucketOf(`${name}#${sender}`, perKey, 'sender-', nowMs));
    }
    return found;
  }

  async function announce(bucket: BucketState, cost: Demand, nowMs: number, isSurge: boolean): Promise<void> {
    const demand = { requests: 0, bytes: 0 };
    // At any moment, what came before tells the rate. But who has not been heard of stands for the request that it has.
    const isNew = bucket.announced === undefined || bucket.announced.expiresAtMs <= nowMs;
    for (const state of bucket.units) {
      const amount = isNew || isSurge ? cost[state.unit] : 0;
      demand[state.unit] = demandToAnnounce(state, amount, nowMs, isSurge);
    }
    if (isSurge || hasFallen(bucket, demand)) bucket.changedAtMs = nowMs;
    bucket.leaseMs = nextLeaseMs(bucket, nowMs, isSurge);
    // Where there was room, a surge is looked at again soon: if it is one of all, they announce it in this time.
    const leaseMs = isSurge && !isBusyBucket(bucket) ? FIRST_LEASE_MS : bucket.leaseMs;
    const countsMs = Math.max(leaseMs, ...bucket.units.map((state) => usualGapMs(state, demand[state.unit])));
    const announcement = { demand, expiresAtMs: nowMs + Math.min(countsMs, MAX_LEASE_MS) + GRACE_MS };
    try {
      const total = await store.announce(bucket.name, announcement, { replaces: bucket.announced, nowMs });
      if (bucket.units.some((state) => isSurging(state, total[state.unit]))) bucket.leaseMs = FIRST_LEASE_MS;
      const untilMs = nowMs + Math.min(leaseMs, bucket.leaseMs);
      giveShares(bucket, demand, total, { nowMs, untilMs, random });
      bucket.announced = announcement;
    } catch (error) {
      storePausedUntilMs = nowMs + STORE_PAUSE_MS;
      bucket.announced = undefined;
      giveWholeLimit(bucket, nowMs);
      telemetry.log('warn', 'quota could not be shared; this instance applies the whole limit alone', {
        bucket: bucket.name,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** As if there were no other instance, while the store is left alone. */
  function giveWholeLimit(bucket: BucketState, nowMs: number): void {
    const whole = { requests: 0, bytes: 0 };
    for (const { unit, limitPerSecond } of bucket.units) whole[unit] = limitPerSecond;
    giveShares(bucket, whole, whole, { nowMs, untilMs: storePausedUntilMs, random });
  }

  /** Makes sure that the bucket has a share that fits, as far as that is worth a write. */
  async function prepare(bucket: BucketState, cost: Demand, nowMs: number): Promise<void> {
    // Of those that waited for one announcement, the first may have begun another.
    while (bucket.pending !== undefined) await bucket.pending;
    const why = reasonToAnnounce(bucket, cost, nowMs);
    if (why === undefined) return;
    if (nowMs < storePausedUntilMs) {
      if (why === 'lease') giveWholeLimit(bucket, nowMs);
      return;
    }
    bucket.pending = announce(bucket, cost, nowMs, why === 'surge');
    await bucket.pending;
    bucket.pending = undefined;
  }

  return {
    take: async (source, senderId, { bytes }) => {
      const nowMs = clock.nowMs();
      const cost: Demand = { requests: 1, bytes };
      const found = bucketsOf(source, senderId, nowMs);
      for (const { units } of found) {
        for (const state of units) state.usualCost = usualCostAfter(state.usualCost, cost[state.unit]);
      }
      const isPaid = (): boolean =>
        found.every((bucket) =>
          bucket.units.every((state) => tokensOf(bucket, state, nowMs).waitMs(cost[state.unit], nowMs) === 0),
        );
      await Promise.all(found.map((bucket) => prepare(bucket, cost, nowMs)));
      // Of simultaneous requests another one may have taken what this one was to go with.
      if (!isPaid()) await Promise.all(found.map((bucket) => prepare(bucket, cost, nowMs)));
      for (const { units } of found) {
        for (const state of units) {
          for (const meter of Object.values(state.demand)) meter.add(nowMs, cost[state.unit]);
        }
      }
      const states = found.flatMap((bucket) =>
        bucket.units.map((state) => ({ state, tokens: tokensOf(bucket, state, nowMs) })),
      );
      const waits = states.map(({ state, tokens }) => tokens.waitMs(cost[state.unit], nowMs));
      const retryAfterMs = Math.max(...waits);
      const admitted = retryAfterMs === 0;
      if (admitted) for (const { state, tokens } of states) tokens.take(cost[state.unit], nowMs);
      return {
        admitted,
        retryAfterMs,
        policies: states.map(({ state, tokens }, i) =>
          toPolicy(state, tokens, { cost: cost[state.unit], waitMs: waits[i] ?? 0 }, nowMs),
        ),
        violated: states.filter((_, i) => waits[i] !== 0).map(({ state }) => state.policy),
      };
    },
    spent: (source, senderId, records) => {
      const nowMs = clock.nowMs();
      for (const bucket of bucketsOf(source, senderId, nowMs)) bucket.records.add(nowMs, records);
    },
  };
}

function limitsOf(limits: ReceivedSourceConfig['limits']['perKey']): Limits {
  const { requestsPerSecond, bytesPerSecond } = limits;
  return {
    ...(requestsPerSecond === undefined ? {} : { requests: requestsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytes: toBytes(bytesPerSecond) }),
  };
}

function unitStates(limits: Limits, policyPrefix: string, nowMs: number): readonly UnitState[] {
  return (['requests', 'bytes'] as const).flatMap((unit) => {
    const limitPerSecond = limits[unit];
    if (limitPerSecond === undefined) return [];
    const perSecond = limitPerSecond * UNANNOUNCED_PART;
    const capacity = perSecond * UNANNOUNCED_SECONDS;
    return {
      unit,
      policy: `${policyPrefix}${unit}`,
      limitPerSecond,
      demand: {
        surge: new DemandMeter(WINDOWS_MS.surge, nowMs),
        fall: new DemandMeter(WINDOWS_MS.fall, nowMs),
        steady: new DemandMeter(WINDOWS_MS.steady, nowMs),
      },
      unannounced: new TokenBucket({ perSecond, capacity, creditFrom: capacity }, capacity, nowMs),
      share: undefined,
      totalPerSecond: 0,
      usualCost: 0,
    };
  });
}

function usualCostAfter(usual: number, cost: number): number {
  return usual === 0 ? cost : usual + (cost - usual) * USUAL_COST_WEIGHT;
}

/** What pays for a request now: the share, or, before there is one, what needs none. */
function tokensOf(bucket: BucketState, { share, unannounced }: UnitState, nowMs: number): TokenBucket {
  return share !== undefined && nowMs < bucket.leaseUntilMs ? share : unannounced;
}

/**
 * Why a write is worth it: there is no share (any more) and the request is more than goes without, or demand has risen
 * since the share was given, and the share does not pay for the request, or only with what was saved for another case.
 */
function reasonToAnnounce(bucket: BucketState, cost: Demand, nowMs: number): 'lease' | 'surge' | undefined {
  if (nowMs >= bucket.leaseUntilMs) {
    const isAnnounced = bucket.announced !== undefined && bucket.announced.expiresAtMs > nowMs;
    const isSparse = bucket.units.every(({ unit, unannounced }) => unannounced.tokens(nowMs) >= cost[unit]);
    return isSparse && !isAnnounced ? undefined : 'lease';
  }
  const hasRisen = bucket.units.some((state) => {
    const { unit, share, totalPerSecond, limitPerSecond } = state;
    if (share === undefined) return false;
    // Where there is room, asking again gets more; near the limit, requests that come at random are no reason to ask.
    const hasRoom = !isBusy(limitPerSecond, totalPerSecond);
    const isDry = share.waitMs(cost[unit], nowMs) > 0;
    if (!isDry && !(hasRoom && isPastBurst(share, state.usualCost, nowMs))) return false;
    const announced = bucket.announced?.demand[unit] ?? Infinity;
    const demand = demandToAnnounce(state, cost[unit], nowMs, hasRoom);
    if (!isDry) return demand > announced * RISEN_PAST_BURST;
    return demand > announced * (hasRoom ? RISEN : RISEN_NEAR_LIMIT);
  });
  return hasRisen ? 'surge' : undefined;
}

/** Whether an instance has used more of what it saved than its part of the common burst. */
function isPastBurst(share: TokenBucket, usualCost: number, nowMs: number): boolean {
  const { capacity, creditFrom } = share.size;
  return share.tokens(nowMs) < capacity - Math.max(creditFrom, usualCost);
}

/**
 * What the instance is asked for, in thousandths, so that sums come out even.
 *
 * @param amount of the request that is here and not yet in the meters, if it is to count
 */
function demandToAnnounce(state: UnitState, amount: number, nowMs: number, isSurge: boolean): number {
  const { demand, limitPerSecond, usualCost } = state;
  const ofLate = demand.fall.perSecond(nowMs, amount);
  let perSecond = demand.steady.perSecond(nowMs, amount);
  if (isSurge) {
    for (const window of ['fall', 'surge'] as const) {
      const measured = demand[window].perSecond(nowMs, amount);
      if (isTelling(state, measured, WINDOWS_MS[window])) perSecond = Math.max(perSecond, measured);
    }
  }
  // Requests that are rare cannot be told from a fall.
  else if (perSecond * (WINDOWS_MS.fall / 1000) > MIN_TO_FALL * usualCost)
    perSecond = Math.min(perSecond, ofLate);
  return Math.ceil(Math.max(perSecond, limitPerSecond * MIN_DEMAND_PART) * 1000) / 1000;
}

/** Whether what came in a window is more than a coincidence: a single request, if small, or some. */
function isTelling({ limitPerSecond, usualCost }: UnitState, perSecond: number, windowMs: number): boolean {
  const seconds = windowMs / 1000;
  return (
    usualCost <= limitPerSecond * seconds * TELLING_PART || perSecond * seconds > TELLING_REQUESTS * usualCost
  );
}

/** Whether the demand that is announced is much less than what was announced before. */
function hasFallen({ announced, units }: BucketState, demand: Demand): boolean {
  return announced !== undefined && units.some(({ unit }) => demand[unit] < announced.demand[unit] * FALLEN);
}

/** Whether all are asked for much more than when this instance last looked: the others are about to find out, too. */
function isSurging({ limitPerSecond, totalPerSecond }: UnitState, total: number): boolean {
  return totalPerSecond > 0 && total > totalPerSecond * SURGED && total > limitPerSecond * SURGED_TO_PART;
}

/** Time from one request to the next: demand that counted for less would be missing in the total most of the time. */
function usualGapMs({ usualCost }: UnitState, perSecond: number): number {
  return (usualCost / perSecond) * 1000;
}

/** Whether it was near a limit when the instance last looked. */
function isBusyBucket({ units }: BucketState): boolean {
  return units.some(({ limitPerSecond, totalPerSecond }) => isBusy(limitPerSecond, totalPerSecond));
}

function nextLeaseMs(bucket: BucketState, nowMs: number, isSurge: boolean): number {
  const recordsPerSecond = bucket.records.perSecond(nowMs);
  const targetMs = recordsPerSecond === 0 ? MAX_LEASE_MS : (RECORDS_PER_LEASE / recordsPerSecond) * 1000;
  const isSettling = nowMs - bucket.changedAtMs < SETTLING_MS && isBusyBucket(bucket);
  const maxMs = isSettling ? MAX_SETTLING_LEASE_MS : MAX_LEASE_MS;
  const steadyMs = Math.min(maxMs, Math.max(MIN_LEASE_MS, targetMs));
  return Math.min(steadyMs, Math.max(FIRST_LEASE_MS, isSurge ? bucket.leaseMs / 4 : 2 * bucket.leaseMs));
}

/**
 * Gives the instance its share of each limit of a bucket. Its shares so far gave tokens as long as they counted; while
 * nobody misses anything, also after that.
 */
function giveShares(
  bucket: BucketState,
  own: Demand,
  total: Demand,
  {
    nowMs,
    untilMs,
    random,
  }: { readonly nowMs: number; readonly untilMs: number; readonly random: () => number },
): void {
  for (const state of bucket.units) {
    const { unit, limitPerSecond: limit, share, usualCost } = state;
    const demand = { limit, own: own[unit], total: total[unit], usualCost };
    // Of those that announce a surge, the first see too little of it: meanwhile they keep to their parts before it.
    const partBefore = (bucket.announced?.demand[unit] ?? Infinity) / state.totalPerSecond;
    const keepsToIt = isBusy(limit, total[unit]) && isSurging(state, total[unit]);
    const size = shareOf(
      keepsToIt ? { ...demand, own: Math.min(own[unit], total[unit] * partBefore) } : demand,
    );
    const lapsedMs = bucket.announced?.expiresAtMs ?? bucket.leaseUntilMs;
    const heldUntilMs = isBusy(limit, demand.total) ? Math.min(nowMs, lapsedMs) : nowMs;
    const before = share && {
      size: share.size,
      tokens: share.tokens(heldUntilMs),
      total: state.totalPerSecond,
    };
    const tokens = tokensUnder(size, demand, before, random());
    if (share === undefined) state.share = new TokenBucket(size, tokens, nowMs);
    else share.resize(size, tokens, nowMs);
    state.totalPerSecond = total[unit];
  }
  bucket.leaseUntilMs = untilMs;
}

function toPolicy(
  { unit, policy, limitPerSecond, unannounced }: UnitState,
  tokens: TokenBucket,
  { cost, waitMs }: { readonly cost: number; readonly waitMs: number },
  nowMs: number,
): QuotaPolicy {
  // The next request may come to any instance: what this one has left stands for all of them. What goes without a share
  // says nothing of the limit: the request after it gets one.
  const part = tokens.size.perSecond / limitPerSecond;
  const left =
    tokens === unannounced && waitMs === 0 ? limitPerSecond - cost : Math.max(0, tokens.tokens(nowMs)) / part;
  return {
    name: policy,
    unit,
    limit: limitPerSecond,
    windowSeconds: 1,
    remaining: Math.max(0, Math.floor(Math.min(limitPerSecond, left))),
    resetSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  };
}
