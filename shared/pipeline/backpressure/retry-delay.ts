/** Shortest and longest time after which a sender is asked to come back. */
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Of the estimated need, from half of it to half as much again: senders that left together come back apart. */
const JITTER = { from: 0.5, width: 1 };
const MAX_NEED_MS = MAX_RETRY_MS / (JITTER.from + JITTER.width);

/**
 * When a sender should come back, given how long what is in its way will need: on average then, spread so widely that
 * senders who are told at the same time do not meet again, even where the need is longer than the longest answer.
 *
 * @param needMs may be Infinity
 * @param random a number in [0, 1)
 * @returns milliseconds, 1,000 to 60,000
 */
export function retryDelayMs(needMs: number, random: number): number {
  const boundMs = Math.min(MAX_NEED_MS, Math.max(MIN_RETRY_MS, needMs));
  return Math.max(MIN_RETRY_MS, Math.round(boundMs * (JITTER.from + JITTER.width * random)));
}
