/** A meter that knows less than this of the past cannot tell a rate from a coincidence. */
const MIN_AGE_MS = 1_000;

/** How much arrives per second, as of late: what arrived long ago counts less, with a time constant of one window. */
export class DemandMeter {
  readonly #windowMs: number;
  readonly #startMs: number;
  #lastMs: number;
  #sum = 0;

  constructor(windowMs: number, nowMs: number) {
    this.#windowMs = windowMs;
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  add(nowMs: number, amount: number): void {
    this.#sum = this.#sum * this.#decay(nowMs - this.#lastMs) + amount;
    this.#lastMs = nowMs;
  }

  /** @param amount arrives just now and has not been added */
  perSecond(nowMs: number, amount = 0): number {
    // A young meter has not seen a whole window yet.
    const seenMs = this.#windowMs * (1 - this.#decay(Math.max(MIN_AGE_MS, nowMs - this.#startMs)));
    return ((this.#sum * this.#decay(nowMs - this.#lastMs) + amount) / seenMs) * 1000;
  }

  #decay(ms: number): number {
    return Math.exp(-Math.max(0, ms) / this.#windowMs);
  }
}
