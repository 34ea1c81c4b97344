import { toSettings, type ClientOptions } from './client-options.ts';
import type { Client, ClientStats, FlushOptions, SendOptions } from './client.ts';
import { deliverBatch } from './deliver-batch.ts';
import { DeliveryError } from './delivery-error.ts';
import { encodeRecord } from './encode-record.ts';
import { webEnvironment, type Environment } from './environment.ts';
import {
  isDurable,
  type DeliveryFailure,
  type PushRecord,
  type RecordResult,
  type UndeliveredRecord,
} from './record-result.ts';

/** Browsers allow 64 KiB of requests that outlive their page, headers included. */
const KEPT_ALIVE_BYTES = 60_000;
const IDEMPOTENCY_KEY = /^[!#-[\]-~]{1,200}$/;
const CLOSED = 'the client is closed';

/** A record that the client has taken on. */
interface Entry {
  /** Grows with every record. */
  readonly number: number;
  readonly record: PushRecord;
  readonly line: Uint8Array<ArrayBuffer>;
  /** What it takes up in a body. */
  readonly bytes: number;
  /** Whoever waits for its result; without it, `onUndelivered` is told of a loss. */
  readonly onResult: ((result: RecordResult) => void) | undefined;
  bufferedAtMs: number;
}

/** Records that enter the buffer together; under a key, they also leave it together and alone. */
interface Lot {
  readonly entries: readonly Entry[];
  readonly bytes: number;
  readonly idempotencyKey: string | undefined;
}

interface Waiting {
  readonly lot: Lot;
  readonly onBuffered: () => void;
}

interface FlushWaiter {
  /** It waits for records up to this one. */
  readonly upTo: number;
  pending: number;
  readonly onDone: () => void;
}

/**
 * Makes a client that pushes records of one source, in batches. Every record that it takes on ends in exactly one way:
 * it is durable on the server, or its loss is told, to whoever awaits `send` or else to `onUndelivered`.
 *
 * @throws TypeError when the options are wrong
 */
export function createClient(options: ClientOptions): Client {
  const environment = webEnvironment();
  const { fetch } = options;
  return createClientIn(fetch === undefined ? environment : { ...environment, fetch }, options);
}

/** The same with a time and a chance of its own, for tests. */
export function createClientIn(environment: Environment, options: ClientOptions): Client {
  const settings = toSettings(options);
  const counts = { accepted: 0, duplicates: 0, quarantined: 0, rejected: 0, undelivered: 0 };
  const abort = new AbortController();
  /** Not yet sent, in the order in which they were pushed. */
  const queue: Lot[] = [];
  const waiting: Waiting[] = [];
  const flushes: FlushWaiter[] = [];
  let queuedBytes = 0;
  let queuedRecords = 0;
  /** Queued and on its way. */
  let bufferedBytes = 0;
  let pendingRecords = 0;
  let inFlight = 0;
  let keptAliveBytes = 0;
  let lastNumber = 0;
  /** Records up to this one are sent without delay. */
  let urgentUpTo = 0;
  /** The server asks to wait until then. */
  let holdUntilMs = 0;
  let wake: { readonly atMs: number; readonly stop: () => void } | undefined;
  let isPumpDue = false;
  let closing: Promise<void> | undefined;

  /* ---------------------------------------------------------------------------------------------- taking on */

  function failed(code: DeliveryFailure['code'], message: string): RecordResult {
    return { status: 'undelivered', failure: { code, message, mayBeStored: false } };
  }

  /** Takes a record on; one that cannot be sent has its result at once. */
  function toEntry(record: PushRecord, onResult: Entry['onResult']): Entry | UndeliveredRecord {
    if (closing !== undefined) return { record, result: failed('closed', CLOSED) };
    let line: Uint8Array<ArrayBuffer>;
    try {
      line = encodeRecord(record);
    } catch (error) {
      const message = `the record cannot be sent: ${error instanceof Error ? error.message : String(error)}`;
      return { record, result: failed('invalid-record', message) };
    }
    const bytes = line.length + 1;
    if (bytes > settings.maxBufferedBytes) {
      const message = `the record has ${String(bytes)} bytes, which is more than maxBufferedBytes`;
      return { record, result: failed('too-large', message) };
    }
    return { number: ++lastNumber, record, line, bytes, onResult, bufferedAtMs: 0 };
  }

  function hasRoom(bytes: number): boolean {
    return waiting.length === 0 && bufferedBytes + bytes <= settings.maxBufferedBytes;
  }

  /** Puts a lot in the buffer, or in the line before it. */
  function take(lot: Lot, onBuffered: () => void): void {
    pendingRecords += lot.entries.length;
    if (hasRoom(lot.bytes)) {
      buffer(lot);
      onBuffered();
    } else {
      waiting.push({ lot, onBuffered });
    }
    pumpSoon();
  }

  function buffer(lot: Lot): void {
    const nowMs = environment.nowMs();
    for (const entry of lot.entries) entry.bufferedAtMs = nowMs;
    queue.push(lot);
    queuedBytes += lot.bytes;
    queuedRecords += lot.entries.length;
    bufferedBytes += lot.bytes;
  }

  function bufferWaiting(): void {
    let count = 0;
    for (const { lot } of waiting) {
      if (bufferedBytes + lot.bytes > settings.maxBufferedBytes) break;
      buffer(lot);
      count++;
    }
    for (const { onBuffered } of waiting.splice(0, count)) onBuffered();
  }

  /* ---------------------------------------------------------------------------------------------- sending */

  function isDue(head: Entry): boolean {
    return (
      head.number <= urgentUpTo ||
      // Whoever waits for room waits for what is here to leave.
      waiting.length > 0 ||
      queuedRecords >= settings.maxBatchRecords ||
      queuedBytes >= settings.maxBatchBytes ||
      environment.nowMs() >= head.bufferedAtMs + settings.maxBatchDelayMs
    );
  }

  /** Takes the next batch from the queue: a lot with a key, or as many others as fit, and one at least. */
  function cutBatch(maxBytes: number): readonly Lot[] {
    let [bytes, records, end] = [0, 0, 0];
    for (const lot of queue) {
      const isFull = bytes + lot.bytes > maxBytes || records + lot.entries.length > settings.maxBatchRecords;
      if (end > 0 && (isFull || lot.idempotencyKey !== undefined)) break;
      bytes += lot.bytes;
      records += lot.entries.length;
      end++;
      if (lot.idempotencyKey !== undefined) break;
    }
    queuedBytes -= bytes;
    queuedRecords -= records;
    return queue.splice(0, end);
  }

  /** Sends what is due, as far as requests are free, and sees to it that the rest is looked at in time. */
  function pump(): void {
    const nowMs = environment.nowMs();
    for (;;) {
      const head = queue[0]?.entries[0];
      if (head === undefined || inFlight >= settings.maxInFlight) return;
      if (nowMs < holdUntilMs) {
        wakeAt(holdUntilMs);
        return;
      }
      if (!isDue(head)) {
        wakeAt(head.bufferedAtMs + settings.maxBatchDelayMs);
        return;
      }
      void deliver(cutBatch(settings.maxBatchBytes), false);
    }
  }

  /** Sends what may outlive the page, in requests that are made before this returns. */
  function pumpKeptAlive(): void {
    for (;;) {
      const roomBytes = KEPT_ALIVE_BYTES - keptAliveBytes;
      const head = queue[0];
      if (head === undefined || head.bytes > roomBytes) return;
      // With one request at a time the next may not go before the last is answered.
      if (settings.maxInFlight === 1 && inFlight > 0) return;
      void deliver(cutBatch(roomBytes), true);
    }
  }

  /** What is pushed in one turn of the event loop goes together. */
  function pumpSoon(): void {
    if (isPumpDue) return;
    isPumpDue = true;
    queueMicrotask(() => {
      isPumpDue = false;
      pump();
    });
  }

  function wakeAt(atMs: number): void {
    if (wake !== undefined && wake.atMs <= atMs) return;
    wake?.stop();
    const stop = environment.startTimer(
      () => {
        wake = undefined;
        pump();
      },
      Math.max(0, atMs - environment.nowMs()),
    );
    wake = { atMs, stop };
  }

  async function deliver(lots: readonly Lot[], isKeptAlive: boolean): Promise<void> {
    const entries = lots.flatMap((lot) => lot.entries);
    const bytes = lots.reduce((sum, lot) => sum + lot.bytes, 0);
    inFlight++;
    if (isKeptAlive) keptAliveBytes += bytes;
    const batch = {
      lines: entries.map(({ line }) => line),
      idempotencyKey: lots[0]?.idempotencyKey ?? environment.uniqueId(),
      isKeptAlive,
    };
    const results = await deliverBatch(batch, {
      settings,
      environment,
      signal: abort.signal,
      onHold: (waitMs) => {
        holdUntilMs = Math.max(holdUntilMs, environment.nowMs() + waitMs);
      },
    });
    inFlight--;
    if (isKeptAlive) keptAliveBytes -= bytes;
    bufferedBytes -= bytes;
    settle(entries, results);
    bufferWaiting();
    pump();
  }

  /* ---------------------------------------------------------------------------------------------- reporting */

  function settle(entries: readonly Entry[], results: readonly RecordResult[]): void {
    const losses: UndeliveredRecord[] = [];
    for (const [i, { record, onResult }] of entries.entries()) {
      const result = results[i] ?? failed('refused', 'the delivery has no result for this record');
      count(result);
      if (onResult !== undefined) onResult(result);
      else if (!isDurable(result)) losses.push({ record, result });
    }
    report(losses);
    pendingRecords -= entries.length;
    for (const flush of [...flushes]) {
      flush.pending -= entries.filter(({ number }) => number <= flush.upTo).length;
      if (flush.pending > 0) continue;
      flushes.splice(flushes.indexOf(flush), 1);
      flush.onDone();
    }
  }

  function count({ status }: RecordResult): void {
    counts[status === 'duplicate' ? 'duplicates' : status]++;
  }

  function report(losses: readonly UndeliveredRecord[]): void {
    if (losses.length > 0) settings.onUndelivered(losses);
  }

  /* ---------------------------------------------------------------------------------------------- interface */

  /** Reads records; those that cannot be sent are apart. */
  function read(records: PushRecord | readonly PushRecord[]): { lots: Lot[]; losses: UndeliveredRecord[] } {
    const lots: Lot[] = [];
    const losses: UndeliveredRecord[] = [];
    for (const record of toList(records)) {
      const entry = toEntry(record, undefined);
      if ('result' in entry) losses.push(entry);
      else lots.push({ entries: [entry], bytes: entry.bytes, idempotencyKey: undefined });
    }
    return { lots, losses };
  }

  function lose(losses: readonly UndeliveredRecord[]): void {
    for (const { result } of losses) count(result);
    report(losses);
  }

  function push(records: PushRecord | readonly PushRecord[]): Promise<void> {
    return new Promise((resolve) => {
      const { lots, losses } = read(records);
      lose(losses);
      let missing = lots.length;
      if (missing === 0) resolve();
      for (const lot of lots) {
        take(lot, () => {
          missing--;
          if (missing === 0) resolve();
        });
      }
    });
  }

  function tryPush(records: PushRecord | readonly PushRecord[]): boolean {
    const { lots, losses } = read(records);
    if (!hasRoom(lots.reduce((sum, { bytes }) => sum + bytes, 0))) return false;
    lose(losses);
    for (const lot of lots) take(lot, () => undefined);
    return true;
  }

  async function send(
    records: PushRecord | readonly PushRecord[],
    { idempotencyKey }: SendOptions = {},
  ): Promise<readonly RecordResult[]> {
    if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new TypeError(
        'idempotencyKey must be 1 to 200 printable ASCII characters without spaces, quotes and backslashes',
      );
    }
    const list = toList(records);
    const results = await new Promise<RecordResult[]>((resolve) => {
      const found = new Map<number, RecordResult>();
      const note = (index: number, result: RecordResult): void => {
        found.set(index, result);
        if (found.size === list.length) resolve(list.map((_, i) => found.get(i) ?? failed('closed', CLOSED)));
      };
      const entries: Entry[] = [];
      if (list.length === 0) resolve([]);
      for (const [index, record] of list.entries()) {
        const entry = toEntry(record, (result) => {
          note(index, result);
        });
        if ('result' in entry) {
          count(entry.result);
          note(index, entry.result);
        } else {
          entries.push(entry);
        }
      }
      urgentUpTo = lastNumber;
      sendEntries(entries, idempotencyKey);
    });
    if (results.every(isDurable)) return results;
    throw new DeliveryError(results);
  }

  function sendEntries(entries: readonly Entry[], idempotencyKey: string | undefined): void {
    if (idempotencyKey === undefined) {
      for (const entry of entries)
        take({ entries: [entry], bytes: entry.bytes, idempotencyKey }, () => undefined);
      return;
    }
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytes <= settings.maxBufferedBytes) {
      if (entries.length > 0) take({ entries, bytes, idempotencyKey }, () => undefined);
      return;
    }
    const message = `the records have ${String(bytes)} bytes, which is more than maxBufferedBytes; send them under several keys`;
    for (const { onResult } of entries) {
      const result = failed('too-large', message);
      count(result);
      onResult?.(result);
    }
  }

  async function flush({ keepalive = false }: FlushOptions = {}): Promise<void> {
    urgentUpTo = lastNumber;
    if (keepalive) pumpKeptAlive();
    pump();
    if (pendingRecords === 0) return;
    await new Promise<void>((onDone) => {
      flushes.push({ upTo: lastNumber, pending: pendingRecords, onDone });
    });
  }

  async function closeWithin(timeoutMs: number): Promise<void> {
    const stopTimer = environment.startTimer(() => {
      abort.abort();
      const lots = [
        ...queue.splice(0),
        ...waiting.splice(0).map(({ lot, onBuffered }) => (onBuffered(), lot)),
      ];
      // Those that waited never took up the buffer.
      bufferedBytes -= queuedBytes;
      queuedBytes = 0;
      queuedRecords = 0;
      const entries = lots.flatMap((lot) => lot.entries);
      settle(
        entries,
        entries.map(() => failed('closed', 'the client was closed before the records were sent')),
      );
    }, timeoutMs);
    await flush();
    stopTimer();
    wake?.stop();
  }

  return {
    push,
    tryPush,
    send,
    flush,
    close: ({ timeoutMs = settings.maxRetryTimeMs } = {}) => (closing ??= closeWithin(timeoutMs)),
    stats: (): ClientStats => ({ ...counts, pendingRecords, bufferedBytes }),
  };
}

function isList(records: PushRecord | readonly PushRecord[]): records is readonly PushRecord[] {
  return Array.isArray(records);
}

function toList(records: PushRecord | readonly PushRecord[]): readonly PushRecord[] {
  return isList(records) ? records : [records];
}
