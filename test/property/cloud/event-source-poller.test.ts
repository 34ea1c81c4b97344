import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeliveryFaults } from '../../../cloud/event-source-poller/delivery-faults.ts';
import { startEventSourcePoller } from '../../../cloud/event-source-poller/event-source-poller.ts';
import type { InvocationOutcome } from '../../../cloud/event-source-poller/ports.ts';
import {
  createFakeClock,
  createFakeDestination,
  createFakeInvoker,
  failedAt,
  FakeStream,
} from '../../unit/cloud/fake-stream.ts';
import { streamMapping } from '../../unit/cloud/stream-mapping-fixture.ts';

const rate = fc.constantFrom(0, 0, 0.1, 0.4);
const faults: fc.Arbitrary<DeliveryFaults> = fc.record({
  seed: fc.nat(),
  duplicate: rate,
  recut: rate,
  zombie: rate,
  dropResponse: rate,
  discard: rate,
});

const settings = fc.record({
  batchSize: fc.integer({ min: 1, max: 12 }),
  windowMs: fc.constantFrom(0, 20),
  bisectsOnError: fc.boolean(),
  maxRetries: fc.constantFrom(0, 1, 3, Infinity),
});

/** What the function does at each of its calls; it succeeds when these are used up. */
const behaviours = fc.array(
  fc.oneof(
    fc.record({ does: fc.constant('succeed' as const), afterTurns: fc.nat(3) }),
    fc.record({ does: fc.constant('throw' as const), afterTurns: fc.nat(3) }),
    fc.record({ does: fc.constant('throttle' as const), afterTurns: fc.constant(0) }),
    fc.record({ does: fc.constant('report' as const), at: fc.nat(11), afterTurns: fc.nat(3) }),
  ),
  { maxLength: 30 },
);

/**
 * The oracle keeps its own account per shard from what the function itself did: a record is done once the function has
 * succeeded with it (or before the number it reported), or once the failure destination has it.
 */
test('whatever goes wrong, no record is skipped or overtaken, and each is done or discarded', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      faults,
      behaviours,
      fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }),
      async (mapping, injected, script, shardSizes) => {
        const stream = new FakeStream();
        shardSizes.forEach((size, index) => {
          stream.addShard(`shard-${String(index)}`);
          stream.put(`shard-${String(index)}`, size);
        });
        const done = new Map<string, Set<number>>(stream.shards.map(({ id }) => [id, new Set<number>()]));
        const doneIn = (shardId: string): Set<number> => done.get(shardId) ?? new Set();
        const destination = createFakeDestination();
        const send = destination.send.bind(destination);
        destination.send = async (arn, record, path) => {
          const info = record.KinesisBatchInfo;
          for (let n = Number(info.startSequenceNumber); n <= Number(info.endSequenceNumber); n += 1)
            doneIn(info.shardId).add(n);
          await send(arn, record, path);
        };
        const overtaken: string[] = [];
        const invoker = createFakeInvoker(
          async ({ shardId, sequenceNumbers }, call): Promise<InvocationOutcome> => {
            const first = Number(sequenceNumbers[0]);
            for (let n = 1; n < first; n += 1)
              if (!doneIn(shardId).has(n)) overtaken.push(`${shardId}/${String(n)} by ${String(first)}`);
            if (sequenceNumbers.some((text, index) => Number(text) !== first + index))
              overtaken.push(`gap in ${sequenceNumbers.join()}`);
            const step = script[call - 1] ?? { does: 'succeed', afterTurns: 0 };
            for (let turn = 0; turn < step.afterTurns; turn += 1)
              await new Promise((resolve) => setImmediate(resolve));
            if (step.does === 'throw') return { kind: 'function-error', functionError: 'Unhandled' };
            if (step.does === 'throttle') return { kind: 'not-invoked', reason: 'Rate exceeded' };
            const failed = step.does === 'report' ? sequenceNumbers[step.at] : undefined;
            for (const text of sequenceNumbers) {
              if (text === failed) return failedAt(text);
              doneIn(shardId).add(Number(text));
            }
            return { kind: 'answered', payload: null };
          },
        );
        const poller = startEventSourcePoller({
          mappings: [streamMapping(mapping)],
          reader: stream,
          invoker,
          destination,
          clock: createFakeClock(),
          faults: { ...injected, zombieAfterMs: 3 },
          pollIntervalMs: 1,
        });
        await poller.drained();
        await poller.stop();
        expect(overtaken).toEqual([]);
        expect([...done.values()].map((numbers) => numbers.size)).toEqual(shardSizes);
        const total = shardSizes.reduce((sum, size) => sum + size, 0);
        expect(poller.counts.deliveredRecords + poller.counts.discardedRecords).toBeGreaterThanOrEqual(total);
      },
    ),
    { numRuns: 300 },
  );
});
