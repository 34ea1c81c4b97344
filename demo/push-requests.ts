import type { PlannedRequest } from './data/plan-requests.ts';
import { postRecords } from './post-records.ts';

/** What the push API said to the records of one source, summed over all answers. */
interface PushTotals {
  sent: number;
  /** Accepted by the API: valid, known to be a duplicate, or kept in quarantine. */
  accepted: number;
  rejected: number;
}

export interface PushOptions {
  /** For example `http://127.0.0.1:4566/_aws/execute-api/<id>/$default`. */
  readonly apiUrl: string;
  /** Write key by source. */
  readonly writeKeys: ReadonlyMap<string, string>;
  readonly connections: number;
  readonly signal: AbortSignal;
  /** Called after each answer. */
  readonly onAnswer: (records: number, rawBytes: number) => void;
  /** Called when a request is tried once more after an answer or a failure that left its outcome open. */
  readonly onRetry: (request: PlannedRequest, reason: string) => void;
}

export interface PushResult {
  readonly totals: ReadonlyMap<string, PushTotals>;
  /** Bytes before compression. */
  readonly rawBytes: number;
  /** HTTP requests, and what API Gateway bills for them: one per started 512 KB. */
  readonly requests: number;
  readonly billedRequests: number;
  readonly durationMs: number;
}

const BILLED_REQUEST_BYTES = 512_000;

/**
 * Sends all requests over several connections, each in turn and as often as planned.
 *
 * @throws Error when a request is refused for good or all attempts fail
 */
export async function pushRequests(
  requests: readonly PlannedRequest[],
  options: PushOptions,
): Promise<PushResult> {
  const totals = new Map<string, PushTotals>();
  const sum = { rawBytes: 0, requests: 0, billedRequests: 0 };
  const queue = requests.values();
  const startMs = performance.now();
  // One request that fails for good ends the others, which would otherwise go on trying.
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);

  async function sendOne(request: PlannedRequest, time: number): Promise<void> {
    const { answer, attempts, isReplay } = await postRecords(request, {
      ...options,
      signal,
      onRetry: (reason) => {
        options.onRetry(request, reason);
      },
    });
    if (time > 0 && attempts === 1 && request.idempotencyKey !== undefined && !isReplay) {
      throw new Error(
        `a request repeated under its Idempotency-Key was not answered from its first answer (${request.source})`,
      );
    }
    const total = totals.get(request.source) ?? { sent: 0, accepted: 0, rejected: 0 };
    totals.set(request.source, total);
    total.sent += request.records.length;
    total.accepted += answer.accepted + answer.duplicates + answer.quarantined;
    total.rejected += answer.rejected;
    sum.rawBytes += request.rawBytes;
    sum.requests += attempts;
    sum.billedRequests += attempts * Math.max(1, Math.ceil(request.body.length / BILLED_REQUEST_BYTES));
    options.onAnswer(request.records.length, request.rawBytes);
  }

  async function work(): Promise<void> {
    // The connections share one iterator, so that each request is taken by one of them.
    for (const request of queue) {
      for (let time = 0; time < request.times; time++) await sendOne(request, time);
    }
  }

  try {
    await Promise.all(Array.from({ length: options.connections }, work));
  } catch (error) {
    abort.abort(error);
    throw error;
  }
  return { totals, ...sum, durationMs: performance.now() - startMs };
}
