import { rounded } from '../report.ts';

/** One request and its answer. */
export interface SentRequest {
  readonly statusCode: number;
  /** From the call of the handler to its answer. */
  readonly handlerMs: number;
  readonly records: number;
  /** SHA-256 of the bytes of its records, which no other request has. */
  readonly payload: string;
}

/** What became of the requests of one load. Shares are of requests. */
export interface LoadSummary {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Records that are durable, per second of the load. */
  readonly durablePerS: number;
  /** Share that was answered 2xx. */
  readonly ok: number;
  /** Share that was answered 429. */
  readonly tooMany: number;
  /** Share that was answered 503. */
  readonly unavailable: number;
  /** Share that was answered anything else. */
  readonly failed: number;
  /** Records of requests that were answered 2xx and are not durable. */
  readonly lostAfter2xx: number;
}

/** The value that this share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/**
 * @param payloads what the stream has stored: the payloads of requests
 * @param seconds how long the load took
 */
export function summariseLoad(
  requests: readonly SentRequest[],
  payloads: readonly string[],
  seconds: number,
): LoadSummary {
  const stored = new Set(payloads);
  const recordsOf = (chosen: readonly SentRequest[]): number =>
    chosen.reduce((sum, { records }) => sum + records, 0);
  const share = (isChosen: (statusCode: number) => boolean): number =>
    rounded(requests.filter(({ statusCode }) => isChosen(statusCode)).length / requests.length, 4);
  const isOk = (statusCode: number): boolean => statusCode >= 200 && statusCode < 300;
  const times = requests.map(({ handlerMs }) => handlerMs);
  return {
    requests: requests.length,
    p50Ms: rounded(percentile(times, 0.5), 1),
    p99Ms: rounded(percentile(times, 0.99), 1),
    durablePerS: Math.round(recordsOf(requests.filter(({ payload }) => stored.has(payload))) / seconds),
    ok: share(isOk),
    tooMany: share((statusCode) => statusCode === 429),
    unavailable: share((statusCode) => statusCode === 503),
    failed: share((statusCode) => !isOk(statusCode) && statusCode !== 429 && statusCode !== 503),
    lostAfter2xx: recordsOf(
      requests.filter(({ statusCode, payload }) => isOk(statusCode) && !stored.has(payload)),
    ),
  };
}
