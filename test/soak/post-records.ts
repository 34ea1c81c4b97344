import { setTimeout as sleep } from 'node:timers/promises';

/** A request of the push API as it goes over the wire. */
export interface PushRequest {
  readonly source: string;
  readonly contentType: 'application/json' | 'application/x-ndjson';
  readonly contentEncoding: 'gzip' | 'zstd' | undefined;
  readonly body: Buffer;
  readonly idempotencyKey: string | undefined;
}

export interface PostOptions {
  /** For example `http://127.0.0.1:4566/_aws/execute-api/<id>/$default`. */
  readonly apiUrl: string;
  /** Write key by source. */
  readonly writeKeys: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  /** Called when the request is tried once more after an answer or a failure that left its outcome open. */
  readonly onRetry: (reason: string) => void;
}

interface PushAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly rejected: number;
}

export interface PostResult {
  readonly answer: PushAnswer;
  readonly attempts: number;
  /** Whether it was answered from the first answer to its Idempotency-Key. */
  readonly isReplay: boolean;
}

/**
 * How long a request is tried again: longer than an Idempotency-Key is held for a function that died with it, which is
 * that function's time-out.
 */
const GIVE_UP_MS = 90_000;
const REQUEST_TIMEOUT_MS = 60_000;
const RETRIED_STATUSES = new Set([409, 425, 429, 500, 502, 503, 504]);

/**
 * Sends a request of the push API. One that fails, is throttled or times out is repeated as it is, after the time that
 * `Retry-After` asks for.
 *
 * @throws Error when it is refused for good or all attempts have failed
 */
export async function postRecords(request: PushRequest, options: PostOptions): Promise<PostResult> {
  const giveUpAtMs = performance.now() + GIVE_UP_MS;
  let lastProblem = '';
  for (let attempt = 1; performance.now() < giveUpAtMs; attempt++) {
    options.signal.throwIfAborted();
    if (attempt > 1) options.onRetry(lastProblem);
    const outcome = await send(request, options);
    if (outcome.answer !== undefined) {
      return { answer: outcome.answer, attempts: attempt, isReplay: outcome.isReplay };
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
  | { readonly answer: PushAnswer; readonly isReplay: boolean }
  | {
      readonly answer: undefined;
      readonly problem: string;
      readonly mayRetry: boolean;
      readonly retryAfterMs: number | undefined;
    };

async function send(request: PushRequest, options: PostOptions): Promise<Outcome> {
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
      return { answer, isReplay: response.headers.get('idempotent-replayed') === 'true' };
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
