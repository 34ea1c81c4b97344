/** At most so many requests within any stretch of time. */
export interface RequestBudget {
  /** How long the next request has to wait, ms; 0 when it may go. */
  waitMs(nowMs: number): number;
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
    waitMs: (nowMs) => Math.max(0, (sentAtMs[oldest] ?? 0) + perMs - nowMs),
    spend(nowMs) {
      sentAtMs[oldest] = nowMs;
      oldest = (oldest + 1) % requests;
    },
  };
}
