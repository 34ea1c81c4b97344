import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/stream/create-handler.ts';
import type { ParkedDelivery } from '../../../shared/domain/parked-delivery.ts';
import { toStreamBatches } from '../../../shared/domain/stream-batch.ts';
import { replayDelivery } from '../../../shared/pipeline/replay/replay-delivery.ts';
import { contextOf, createStreamWorld, kinesisRecord, LANE } from '../../support/stream-world.ts';

const TIMEOUT_MS = 60_000;
const OPERATOR_MS = 60 * 60_000;

/** What the event-source mapping does with the records that come next, and what operators do meanwhile. */
const step = fc.oneof(
  fc.record({
    does: fc.constantFrom(
      'deliver' as const,
      'deliver twice' as const,
      'park' as const,
      'park after delivery' as const,
    ),
    take: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    does: fc.constantFrom('replay' as const, 'replay by two' as const),
    /** Which of the parked documents. */
    which: fc.nat(),
  }),
);

/** Sequence numbers whose lengths differ, neighbours among them. */
const sequenceNumbers = fc
  .uniqueArray(
    fc.oneof(
      fc.bigInt({ min: 0n, max: 120n }),
      fc.bigInt({ min: 0n, max: 40n }).map((low) => 49590n * 10n ** 51n + low),
    ),
    { minLength: 8, maxLength: 24 },
  )
  .map((numbers) => numbers.toSorted((a, b) => (a < b ? -1 : 1)).map(String));

/**
 * The oracle is what was delivered or parked and what stands in the lake, by identity; the ledger is asked only for the
 * rule that no position is in two ranges.
 */
test('parked deliveries that are replayed in any order, by several at once, land what is missing and nothing else', async () => {
  let replays = 0;
  await fc.assert(
    fc.asyncProperty(
      sequenceNumbers,
      fc.array(step, { minLength: 4, maxLength: 16 }),
      async (numbers, steps) => {
        const { deps, clock, rowIds } = createStreamWorld();
        const handler = createHandler(deps);
        const recordAt = (at: number) => kinesisRecord(numbers[at] ?? '', `{"id":"${String(at)}"}`);
        const parked: ParkedDelivery[] = [];
        const mustBeThere = new Set<number>();
        const mayBeThere = new Set<number>();
        let next = 0;
        const replay = async (delivery: ParkedDelivery | undefined): Promise<void> => {
          if (delivery === undefined) return;
          const owner = `operator ${String(replays++)}`;
          const deadlineMs = clock.nowMs() + OPERATOR_MS;
          const outcome = await replayDelivery(deps, delivery, { owner, deadlineMs, minAgeMs: 0 });
          expect(outcome.finished).toBe(true);
          for (const { sequenceNumber } of delivery.batch.records)
            mustBeThere.add(numbers.indexOf(sequenceNumber));
        };
        for (const action of steps) {
          if ('which' in action) {
            const delivery = parked[action.which % Math.max(1, parked.length)];
            const other = parked[(action.which + 1) % Math.max(1, parked.length)];
            await Promise.all([
              replay(delivery),
              ...(action.does === 'replay' ? [] : [replay(other), replay(delivery)]),
            ]);
            continue;
          }
          const positions = numbers.map((_, at) => at).slice(next, next + action.take);
          if (positions.length === 0) continue;
          const event = { Records: positions.map(recordAt) };
          if (action.does !== 'park') {
            await handler(event, contextOf(TIMEOUT_MS));
            if (action.does === 'deliver twice') await handler(event, contextOf(TIMEOUT_MS));
          }
          if (action.does.startsWith('park')) {
            const [batch] = toStreamBatches(event.Records);
            if (batch === undefined) throw new Error('a delivery has records');
            parked.push({
              batch,
              functionArn: 'arn',
              condition: 'RetryAttemptsExhausted',
              parkedAtMs: clock.nowMs(),
            });
          }
          for (const at of positions) (action.does === 'park' ? mayBeThere : mustBeThere).add(at);
          next += positions.length;
        }
        const ids = (positions: Iterable<number>): string[] =>
          [...positions].map((at) => `${LANE}/${numbers[at] ?? ''}/0`).toSorted();
        const inLake = rowIds().toSorted();
        expect(inLake).toEqual(ids(mustBeThere));
        // Replayed once more, by whoever comes last, nothing is missing and nothing is there twice.
        for (const delivery of parked) await replay(delivery);
        for (const delivery of parked) await replay(delivery);
        expect(rowIds().toSorted()).toEqual(ids(new Set([...mustBeThere, ...mayBeThere])));
        const ranges = [
          ...(await deps.ledger.rangesOverlapping(LANE, '0', '9'.repeat(60))),
          ...(await deps.ledger.rangesOverlapping(`replay/${LANE}`, '0', '9'.repeat(60))),
        ];
        numbers.forEach((number, at) => {
          const covering = ranges.filter(
            ({ from, to }) => BigInt(from) <= BigInt(number) && BigInt(number) <= BigInt(to),
          );
          expect(covering.length).toBe(at < next ? 1 : 0);
        });
      },
    ),
    { numRuns: 300 },
  );
  expect(replays).toBeGreaterThan(300);
});
