import type { DiscardCondition } from './invocation-record.ts';
import type { InvocationOutcome } from './ports.ts';
import { readResponse } from './read-response.ts';
import type { StreamMapping } from './stream-mapping.ts';

/** What to do with a batch after an invocation. Indices are into the batch. */
export type NextStep =
  | { readonly do: 'advance' }
  /** Deliver the records from `from` on again. */
  | { readonly do: 'retry'; readonly from: number; readonly retries: number }
  /** Deliver the records before `at`, then the ones from there on. */
  | { readonly do: 'split'; readonly at: number; readonly retries: number }
  /** Send the records from `from` on to the failure destination and go on behind them. */
  | { readonly do: 'discard'; readonly from: number; readonly condition: DiscardCondition };

/** A batch that was delivered. */
export interface Attempt {
  /** Of the records in the batch, in order. */
  readonly sequenceNumbers: readonly string[];
  /** Retries so far that count; the first delivery has 0. */
  readonly retries: number;
}

/**
 * Decides what follows an invocation:
 * - a success goes on; so does any answer of a mapping without ReportBatchItemFailures;
 * - a partial answer resumes at the lowest failed number, with a fresh count of retries when that is progress, and the
 *   rest stays one batch;
 * - a failure of the function or of its answer splits a batch of several records if the mapping bisects, which does
 *   not count as a retry, and retries it otherwise, until the retries are used up;
 * - a call that did not reach the function is repeated without being counted.
 * https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
 */
export function planNext(mapping: StreamMapping, attempt: Attempt, outcome: InvocationOutcome): NextStep {
  const { sequenceNumbers, retries } = attempt;
  if (outcome.kind === 'not-invoked') return { do: 'retry', from: 0, retries };
  const response =
    outcome.kind === 'answered'
      ? answerOf(mapping, outcome.payload, sequenceNumbers)
      : ({ kind: 'failure' } as const);
  switch (response.kind) {
    case 'success':
      return { do: 'advance' };
    case 'checkpoint':
      return response.index > 0
        ? { do: 'retry', from: response.index, retries: 0 }
        : retryOrDiscard(mapping, retries);
    case 'failure':
      return mapping.bisectsOnError && sequenceNumbers.length > 1
        ? { do: 'split', at: Math.ceil(sequenceNumbers.length / 2), retries }
        : retryOrDiscard(mapping, retries);
  }
}

function answerOf(
  mapping: StreamMapping,
  payload: unknown,
  sequenceNumbers: readonly string[],
): ReturnType<typeof readResponse> {
  return mapping.reportsItemFailures ? readResponse(payload, sequenceNumbers) : { kind: 'success' };
}

function retryOrDiscard(mapping: StreamMapping, retries: number): NextStep {
  return retries < mapping.maxRetries
    ? { do: 'retry', from: 0, retries: retries + 1 }
    : { do: 'discard', from: 0, condition: 'RetryAttemptsExhausted' };
}

/** How many of the first records have become too old to be delivered. */
export function countExpired(mapping: StreamMapping, arrivedAtMs: readonly number[], nowMs: number): number {
  const firstFresh = arrivedAtMs.findIndex((at) => nowMs - at <= mapping.maxRecordAgeMs);
  return firstFresh === -1 ? arrivedAtMs.length : firstFresh;
}
