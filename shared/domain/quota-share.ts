import type { BucketSize } from './token-bucket.ts';

/** What was not used is kept for this long: the burst that all instances together serve above the limit in a surge. */
const BURST_SECONDS = 5;
/**
 * An instance keeps at least this many requests of the usual size, until the limit is overrun: a few of the requests
 * that come at random must not exhaust what is a small share, because instances are many or the limit is low.
 */
const MIN_BURST_REQUESTS = 10;
/** What a share that is new or has grown may serve at once, and a new one at least, while there is room. */
const START_SECONDS = 1;
const MIN_START_REQUESTS = 2;
/** An instance does not take more of a free limit than this many times what it is asked for. */
const MAX_HEADROOM = 8;
/** Above this part of the limit, bursts are what others are missing. */
const BUSY_PART = 0.9;
/** From so many times the limit on, what is asked for is a surge and no coincidence. */
const OVERRUN = 1.5;

/** One limit and what is known about the demand for it, per second. */
export interface ShareDemand {
  readonly limit: number;
  /** What this instance announced; more than 0. */
  readonly own: number;
  /** What all announced. */
  readonly total: number;
  /** What a request usually costs. */
  readonly usualCost: number;
}

/** Whether so much of a limit is asked for that what one instance saves up is missing elsewhere. */
export function isBusy(limitPerSecond: number, totalPerSecond: number): boolean {
  return totalPerSecond > limitPerSecond * BUSY_PART;
}

function isOverrun(limitPerSecond: number, totalPerSecond: number): boolean {
  return totalPerSecond > limitPerSecond * OVERRUN;
}

/**
 * An instance's share of a limit: the part of the limit that its part of the demand is. The shares of all instances add
 * up to the limit, or, when little is asked for, to less; under the limit everybody has room to grow, above it all
 * refuse the same part, however the requests fall on the instances.
 */
export function shareOf({ limit, own, total, usualCost }: ShareDemand): BucketSize {
  const perSecond = Math.min(limit, own * Math.min(limit / Math.max(total, own), MAX_HEADROOM));
  const creditFrom = perSecond * BURST_SECONDS;
  return { perSecond, capacity: Math.max(creditFrom, usualCost * MIN_BURST_REQUESTS), creditFrom };
}

/** An instance's share so far. */
export interface ShareBefore {
  readonly size: BucketSize;
  readonly tokens: number;
  /** What all announced then. */
  readonly total: number;
}

/**
 * The tokens with which an instance goes on under a new share: those it had, and a second's worth of what its share has
 * grown by. While others are missing something, growing gives no tokens: shares go up and down a little all the time,
 * and each time up would be a burst above the limit.
 *
 * What was saved beyond the common burst was for requests that come at random. When the limit is overrun, all instances
 * would spend it at once, so it is gone then. Where the part of the common burst is less than one request, the instances
 * must not all begin with one on credit: each is as far from its next one as it would be at a random moment of an
 * overrun that goes on all the time.
 *
 * @param random from 0 to 1
 */
export function tokensUnder(
  share: BucketSize,
  { limit, total, usualCost }: ShareDemand,
  before: ShareBefore | undefined,
  random: number,
): number {
  const hasRoom = !isBusy(limit, total);
  const onCredit = usualCost > share.creditFrom ? share.creditFrom - random * usualCost : Infinity;
  if (before === undefined) {
    const start = share.perSecond * START_SECONDS;
    return hasRoom ? Math.max(start, usualCost * MIN_START_REQUESTS) : Math.min(start, onCredit);
  }
  if (isOverrun(limit, total) && !isOverrun(limit, before.total)) {
    const reserve = before.size.capacity - before.size.creditFrom;
    const least = Math.min(0, share.creditFrom - usualCost);
    return Math.min(before.tokens, onCredit, Math.max(least, before.tokens - reserve));
  }
  const grownBy = Math.max(0, share.perSecond - before.size.perSecond);
  return before.tokens + (hasRoom ? grownBy * START_SECONDS : 0);
}
