import { nextDelayMs, type CallTimeouts, type RetryPolicy } from '../../domain/backoff.ts';
import { TransientError } from '../../domain/errors.ts';
import { translateError } from './translate-error.ts';

/** Repetitions that one client may owe before it stops repeating; every success pays one back. */
const MAX_OWED_RETRIES = 100;

/** How far one call has come. */
interface CallToken {
  readonly startMs: number;
  readonly retries: number;
  getRetryCount(): number;
  getRetryDelay(): number;
}

/** What the SDK tells about a failed attempt. */
interface Failure {
  readonly error?: unknown;
  readonly errorType: 'TRANSIENT' | 'THROTTLING' | 'SERVER_ERROR' | 'CLIENT_ERROR';
}

/**
 * Repeats calls of an AWS client by our policy: exponential backoff with full jitter, a bounded number of attempts, and
 * no attempt that could end after the call's deadline, so that with the attempts' own time-out a call never takes
 * longer than `callMs`. What is repeated is what `translateError` takes for passing, conflicts that S3 and DynamoDB ask
 * to repeat included; nothing else is. When very many calls fail, repeating stops until some succeed, so that a service
 * that is down is not asked five times as often as one that is up.
 *
 * Fits `retryStrategy` of every client (the SDK's `RetryStrategyV2`).
 */
export class PolicyRetryStrategy {
  readonly #policy: RetryPolicy;
  readonly #timeouts: CallTimeouts;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  #owedRetries = 0;

  constructor(
    policy: RetryPolicy,
    timeouts: CallTimeouts,
    source: { readonly nowMs: () => number; readonly random: () => number } = {
      nowMs: () => performance.now(),
      random: Math.random,
    },
  ) {
    this.#policy = policy;
    this.#timeouts = timeouts;
    this.#nowMs = source.nowMs;
    this.#random = source.random;
  }

  acquireInitialRetryToken(): Promise<CallToken> {
    return Promise.resolve(tokenOf(this.#nowMs(), 0, 0));
  }

  /** @throws Error when the call is not to be repeated; the SDK then throws the attempt's own error */
  async refreshRetryTokenForRetry(token: object, { error, errorType }: Failure): Promise<CallToken> {
    await Promise.resolve();
    const { startMs, retries } = token as CallToken;
    const attempts = retries + 1;
    // The SDK knows one more passing failure: a refused signature after which it has corrected its clock.
    const isPassing =
      errorType === 'TRANSIENT' ||
      errorType === 'THROTTLING' ||
      translateError(error, { operation: 'call', resource: 'AWS' }) instanceof TransientError;
    const { attemptMs, callMs } = this.#timeouts;
    const remainingMs = startMs + callMs - attemptMs - this.#nowMs();
    const delayMs = isPassing ? nextDelayMs(this.#policy, attempts, remainingMs, this.#random()) : undefined;
    if (delayMs === undefined || this.#owedRetries >= MAX_OWED_RETRIES) throw new Error('not repeated');
    this.#owedRetries++;
    return tokenOf(startMs, attempts, delayMs);
  }

  recordSuccess(token: object): void {
    this.#owedRetries = Math.max(0, this.#owedRetries - Math.max(1, (token as CallToken).retries));
  }
}

/** The SDK waits for the delay itself, and stops waiting when the call is aborted. */
function tokenOf(startMs: number, retries: number, delayMs: number): CallToken {
  return { startMs, retries, getRetryCount: () => retries, getRetryDelay: () => delayMs };
}
