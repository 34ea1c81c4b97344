import type { KinesisStreamBatchResponse } from 'aws-lambda';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/stream/create-handler.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { CrashPoint } from '../../../shared/pipeline/probe.ts';
import {
  contextOf,
  createStreamWorld,
  declareClicks,
  kinesisRecord,
  LANE,
  START_MS,
  type StreamWorld,
} from '../../support/stream-world.ts';

const HOUR_MS = 3_600_000;
/** A commit has at most 1,000 files, so that a few records of this many hours are several commits. */
const HOURS_PER_RECORD = 400;
const TIMEOUT_MS = 60_000;
const MAX_DELIVERIES = 30;

const config = declareClicks({
  contract: {
    schema: {
      type: 'object',
      required: ['at'],
      properties: { id: { type: 'string' }, at: { type: 'integer' } },
    },
  },
  eventTime: { path: 'at', format: 'epoch-milliseconds' },
  partition: 'hour',
  key: ['id', 'at'],
});

/** What a stream record holds: events of many hours, one event, one that violates the contract, nothing at all. */
const recordKind = fc.oneof(
  { weight: 4, arbitrary: fc.constant('hours' as const) },
  { weight: 3, arbitrary: fc.constantFrom('one' as const, 'violation' as const, 'empty' as const) },
);

function textOf(kind: 'hours' | 'one' | 'violation' | 'empty', n: number): { text: string; rows: number } {
  const event = (i: number) => ({
    id: `${String(n)}-${String(i)}`,
    at: START_MS + (n * HOURS_PER_RECORD + i) * HOUR_MS,
  });
  switch (kind) {
    case 'hours':
      return {
        text: JSON.stringify(Array.from({ length: HOURS_PER_RECORD }, (_, i) => event(i))),
        rows: HOURS_PER_RECORD,
      };
    case 'one':
      return { text: JSON.stringify(event(0)), rows: 1 };
    case 'violation':
      return { text: JSON.stringify({ id: n }), rows: 1 };
    case 'empty':
      return { text: '', rows: 0 };
  }
}

/** What happens in an invocation when a place of the engine is passed for the `times`-th time. */
const mishap = fc.record({
  point: fc.constantFrom<CrashPoint>('A.1', 'A.2', 'B.1', 'B.2', 'B.3', 'B.4', 'B.5', 'B.6', 'B.6', 'R.1'),
  times: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 1200 })),
  does: fc.oneof(
    fc.record({ kind: fc.constant('time passes' as const), ms: fc.constantFrom(1_000, 20_000, 56_000) }),
    fc.record({
      kind: fc.constant('throws' as const),
      error: fc.constantFrom(
        new TransientError('AWS_UNAVAILABLE', 'throttled'),
        new BlockedError('ACCESS_DENIED', 'denied'),
        new TypeError('a bug'),
      ),
    }),
  ),
});

const invocation = fc.record({
  mishaps: fc.array(mishap, { maxLength: 2 }),
  /** What every commit takes: with the longest there is time for one. */
  commitMs: fc.constantFrom(0, 56_000, 56_000),
  /** An invocation that its caller took for dead may work beside its successor. */
  hasTwin: fc.boolean(),
});

type Invocation = typeof invocation extends fc.Arbitrary<infer Value> ? Value : never;

const ORDINARY: Invocation = { mishaps: [], commitMs: 0, hasTwin: false };

/**
 * The oracle looks into the lake alone: a record is durable when each of its rows stands there. What an answer calls
 * done is never delivered again, so that a wrong answer shows in the end as a record that is not there.
 */
test('an answer calls done only what is durable, wherever an invocation fails or runs out of time', async () => {
  const seen = { done: 0, partial: 0, failed: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(recordKind, { minLength: 3, maxLength: 8, size: 'max' }),
      fc.array(invocation, { maxLength: 6, size: 'max' }),
      async (kinds, script) => {
        let now = ORDINARY;
        const passed = new Map<CrashPoint, number>();
        const world = createStreamWorld({
          config,
          probe: (point) => {
            const times = passed.get(point) ?? 0;
            passed.set(point, times + 1);
            if (point === 'B.6') world.clock.advance(now.commitMs);
            for (const { point: at, times: when, does } of now.mishaps) {
              if (at !== point || when !== times) continue;
              if (does.kind === 'throws') throw does.error;
              world.clock.advance(does.ms);
            }
          },
        });
        const handler = createHandler(world.deps);
        const records = kinds.map((kind, n) => ({ ...textOf(kind, n), sequenceNumber: String(95 + n) }));
        let first = 0;
        for (let deliveries = 0; first < records.length; deliveries++) {
          expect(deliveries).toBeLessThan(MAX_DELIVERIES);
          now = script[deliveries] ?? ORDINARY;
          passed.clear();
          const offered = records.slice(first);
          const event = {
            Records: offered.map(({ sequenceNumber, text }) => kinesisRecord(sequenceNumber, text)),
          };
          const invoke = async (request: string): Promise<KinesisStreamBatchResponse | undefined> => {
            const answer = await handler(event, contextOf(TIMEOUT_MS, request)).catch(() => undefined);
            if (answer === undefined) return undefined;
            const done = doneOf(
              answer,
              offered.map(({ sequenceNumber }) => sequenceNumber),
            );
            expect(notDurable(world, offered.slice(0, done))).toEqual([]);
            return answer;
          };
          const [answer] = await Promise.all(
            now.hasTwin
              ? [invoke(`a${String(deliveries)}`), invoke(`b${String(deliveries)}`)]
              : [invoke('a')],
          );
          if (answer === undefined) {
            seen.failed++;
            continue;
          }
          const done = doneOf(
            answer,
            offered.map(({ sequenceNumber }) => sequenceNumber),
          );
          // Naming the first record would make no progress; that is a failure, so that the mapping cuts the batch.
          expect(done).toBeGreaterThan(0);
          first += done;
          if (done < offered.length) seen.partial++;
          else seen.done++;
        }
        const expected = records.flatMap(({ sequenceNumber, rows }) =>
          Array.from({ length: rows }, (_, i) => `${LANE}/${sequenceNumber}/${String(i)}`),
        );
        expect(world.rowIds().toSorted()).toEqual(expected.toSorted());
      },
    ),
    { numRuns: 60 },
  );
  expect(seen.partial).toBeGreaterThan(10);
  expect(seen.failed).toBeGreaterThan(10);
});

/** How many of the offered records an answer calls done. */
function doneOf({ batchItemFailures }: KinesisStreamBatchResponse, offered: readonly string[]): number {
  const [failure, ...others] = batchItemFailures;
  expect(others).toEqual([]);
  if (failure === undefined) return offered.length;
  expect(offered).toContain(failure.itemIdentifier);
  return offered.indexOf(failure.itemIdentifier);
}

/** Identities of rows that should be in the lake and are not. */
function notDurable(
  world: StreamWorld,
  records: readonly { readonly sequenceNumber: string; readonly rows: number }[],
): string[] {
  const inLake = new Set(world.rowIds());
  return records.flatMap(({ sequenceNumber, rows }) =>
    Array.from({ length: rows }, (_, i) => `${LANE}/${sequenceNumber}/${String(i)}`).filter(
      (id) => !inLake.has(id),
    ),
  );
}
