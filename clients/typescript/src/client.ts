import type { PushRecord, RecordResult } from './record-result.ts';

export interface SendOptions {
  /**
   * Sends the records as one request under this Idempotency-Key (1 to 200 printable ASCII characters without spaces, quotes
   * and backslashes): a program that starts again and sends the same records under the same key gets the same answer.
   */
  readonly idempotencyKey?: string;
}

export interface FlushOptions {
  /**
   * For pages that go away: sends what it can at once, in requests that outlive the page. Browsers allow about 64 KB of
   * them.
   */
  readonly keepalive?: boolean;
}

/** What a client has done so far, in records, and what it still has to do. */
export interface ClientStats {
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly rejected: number;
  readonly undelivered: number;
  /** Neither delivered nor given up: waiting for room, buffered or on its way. */
  readonly pendingRecords: number;
  /** Of these, what takes up the buffer: never more than `maxBufferedBytes`. */
  readonly bufferedBytes: number;
}

/** Pushes records of one source. */
export interface Client {
  /**
   * Buffers records, to be sent together with others. It resolves when there is room for them, so await it: that is how
   * a slow server slows its callers down. It never rejects; what is not delivered is told to `onUndelivered`.
   */
  push(records: PushRecord | readonly PushRecord[]): Promise<void>;
  /**
   * Buffers records if there is room for all of them now.
   *
   * @returns false when there is no room: the records are not the client's then
   */
  tryPush(records: PushRecord | readonly PushRecord[]): boolean;
  /**
   * Sends records without delay, together with what is buffered, and resolves when all are durable.
   *
   * @returns what became of each record, in their order
   * @throws DeliveryError when one or more are not durable; it has the results of all
   */
  send(records: PushRecord | readonly PushRecord[], options?: SendOptions): Promise<readonly RecordResult[]>;
  /** Sends what was pushed before without delay, and resolves when each record is delivered or given up. */
  flush(options?: FlushOptions): Promise<void>;
  /**
   * Flushes and ends the client. What is pushed from now on, and what is not delivered in time, is undelivered.
   *
   * @param options `timeoutMs`: how long to wait. Default: `maxRetryTimeMs`
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): ClientStats;
}
