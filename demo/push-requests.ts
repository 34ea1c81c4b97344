import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedRequest } from './data/plan-requests.ts';

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

interface PushAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly rejected: number;
}

const MAX_ATTEMPTS = 8;
const REQUEST_TIMEOUT_MS = 60_000;
const BILLED_REQUEST_BYTES = 512_000;
const RETRIED_STATUSES = new Set([409, 425, 429, 500, 502, 503, 504]);

/**
 * Sends all requests over several connections, each in turn and as often as planned. A request that fails, is throttled
 * or times out is repeated as it is, after the time that `Retry-After` asks for.
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
    const { answer, attempts } = await sendWithRetries(request, time, { ...options, signal });
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

async function sendWithRetries(
  request: PlannedRequest,
  time: number,
  options: PushOptions,
): Promise<{ answer: PushAnswer; attempts: number }> {
  let lastProblem = '';
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    options.signal.throwIfAborted();
    if (attempt > 1) options.onRetry(request, lastProblem);
    const outcome = await send(request, options);
    if (outcome.answer !== undefined) {
      const isReplay = outcome.replayed;
      if (time > 0 && attempt === 1 && request.idempotencyKey !== undefined && !isReplay) {
        throw new Error(
          `a request repeated under its Idempotency-Key was not answered from its first answer (${request.source})`,
        );
      }
      return { answer: outcome.answer, attempts: attempt };
    }
    lastProblem = outcome.problem;
    if (!outcome.mayRetry) break;
    await sleep(outcome.retryAfterMs ?? Math.min(5000, 200 * 2 ** attempt), undefined, {
      signal: options.signal,
    });
  }
  throw new Error(`POST /v1/sources/${request.source}/records: ${lastProblem}`);
}

type Outcome =
  | { readonly answer: PushAnswer; readonly replayed: boolean }
  | {
      readonly answer: undefined;
      readonly problem: string;
      readonly mayRetry: boolean;
      readonly retryAfterMs: number | undefined;
    };

async function send(request: PlannedRequest, options: PushOptions): Promise<Outcome> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${options.writeKeys.get(request.source) ?? ''}`,
    'content-type': request.contentType,
  };
  if (request.contentEncoding !== undefined) headers['content-encoding'] = request.contentEncoding;
  if (request.idempotencyKey !== undefined) headers['idempotency-key'] = `"${request.idempotencyKey}"`;
  try {
    const response = await fetch(`${options.apiUrl}/v1/sources/${request.source}/records`, {
      method: 'POST',
      headers,
      body: new Uint8Array(request.body),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (response.status === 202) {
      const answer = JSON.parse(text) as PushAnswer;
      return { answer, replayed: response.headers.get('idempotent-replayed') === 'true' };
    }
    return {
      answer: undefined,
      problem: `${String(response.status)} ${text.slice(0, 500)}`,
      mayRetry: RETRIED_STATUSES.has(response.status),
      retryAfterMs: toRetryAfterMs(response.headers.get('retry-after')),
    };
  } catch (error) {
    options.signal.throwIfAborted();
    return { answer: undefined, problem: String(error), mayRetry: true, retryAfterMs: undefined };
  }
}

function toRetryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
