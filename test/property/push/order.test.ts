import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { comparePositions } from '../../../shared/domain/identity.ts';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import { checkRecords, sendRecords } from '../../../shared/pipeline/accept-records.ts';
import { runLane } from '../../../shared/pipeline/land.ts';
import { createStreamReader } from '../../../shared/pipeline/stream-reader.ts';
import { pushSource } from '../../support/push-source.ts';
import { createStreamWorld } from '../../support/stream-world.ts';

/*
 * Records that are equal in the fields of `orderBy` keep the order in which their sender, who waits for each answer,
 * sent them: whatever is refused on the way and sent again, however deliveries are cut, whatever else is in a request.
 */

const CUSTOMERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

const source = pushSource('orders', {
  orderBy: ['customer'],
  key: ['customer', 'n'],
  contract: {
    schema: {
      type: 'object',
      required: ['customer', 'n'],
      properties: { customer: { type: 'string' }, n: { type: 'integer' } },
    },
  },
});
const sources = new Map([[source.name, source]]);

interface Line {
  readonly customer: string;
  readonly n: number;
}

interface Row extends Line {
  readonly lane: string;
  readonly sequenceNumber: string;
  readonly index: number;
}

function toRow(id: string, { customer, n }: Line): Row {
  const parts = id.split('/');
  const [sequenceNumber = '', index = ''] = parts.slice(-2);
  return { customer, n, lane: parts.slice(0, -2).join('/'), sequenceNumber, index: Number(index) };
}

/** The order that docs/lake.md tells readers to sort by. */
const byIdentity = (a: Row, b: Row): number =>
  comparePositions(a.sequenceNumber, b.sequenceNumber) || a.index - b.index;

test('records of one customer stand in the lake in the order they were sent, each once', async () => {
  let repeated = 0;
  let lanes = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat({ max: CUSTOMERS.length - 1 }), { minLength: 1, maxLength: 40 }), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer(),
      async (requests, seed) => {
        const random = createSeededRandom(seed);
        const bus = new MemoryFrameBus({
          stream: 'ingest',
          shards: 4,
          refuse: () => (random() < 0.1 ? 'throttled' : undefined),
        });
        const world = createStreamWorld();
        const deps = { ...world.deps, sources };
        const sent = new Map<string, number[]>();
        for (const [i, customers] of requests.entries()) {
          const lines = customers.map((at): Buffer => {
            const customer = CUSTOMERS[at] ?? '';
            const numbers = sent.get(customer) ?? [];
            sent.set(customer, [...numbers, numbers.length]);
            return Buffer.from(JSON.stringify({ customer, n: numbers.length }));
          });
          const receivedAtMs = 1_000 * i;
          const batch = checkRecords(source, lines, { receivedAtMs, maxRecordBytes: 1_000 });
          for (;;) {
            try {
              await sendRecords(bus, source, batch, { frameId: String(i), receivedAtMs });
              break;
            } catch (error) {
              if (!(error instanceof TransientError)) throw error;
              repeated++;
            }
          }
        }
        const shards = new Set(bus.frames().map(({ shardId }) => shardId));
        lanes += shards.size;
        for (const shardId of shards) {
          const records = bus
            .frames(shardId)
            .map(({ sequenceNumber, bytes }) => ({ sequenceNumber, data: bytes, arrivedAtMs: 0 }));
          while (records.length > 0) {
            const delivered = records.splice(0, 1 + Math.floor(random() * 5));
            const reader = createStreamReader(sources, undefined, {
              stream: 'ingest',
              shardId,
              records: delivered,
            });
            await runLane(deps, reader, { owner: 'test', deadlineMs: Number.MAX_SAFE_INTEGER });
          }
        }
        const texts = world.landed();
        const rows = world.rowIds().map((id, i) => toRow(id, JSON.parse(texts[i] ?? '') as Line));
        for (const [customer, numbers] of sent) {
          const found = rows.filter((row) => row.customer === customer).sort(byIdentity);
          expect(found.map(({ n }) => n)).toEqual(numbers);
          expect(new Set(found.map(({ lane }) => lane)).size).toBe(1);
        }
        expect(rows).toHaveLength([...sent.values()].flat().length);
      },
    ),
    { numRuns: 200 },
  );
  expect(repeated).toBeGreaterThan(50);
  expect(lanes).toBeGreaterThan(300);
});
