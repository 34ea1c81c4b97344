/** What a bucket yields, and how many tokens it holds at most. */
export interface BucketSize {
  readonly perSecond: number;
  readonly capacity: number;
  /** With this many tokens, at most `capacity`, it serves what costs more, and leaves a debt. */
  readonly creditFrom: number;
}

/**
 * Tokens that come back at a steady rate. What costs more than a bucket is to save up is served on credit and leaves a
 * debt, so that it is neither impossible nor free.
 */
export class TokenBucket {
  #size: BucketSize;
  #tokens: number;
  #updatedMs: number;

  constructor(size: BucketSize, tokens: number, nowMs: number) {
    this.#size = size;
    this.#tokens = tokens;
    this.#updatedMs = nowMs;
  }

  get size(): BucketSize {
    return this.#size;
  }

  /** Tokens that are there now; below zero while a debt is paid back. */
  tokens(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#updatedMs);
    return Math.min(this.#size.capacity, this.#tokens + (elapsedMs / 1000) * this.#size.perSecond);
  }

  /** ms until `cost` can be taken, 0 if it can be now. */
  waitMs(cost: number, nowMs: number): number {
    const missing = Math.min(cost, this.#size.creditFrom) - this.tokens(nowMs);
    // Sums of fractions are a little off; nobody waits for a billionth of a token.
    return missing <= 1e-9 * this.#size.creditFrom ? 0 : (missing / this.#size.perSecond) * 1000;
  }

  take(cost: number, nowMs: number): void {
    this.#tokens = this.tokens(nowMs) - cost;
    this.#updatedMs = nowMs;
  }

  /** From now on the bucket has another size and holds `tokens`, or what fits of it. */
  resize(size: BucketSize, tokens: number, nowMs: number): void {
    this.#size = size;
    this.#tokens = tokens;
    this.#updatedMs = nowMs;
  }
}
