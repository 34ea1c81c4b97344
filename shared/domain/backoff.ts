/** How often and how patiently a call is repeated. */
export interface RetryPolicy {
  /** Calls in all, the first one included. */
  readonly maxAttempts: number;
  /** Upper bound of the first wait; it doubles with each attempt. */
  readonly baseDelayMs: number;
  /** Upper bound of every wait. */
  readonly maxDelayMs: number;
}

/** What calls to AWS use unless they say otherwise. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxAttempts: 5, baseDelayMs: 50, maxDelayMs: 2_000 };

/**
 * How long to wait before the next attempt: exponential backoff with full jitter, so that many callers that failed
 * together do not come back together.
 *
 * @param attempts calls made so far, at least 1
 * @param remainingMs time until the caller's deadline
 * @param random a number in [0, 1)
 * @returns milliseconds, or undefined when the caller must give up: no attempt or no time is left
 */
export function nextDelayMs(
  policy: RetryPolicy,
  attempts: number,
  remainingMs: number,
  random: number,
): number | undefined {
  if (attempts >= policy.maxAttempts) return undefined;
  const boundMs = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempts - 1));
  const delayMs = Math.floor(boundMs * random);
  return delayMs < remainingMs ? delayMs : undefined;
}
