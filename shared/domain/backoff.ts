/** How often and how patiently a call is repeated. */
export interface RetryPolicy {
  /** Calls in all, the first one included. */
  readonly maxAttempts: number;
  /** Upper bound of the first wait; it doubles with each attempt. */
  readonly baseDelayMs: number;
  /** Upper bound of every wait. */
  readonly maxDelayMs: number;
}

/** The one retry policy. Who needs other waits (another company's API) changes those, never the number of attempts. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxAttempts: 5, baseDelayMs: 50, maxDelayMs: 2_000 };

/** How long a call may take. */
export interface CallTimeouts {
  /** One attempt; one that is not answered by then counts as failed, and may have had its effect. */
  readonly attemptMs: number;
  /** All attempts and the waits between them: no attempt is begun that could end later. */
  readonly callMs: number;
}

/**
 * The lowest rung of the ladder of deadlines, on which each outlasts the next so that the one who knows the outcome
 * answers first: client > API 29 s > function > calls. For functions that land records.
 */
export const LANDING_TIMEOUTS: CallTimeouts = { attemptMs: 8_000, callMs: 20_000 };

/**
 * A push makes up to six calls, one after the other, in its 25 s: it looks the write key up or reads the issuer's keys,
 * notes that the write key was used (1 s), begins the request, sends the frames (10 s), counts them (1 s) and keeps the
 * answer. Together they end before the function does.
 */
export const PUSH_TIMEOUTS: CallTimeouts = { attemptMs: 1_800, callMs: 4_000 };

/** For reads that a push can do without: one attempt, and the answer to the sender is hardly held up. */
export const GLANCE_TIMEOUTS: CallTimeouts = { attemptMs: 800, callMs: 800 };

/** A count that is not written now is written with the next one. */
export const COUNT_TIMEOUTS: CallTimeouts = { attemptMs: 400, callMs: 1_000 };

/** A rate limit is not worth waiting for, and what it adds must not be added twice: one attempt. */
export const QUOTA_TIMEOUTS: CallTimeouts = { attemptMs: 300, callMs: 300 };

/** For an operator who waits: nothing ends before these calls, and files of megabytes may leave over a slow line. */
export const OPERATOR_TIMEOUTS: CallTimeouts = { attemptMs: 120_000, callMs: 300_000 };

/**
 * How long to wait before the next attempt: exponential backoff with full jitter, so that many callers that failed
 * together do not come back together.
 *
 * @param attempts calls made so far, at least 1
 * @param remainingMs time until the next attempt must have begun
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
