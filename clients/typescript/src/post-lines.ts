import { isHeaderSafe, type Settings } from './client-options.ts';
import type { Environment } from './environment.ts';
import { parseObject, readAnswer } from './read-answer.ts';
import type { RecordResult } from './record-result.ts';
import { retryAfterMs } from './retry-after.ts';

/** One request, as it goes over the wire. */
export interface LinesRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly isGzip: boolean;
  readonly idempotencyKey: string;
  readonly records: number;
  /** Lets the request outlive the page that sends it. */
  readonly isKeptAlive: boolean;
  readonly signal: AbortSignal;
}

/** What came of one attempt. */
export type Attempt =
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      readonly results: readonly RecordResult[];
      /** Whether it is the answer to an earlier attempt. */
      readonly isReplay: boolean;
    }
  | FailedAttempt;

export interface FailedAttempt {
  /** `retry` may succeed later, `too-large` in parts, `refused` never. */
  readonly kind: 'retry' | 'too-large' | 'refused';
  readonly message: string;
  readonly httpStatus?: number;
  readonly problem?: string;
  readonly retryAfterMs?: number;
  /** Whether the records may be stored for all we know. */
  readonly mayBeStored: boolean;
}

/** Says that a request was not carried out: another attempt may be. Beside them, every 5xx may have stored something. */
const NOT_CARRIED_OUT: ReadonlySet<number> = new Set([408, 425, 429]);
/** Another attempt of the same request is still running. */
const IN_PROGRESS = 409;
const TOO_LARGE = 413;
/** The API's answer when every record was rejected, and to an Idempotency-Key that stands for another payload. */
const UNPROCESSABLE = 422;

/** Makes one attempt of a request; it never throws. */
export async function postLines(
  request: LinesRequest,
  settings: Settings,
  environment: Environment,
): Promise<Attempt> {
  const abort = new AbortController();
  const onAbort = (): void => {
    abort.abort(request.signal.reason);
  };
  if (request.signal.aborted) onAbort();
  request.signal.addEventListener('abort', onAbort);
  const stopTimer = environment.startTimer(() => {
    abort.abort(new Error(`there was no answer within ${String(settings.requestTimeoutMs)} ms`));
  }, settings.requestTimeoutMs);
  let isSent = false;
  try {
    const credentials = settings.credentials();
    // Awaited only where there is something to wait for: a page that goes away must have sent its request by then.
    const secret =
      typeof credentials === 'string' ? credentials : await unlessAborted(credentials, abort.signal);
    // Where it says what is wrong with a header, fetch says what is in it.
    if (!isHeaderSafe(secret)) throw new TypeError('the token must be printable ASCII without spaces');
    abort.signal.throwIfAborted();
    isSent = true;
    const response = await environment.fetch(settings.recordsUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': 'application/x-ndjson',
        ...(request.isGzip ? { 'content-encoding': 'gzip' } : {}),
        'idempotency-key': `"${request.idempotencyKey}"`,
      },
      body: request.body,
      signal: abort.signal,
      keepalive: request.isKeptAlive,
      credentials: 'omit',
      // A redirected POST becomes a GET without a body.
      redirect: 'error',
    });
    return readResponse(response, await response.text(), request.records, environment.dateMs());
  } catch (error) {
    const message = `the request failed: ${error instanceof Error ? describe(error) : String(error)}`;
    return { kind: 'retry', message, mayBeStored: isSent };
  } finally {
    stopTimer();
    request.signal.removeEventListener('abort', onAbort);
  }
}

/** What a promise gives, unless the signal comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('it was aborted'));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  return Promise.race([promise, aborted]);
}

/** Node says in the cause what went wrong. */
function describe({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

function readResponse(response: Response, text: string, records: number, dateMs: number): Attempt {
  const { status: httpStatus, headers } = response;
  const body = parseObject(text);
  const isAnswer = response.ok || httpStatus === UNPROCESSABLE;
  const results = isAnswer && body !== undefined ? readAnswer(body, records) : undefined;
  if (results !== undefined) {
    return { kind: 'answered', httpStatus, results, isReplay: headers.get('idempotent-replayed') === 'true' };
  }
  const type = typeof body?.['type'] === 'string' ? body['type'] : '';
  const detail = typeof body?.['detail'] === 'string' ? body['detail'] : text.slice(0, 200);
  const problem = /[^:/#]+$/.exec(type)?.[0];
  const failed = {
    message: `the server answered ${String(httpStatus)}: ${detail}`,
    httpStatus,
    ...(problem === undefined ? {} : { problem }),
  };
  if (response.ok) {
    const message = `the answer (${String(httpStatus)}) does not say what became of the records; is it from Headgate?`;
    return { ...failed, message, kind: 'retry', mayBeStored: true };
  }
  if (httpStatus === TOO_LARGE) return { ...failed, kind: 'too-large', mayBeStored: false };
  if (httpStatus >= 500 || httpStatus === IN_PROGRESS || NOT_CARRIED_OUT.has(httpStatus)) {
    const waitMs = retryAfterMs(headers.get('retry-after'), dateMs);
    return {
      ...failed,
      kind: 'retry',
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
      mayBeStored: !NOT_CARRIED_OUT.has(httpStatus),
    };
  }
  return { ...failed, kind: 'refused', mayBeStored: false };
}
