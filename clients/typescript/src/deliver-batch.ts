import { waitAfter } from './backoff.ts';
import type { Settings } from './client-options.ts';
import type { Environment } from './environment.ts';
import { postLines, type FailedAttempt } from './post-lines.ts';
import type { DeliveryFailure, RecordResult } from './record-result.ts';

/** Records that travel in one request, or in parts of it. */
export interface Batch {
  readonly lines: readonly Uint8Array<ArrayBuffer>[];
  /** Every attempt has the same one, so that the server stores the records once. */
  readonly idempotencyKey: string;
  /** Sends at once and uncompressed what must outlive its page. */
  readonly isKeptAlive: boolean;
}

export interface DeliveryContext {
  readonly settings: Settings;
  readonly environment: Environment;
  /** Ends the delivery: what has no answer by then is undelivered. */
  readonly signal: AbortSignal;
  /** The server asks everybody to wait. */
  readonly onHold: (waitMs: number) => void;
}

/** What is smaller does not get smaller by more than its header. */
const MIN_GZIP_BYTES = 512;
const LINE_FEED = 0x0a;
/** The server asks all its callers to slow down, not only this request. */
const BUSY: ReadonlySet<number | undefined> = new Set([429, 503]);

/**
 * Delivers a batch: repeats its request until it is answered or `maxRetryTimeMs` is over, and cuts in half what is too
 * large for one request. It never throws.
 *
 * @returns what became of each record, in their order
 */
export async function deliverBatch(
  batch: Batch,
  context: DeliveryContext,
  mayBeStoredBefore = false,
): Promise<readonly RecordResult[]> {
  const { lines, idempotencyKey, isKeptAlive } = batch;
  const { settings, environment, signal } = context;
  const raw = joinLines(lines);
  // Compressing takes a turn of the event loop, which a page that goes away no longer has.
  const zipped = isKeptAlive || !settings.isGzipAllowed ? undefined : await compress(raw, environment);
  const body = zipped ?? raw;
  const giveUpAtMs = environment.nowMs() + settings.maxRetryTimeMs;
  let mayBeStored = mayBeStoredBefore;

  function undelivered(code: DeliveryFailure['code'], message: string, last?: FailedAttempt): RecordResult[] {
    const failure: DeliveryFailure = {
      code,
      message,
      ...(last?.httpStatus === undefined ? {} : { httpStatus: last.httpStatus }),
      ...(last?.problem === undefined ? {} : { problem: last.problem }),
      mayBeStored,
    };
    return lines.map(() => ({ status: 'undelivered', failure }));
  }

  for (let attempt = 1; ; attempt++) {
    const startMs = environment.nowMs();
    const outcome = await postLines(
      { body, isGzip: zipped !== undefined, idempotencyKey, records: lines.length, isKeptAlive, signal },
      settings,
      environment,
    );
    const endMs = environment.nowMs();
    const leftMs = giveUpAtMs - endMs;
    const retryInMs =
      outcome.kind === 'retry' && leftMs > 0 && !signal.aborted
        ? Math.min(leftMs, waitAfter(attempt, outcome.retryAfterMs, environment.random()))
        : undefined;
    settings.onRequest({
      idempotencyKey,
      attempt,
      records: lines.length,
      rawBytes: raw.length,
      sentBytes: body.length,
      durationMs: endMs - startMs,
      outcome: outcome.kind,
      ...(outcome.httpStatus === undefined ? {} : { httpStatus: outcome.httpStatus }),
      isReplay: outcome.kind === 'answered' && outcome.isReplay,
      ...(outcome.kind === 'answered' ? {} : { message: outcome.message }),
      ...(retryInMs === undefined ? {} : { retryInMs }),
    });
    if (outcome.kind === 'answered') return outcome.results;
    mayBeStored ||= outcome.mayBeStored;
    if (signal.aborted) break;
    switch (outcome.kind) {
      case 'refused':
        return undelivered('refused', outcome.message, outcome);
      case 'too-large':
        return lines.length > 1
          ? inHalves(batch, context, mayBeStored)
          : undelivered('too-large', outcome.message, outcome);
      case 'retry':
    }
    if (retryInMs === undefined) {
      const message = `gave up after ${String(attempt)} attempts in ${String(settings.maxRetryTimeMs)} ms: ${outcome.message}`;
      return undelivered('gave-up', message, outcome);
    }
    if (outcome.retryAfterMs !== undefined && BUSY.has(outcome.httpStatus)) context.onHold(retryInMs);
    await sleep(retryInMs, context);
    // What waits is not in flight, and needs no request to find out that the client is closed.
    if (isAborted(signal)) break;
  }
  return undelivered('closed', 'the client was closed before the records were delivered');
}

/** A function, because the compiler does not know that the signal may change while something is awaited. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** One half after the other, so that the order is kept. Keys derive from the batch's: repeating it repeats its parts. */
async function inHalves(
  { lines, idempotencyKey, isKeptAlive }: Batch,
  context: DeliveryContext,
  mayBeStored: boolean,
): Promise<readonly RecordResult[]> {
  const middle = Math.ceil(lines.length / 2);
  const results: RecordResult[] = [];
  for (const [part, half] of [lines.slice(0, middle), lines.slice(middle)].entries()) {
    const batch = { lines: half, idempotencyKey: `${idempotencyKey}.${String(part)}`, isKeptAlive };
    results.push(...(await deliverBatch(batch, context, mayBeStored)));
  }
  return results;
}

function joinLines(lines: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0));
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
    bytes[at++] = LINE_FEED;
  }
  return bytes;
}

/** The same, compressed; undefined when it does not pay. */
async function compress(
  bytes: Uint8Array<ArrayBuffer>,
  { gzip }: Environment,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (gzip === undefined || bytes.length < MIN_GZIP_BYTES) return undefined;
  try {
    const zipped = await gzip(bytes);
    return zipped.length < bytes.length ? zipped : undefined;
  } catch {
    // Uncompressed it arrives as well.
    return undefined;
  }
}

/** Waits, but no longer than until the signal. */
function sleep(waitMs: number, { environment, signal }: DeliveryContext): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stopTimer();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const stopTimer = environment.startTimer(end, waitMs);
    signal.addEventListener('abort', end);
  });
}
