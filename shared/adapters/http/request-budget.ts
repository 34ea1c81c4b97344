/** At most so many requests within any stretch of time. */
export interface RequestBudget {
  /**
   * How long the next request has to wait, ms; 0 when it may go.
   *
   * @param share of the budget that may be used, above 0 and up to 1
   */
  waitMs(nowMs: number, share?: number): number;
  /** Notes a request that goes out. */
  spend(nowMs: number): void;
}

/**
 * A budget over a sliding window: exact, whatever the moment at which the window is looked at. It is the budget of one
 * process; it remembers when each of the last `requests` requests went out.
 */
export function createRequestBudget({
  requests,
  perMs,
}: {
  readonly requests: number;
  readonly perMs: number;
}): RequestBudget {
  const sentAtMs = new Float64Array(requests).fill(Number.NEGATIVE_INFINITY);
  let oldest = 0;
  return {
    waitMs(nowMs, share = 1) {
      // A share of less than one request is one request within a longer time.
      const allowed = requests * share;
      const count = Math.max(1, Math.floor(allowed));
      const withinMs = perMs * Math.max(1, 1 / allowed);
      const before = (oldest - count + requests) % requests;
      return Math.max(0, (sentAtMs[before] ?? 0) + withinMs - nowMs);
    },
    spend(nowMs) {
      sentAtMs[oldest] = nowMs;
      oldest = (oldest + 1) % requests;
    },
  };
}
