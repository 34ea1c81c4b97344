import { describe, expect, test } from 'vitest';
import { countExpired, planNext, type NextStep } from '../../../cloud/event-source-poller/plan-next.ts';
import type { InvocationOutcome } from '../../../cloud/event-source-poller/ports.ts';
import type { StreamMapping } from '../../../cloud/event-source-poller/stream-mapping.ts';
import { streamMapping } from './stream-mapping-fixture.ts';

const threw: InvocationOutcome = { kind: 'function-error', functionError: 'Unhandled' };
const throttled: InvocationOutcome = { kind: 'not-invoked', reason: 'Rate exceeded' };
const answered = (payload: unknown): InvocationOutcome => ({ kind: 'answered', payload });
const failedAt = (...numbers: string[]): InvocationOutcome =>
  answered({ batchItemFailures: numbers.map((itemIdentifier) => ({ itemIdentifier })) });

const advance: NextStep = { do: 'advance' };
const exhausted: NextStep = { do: 'discard', from: 0, condition: 'RetryAttemptsExhausted' };

type Row = readonly [
  rule: string,
  mapping: Partial<StreamMapping>,
  sequenceNumbers: readonly string[],
  retries: number,
  outcome: InvocationOutcome,
  step: NextStep,
];

const table: readonly Row[] = [
  ['a success goes on', {}, ['1', '2'], 0, answered({ batchItemFailures: [] }), advance],
  ['a success after retries goes on', {}, ['1', '2'], 7, answered(null), advance],
  [
    'a partial answer resumes at the failed number',
    {},
    ['1', '2', '3'],
    0,
    failedAt('3'),
    { do: 'retry', from: 2, retries: 0 },
  ],
  [
    'of several failures the lowest counts',
    {},
    ['1', '2', '3'],
    0,
    failedAt('3', '2'),
    { do: 'retry', from: 1, retries: 0 },
  ],
  [
    'progress starts the count of retries anew',
    {},
    ['1', '2', '3'],
    4,
    failedAt('2'),
    { do: 'retry', from: 1, retries: 0 },
  ],
  [
    'a failure of the first record is a retry',
    { maxRetries: 2 },
    ['1', '2'],
    1,
    failedAt('1'),
    { do: 'retry', from: 0, retries: 2 },
  ],
  [
    'a failure of the first record does not bisect',
    { bisectsOnError: true },
    ['1', '2'],
    0,
    failedAt('1'),
    { do: 'retry', from: 0, retries: 1 },
  ],
  [
    'a first record that keeps failing ends with the retries',
    { maxRetries: 2 },
    ['1', '2'],
    2,
    failedAt('1'),
    exhausted,
  ],
  [
    'without ReportBatchItemFailures any answer is a success',
    { reportsItemFailures: false },
    ['1'],
    0,
    failedAt('1'),
    advance,
  ],
  ['a malformed answer fails the batch', { maxRetries: 0 }, ['1'], 0, failedAt('nonsense'), exhausted],
  ['an error is a retry', { maxRetries: 3 }, ['1', '2'], 2, threw, { do: 'retry', from: 0, retries: 3 }],
  ['an error after the last retry discards', { maxRetries: 3 }, ['1', '2'], 3, threw, exhausted],
  ['no retries are none', { maxRetries: 0 }, ['1', '2'], 0, threw, exhausted],
  [
    'without a limit retries go on',
    { maxRetries: Infinity },
    ['1'],
    9999,
    threw,
    { do: 'retry', from: 0, retries: 10_000 },
  ],
  [
    'an error bisects',
    { bisectsOnError: true },
    ['1', '2', '3', '4'],
    1,
    threw,
    { do: 'split', at: 2, retries: 1 },
  ],
  [
    'an odd batch bisects with the larger part first',
    { bisectsOnError: true },
    ['1', '2', '3'],
    0,
    threw,
    { do: 'split', at: 2, retries: 0 },
  ],
  [
    'bisecting needs no retry to be left',
    { bisectsOnError: true, maxRetries: 0 },
    ['1', '2'],
    0,
    threw,
    { do: 'split', at: 1, retries: 0 },
  ],
  [
    'one record cannot be bisected',
    { bisectsOnError: true, maxRetries: 1 },
    ['1'],
    0,
    threw,
    { do: 'retry', from: 0, retries: 1 },
  ],
  [
    'a malformed answer bisects like an error',
    { bisectsOnError: true },
    ['1', '2'],
    0,
    failedAt(''),
    { do: 'split', at: 1, retries: 0 },
  ],
  [
    'a throttled call is repeated and not counted',
    { maxRetries: 0 },
    ['1', '2'],
    0,
    throttled,
    { do: 'retry', from: 0, retries: 0 },
  ],
  [
    'a throttled call does not bisect',
    { bisectsOnError: true },
    ['1', '2'],
    1,
    throttled,
    { do: 'retry', from: 0, retries: 1 },
  ],
];

describe('what follows an invocation', () => {
  test.each(table)('%s', (_, mapping, sequenceNumbers, retries, outcome, step) => {
    expect(planNext(streamMapping(mapping), { sequenceNumbers, retries }, outcome)).toEqual(step);
  });
});

describe('records that are too old', () => {
  const mapping = streamMapping({ maxRecordAgeMs: 100 });

  test('are the ones before the first that is young enough', () => {
    expect(countExpired(mapping, [0, 50, 99, 100, 120], 200)).toBe(3);
  });

  test('are none at exactly the limit', () => {
    expect(countExpired(mapping, [100], 200)).toBe(0);
  });

  test('may be all', () => {
    expect(countExpired(mapping, [0, 1], 1000)).toBe(2);
  });

  test('are none without a limit', () => {
    expect(countExpired(streamMapping({}), [0, 1], 1e15)).toBe(0);
  });
});
