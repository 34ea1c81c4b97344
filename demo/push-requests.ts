import { createClient } from '../clients/typescript/src/create-client.ts';
import type { Client } from '../clients/typescript/src/client.ts';
import type { RequestEvent } from '../clients/typescript/src/request-event.ts';
import { DeliveryError } from '../clients/typescript/src/delivery-error.ts';
import { isDurable, type RecordResult } from '../clients/typescript/src/record-result.ts';
import type { PlannedRequest } from './data/plan-requests.ts';

/** What the push API said to the records of one source, summed over all answers. */
interface PushTotals {
  sent: number;
  /** Accepted by the API: valid, known to be a duplicate, or kept in quarantine. */
  accepted: number;
  rejected: number;
  /** HTTP requests. */
  requests: number;
}

export interface PushOptions {
  /** For example `http://127.0.0.1:4566/_aws/execute-api/<id>/$default`. */
  readonly apiUrl: string;
  /** Write key by source. */
  readonly writeKeys: ReadonlyMap<string, string>;
  readonly connections: number;
  readonly signal: AbortSignal;
  /** Called when records are answered. */
  readonly onAnswer: (records: number) => void;
  /** Called when records may be sent once more after an answer or a failure that left their outcome open. */
  readonly onRetry: (request: PlannedRequest) => void;
}

export interface PushResult {
  readonly totals: ReadonlyMap<string, PushTotals>;
  /** HTTP requests. */
  readonly requests: number;
  readonly durationMs: number;
}

/** Larger than the client's default: the demo has all its records at hand, and a function that starts with a cloud. */
const MAX_BATCH_RECORDS = 5000;
/**
 * How long a request is tried again: longer than an Idempotency-Key is held for a function that died with it, which is
 * that function's time-out.
 */
const MAX_RETRY_TIME_MS = 90_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Records that are on their way, and what has happened to the requests with their Idempotency-Key. */
interface Sending {
  readonly request: PlannedRequest;
  attempts: number;
  isReplay: boolean;
}

/**
 * Sends all requests with the client library, several at a time, each as often as planned.
 *
 * @throws Error when records are refused for good or all attempts fail
 */
export async function pushRequests(
  requests: readonly PlannedRequest[],
  options: PushOptions,
): Promise<PushResult> {
  const totals = new Map<string, PushTotals>();
  const sum = { requests: 0 };
  const sending = new Set<Sending>();
  const clients = new Map<string, Client>();
  const startMs = performance.now();

  function totalOf(source: string): PushTotals {
    let total = totals.get(source);
    if (total === undefined) totals.set(source, (total = { sent: 0, accepted: 0, rejected: 0, requests: 0 }));
    return total;
  }

  function note(source: string, event: RequestEvent): void {
    sum.requests++;
    totalOf(source).requests++;
    for (const each of sending) {
      const { request } = each;
      if (request.source !== source || !isPartOf(event, request)) continue;
      each.attempts++;
      each.isReplay = event.isReplay;
      if (event.retryInMs !== undefined) options.onRetry(request);
    }
  }

  function clientOf(source: string): Client {
    const known = clients.get(source);
    if (known !== undefined) return known;
    const client = createClient({
      url: options.apiUrl,
      source,
      key: options.writeKeys.get(source) ?? '',
      maxBatchRecords: MAX_BATCH_RECORDS,
      maxInFlight: options.connections,
      maxRetryTimeMs: MAX_RETRY_TIME_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onRequest: (event) => {
        note(source, event);
      },
    });
    clients.set(source, client);
    return client;
  }

  async function sendOne(request: PlannedRequest, time: number): Promise<void> {
    options.signal.throwIfAborted();
    const { source, records, idempotencyKey } = request;
    const entry: Sending = { request, attempts: 0, isReplay: false };
    sending.add(entry);
    const texts = records.map(({ text }) => text);
    const results = await settle(
      clientOf(source).send(texts, idempotencyKey === undefined ? {} : { idempotencyKey }),
    );
    sending.delete(entry);
    options.signal.throwIfAborted();
    const lost = results.find((result) => result.status === 'undelivered');
    if (lost !== undefined)
      throw new Error(`records of ${source} were not delivered: ${lost.failure.message}`);
    if (time > 0 && entry.attempts === 1 && idempotencyKey !== undefined && !entry.isReplay) {
      throw new Error(
        `a request repeated under its Idempotency-Key was not answered from its first answer (${source})`,
      );
    }
    const accepted = results.filter(isDurable).length;
    const total = totalOf(source);
    total.sent += results.length;
    total.accepted += accepted;
    total.rejected += results.length - accepted;
    options.onAnswer(records.length);
  }

  const queue = requests.values();
  async function work(): Promise<void> {
    // The workers share one iterator, so that each request is taken by one of them.
    for (const request of queue) {
      for (let time = 0; time < request.times; time++) await sendOne(request, time);
    }
  }

  const stop = (): Promise<unknown> =>
    Promise.all([...clients.values()].map((client) => client.close({ timeoutMs: 0 })));
  const onAbort = (): void => void stop();
  options.signal.addEventListener('abort', onAbort);
  try {
    await Promise.all(Array.from({ length: options.connections }, work));
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    // Where one has failed for good, the others would go on trying.
    await stop();
  }
  return { totals, ...sum, durationMs: performance.now() - startMs };
}

/** Whether a request may have had these records: those without a key of their own travel with others. */
function isPartOf({ idempotencyKey }: RequestEvent, request: PlannedRequest): boolean {
  return request.idempotencyKey === undefined || request.idempotencyKey === idempotencyKey;
}

/** Rejected records are part of the demo: their results matter as those of the others do. */
async function settle(sent: Promise<readonly RecordResult[]>): Promise<readonly RecordResult[]> {
  try {
    return await sent;
  } catch (error) {
    if (error instanceof DeliveryError) return error.results;
    throw error;
  }
}
