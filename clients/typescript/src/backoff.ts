const BASE_MS = 500;
const MAX_MS = 30_000;

/**
 * How long to wait before the next attempt: exponential back-off with full jitter, and no less than the server asks for,
 * plus a little, so that clients that were told the same do not come back at once.
 *
 * @param attempt the one that failed, from 1
 * @param random from 0 to below 1
 */
export function waitAfter(attempt: number, retryAfterMs: number | undefined, random: number): number {
  if (retryAfterMs !== undefined) return retryAfterMs + random * BASE_MS;
  return random * Math.min(MAX_MS, BASE_MS * 2 ** Math.min(attempt, 16));
}
