import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededFaults, type FaultRates } from '../../../shared/adapters/faults/fault-plan.ts';
import { faultTurn, refuseByPlan } from '../../../shared/adapters/memory/fault-turn.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { HeadgateError } from '../../../shared/domain/errors.ts';
import { SpillBus } from '../../../shared/pipeline/spill-bus.ts';
import { createPushWorld } from '../../support/push-world.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { readFrame, recordBytes } from '../../../shared/domain/frame.ts';

/** From a stream that always works to one that hardly ever does; answers that are lost after the effect included. */
const rates = fc.constantFrom<FaultRates>(
  {},
  { partial: 0.3 },
  { partial: 0.6, throttle: 0.2, 'reset-after': 0.3 },
  { 'access-denied': 0.5 },
  { 'access-denied': 1 },
  { throttle: 0.9 },
  { 'reset-after': 0.8, throttle: 0.1 },
);

function createFaultyBus(stream: string, seed: number, faults: FaultRates): MemoryFrameBus {
  const plan = seededFaults(seed, faults);
  return new MemoryFrameBus({
    stream,
    shards: 2,
    turn: faultTurn(plan, () => Promise.resolve()),
    refuse: refuseByPlan(plan),
  });
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('what a spill bus calls durable stands where it says, whatever fails; what it refuses it names', async () => {
  let both = 0;
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      rates,
      rates,
      fc.boolean(),
      fc.array(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      async (seed, ofStream, ofLanding, isShedding, requests) => {
        const stream = createFaultyBus('ingest', seed, ofStream);
        const landing = createFaultyBus('landing', seed + 1, ofLanding);
        const telemetry = new MemoryTelemetry();
        const bus = new SpillBus({ stream, landing, isShedding: () => isShedding, source: 's', telemetry });
        for (const [n, keys] of requests.entries()) {
          const frames = keys.map((key, i) => ({
            partitionKey: `key-${String(key)}`,
            bytes: Buffer.from(`${String(n)}/${String(i)}`),
          }));
          const sent = await bus.send(frames).catch((error: unknown) => {
            expect(error).toBeInstanceOf(HeadgateError);
            return undefined;
          });
          if (sent === undefined) continue;
          expect([...sent.durable, ...sent.refused].sort((a, b) => a - b)).toEqual(frames.map((_, i) => i));
          expect(sent.places).toHaveLength(sent.durable.length);
          expect(sent.error === undefined).toBe(sent.refused.length === 0);
          const lanes = new Set<string>();
          for (const [i, index] of sent.durable.entries()) {
            const place = sent.places[i];
            const home = place?.lane.startsWith('kinesis/landing/') === true ? landing : stream;
            lanes.add(home === landing ? 'landing' : 'stream');
            const found = home.frames().find(({ sequenceNumber }) => sequenceNumber === place?.position);
            expect(digest(found?.bytes ?? Buffer.of())).toBe(digest(frames[index]?.bytes ?? Buffer.of()));
          }
          if (lanes.size === 2) both++;
          // A frame behind a refused one with its key is refused, or the order within a key would be lost silently.
          for (const index of sent.refused) {
            refusals++;
            const key = frames[index]?.partitionKey;
            const behind = frames.flatMap((frame, i) => (i > index && frame.partitionKey === key ? [i] : []));
            for (const later of behind) expect(sent.refused).toContain(later);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(both).toBeGreaterThan(30);
  expect(refusals).toBeGreaterThan(30);
});

test('the API answers 2xx only for records that stand on the stream or in the landing zone', async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      rates,
      rates,
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
      async (seed, ofStream, ofLanding, sizes) => {
        const stream = createFaultyBus('ingest', seed, ofStream);
        const landing = createFaultyBus('landing', seed + 1, ofLanding);
        const telemetry = new MemoryTelemetry();
        const world = await createPushWorld({
          bus: new SpillBus({ stream, landing, isShedding: () => false, source: 'orders', telemetry }),
        });
        for (const [n, size] of sizes.entries()) {
          const ids = Array.from({ length: size }, (_, i) => `${String(n)}-${String(i)}`);
          const { status } = await world.send({ body: JSON.stringify(ids.map((id) => ({ id }))) });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          expect([202, 503]).toContain(status);
          if (status !== 202) continue;
          const stored = [...stream.frames(), ...landing.frames()].flatMap(({ bytes }) => {
            const frame = readFrame(bytes);
            return Array.from({ length: frame.count }, (_, i) => recordBytes(frame, i).toString());
          });
          for (const id of ids) expect(stored).toContain(JSON.stringify({ id }));
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(statuses.get(202)).toBeGreaterThan(50);
  expect(statuses.get(503)).toBeGreaterThan(20);
});
