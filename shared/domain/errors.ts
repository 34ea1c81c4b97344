/**
 * What to do after a failure. It is decided by the type of the error, never by the text of its message.
 *
 * - `reject`: the input is wrong and stays wrong; tell the sender or quarantine it, do not retry.
 * - `retry`: the same call may succeed; retry with backoff.
 * - `block`: nothing behind this can succeed either (access denied, sink down); stop, keep the position and let
 *   the source redeliver. It never makes a record "poison".
 */
export type Disposition = 'reject' | 'retry' | 'block';

/** An error that knows what to do about it. */
export abstract class HeadgateError extends Error {
  abstract readonly disposition: Disposition;
  /** Stable upper-case code, documented in docs/reference/errors.md. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The input is wrong: retrying the same bytes cannot help. */
export class RejectedError extends HeadgateError {
  override readonly disposition = 'reject';
}

/** A passing failure: time-out, throttle, conflict that resolves itself. */
export class TransientError extends HeadgateError {
  override readonly disposition = 'retry';
}

/** The sink or the permission is missing: hold the position and wait for an operator or for the sink to return. */
export class BlockedError extends HeadgateError {
  override readonly disposition = 'block';
}

/** The disposition of any thrown value; an unknown error is `retry`, because a record is never lost to a bug. */
export function dispositionOf(error: unknown): Disposition {
  return error instanceof HeadgateError ? error.disposition : 'retry';
}
