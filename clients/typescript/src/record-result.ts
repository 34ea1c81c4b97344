/** A record to push: an object, or the text of one as JSON (for numbers that JavaScript cannot hold). */
export type PushRecord = object | string;

/** What is wrong with a record, in the words of the server. */
export interface RecordError {
  /** The rule that it breaks, such as `type` or `required`. */
  readonly rule: string;
  /** Path of the field; empty for the record as a whole. */
  readonly field?: string;
  readonly message?: string;
}

/** Why a record was not delivered. */
export interface DeliveryFailure {
  /**
   * - `invalid-record`: it cannot be written as JSON;
   * - `too-large`: it fits neither the buffer nor, on its own, a request;
   * - `refused`: the server refuses requests like this one (see `httpStatus` and `problem`), and would do so again;
   * - `gave-up`: it could not be delivered within `maxRetryTimeMs`;
   * - `closed`: the client was closed before.
   */
  readonly code: 'invalid-record' | 'too-large' | 'refused' | 'gave-up' | 'closed';
  readonly message: string;
  /** Status of the last answer, if there was one. */
  readonly httpStatus?: number;
  /** Name of the server's problem, such as `unauthorized`. */
  readonly problem?: string;
  /**
   * An attempt was made whose outcome is not known, such as one whose answer was lost: the record may be stored all the
   * same. Pushing it again is safe where the source deduplicates records.
   */
  readonly mayBeStored: boolean;
}

/** What became of one record. */
export type RecordResult =
  | {
      /** It is durable: as a new record, or as the same as an earlier one. */
      readonly status: 'accepted' | 'duplicate';
      readonly id?: string;
    }
  | {
      /** It violates the contract: it is durable in quarantine, or nothing of it is kept. */
      readonly status: 'quarantined' | 'rejected';
      readonly id?: string;
      readonly error: RecordError;
    }
  | {
      readonly status: 'undelivered';
      readonly failure: DeliveryFailure;
    };

/** A record that was not delivered, or was rejected, and why. */
export interface UndeliveredRecord {
  readonly record: PushRecord;
  /** Its status is `undelivered` or `rejected`. */
  readonly result: RecordResult;
}

/** Whether a record is durable. */
export function isDurable({ status }: RecordResult): boolean {
  return status !== 'rejected' && status !== 'undelivered';
}

/** In one sentence, what became of a record and why. */
export function describeResult(result: RecordResult): string {
  switch (result.status) {
    case 'undelivered':
      return result.failure.message;
    case 'rejected':
    case 'quarantined':
      return `the server has ${result.status} it: ${result.error.message ?? result.error.rule}`;
    case 'accepted':
    case 'duplicate':
      return `it is durable (${result.status})`;
  }
}
