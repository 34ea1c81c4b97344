/** One attempt of a request, for logs and metrics. */
export interface RequestEvent {
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
  readonly records: number;
  /** Bytes before compression, and as sent. */
  readonly rawBytes: number;
  readonly sentBytes: number;
  readonly durationMs: number;
  /** `retry` may succeed later, `too-large` goes in halves, `refused` never succeeds. */
  readonly outcome: 'answered' | 'retry' | 'too-large' | 'refused';
  /** Absent when there was no answer. */
  readonly httpStatus?: number;
  /** Whether the server repeated its answer to an earlier request with the same Idempotency-Key. */
  readonly isReplay: boolean;
  /** What went wrong. */
  readonly message?: string;
  /** When it is tried again; absent when it is not. */
  readonly retryInMs?: number;
}
