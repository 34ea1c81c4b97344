import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkFrames } from '../../../shared/adapters/aws/chunk-frames.ts';
import type { OutgoingFrame } from '../../../shared/ports/frame-bus.ts';

const MIB = 1024 * 1024;
const buffer = new Uint8Array(MIB);

const frames = fc.array(
  fc.record({
    partitionKey: fc.oneof(fc.constantFrom('a', 'b', 'ü'), fc.uuid()),
    bytes: fc
      .oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: MIB - 40 }))
      .map((length) => buffer.subarray(0, length)),
  }),
  { minLength: 1, maxLength: 700, size: 'max' },
);

test('cutting until nothing waits sends every frame once, within the limits and in order per key', () => {
  fc.assert(
    fc.property(frames, (all: OutgoingFrame[]) => {
      let waiting = all.map((_, index) => index);
      const sent: number[] = [];
      while (waiting.length > 0) {
        const chunk = chunkFrames(all, waiting);
        expect(chunk.length).toBeGreaterThan(0);
        expect(chunk.length).toBeLessThanOrEqual(500);
        const records = chunk.map((index) => all[index]);
        const bytes = records.reduce(
          (sum, record) =>
            sum + (record?.bytes.length ?? 0) + new TextEncoder().encode(record?.partitionKey).length,
          0,
        );
        expect(bytes).toBeLessThanOrEqual(5 * MIB);
        // Within one call Kinesis promises no order, so a key occurs once.
        expect(new Set(records.map((record) => record?.partitionKey)).size).toBe(chunk.length);
        sent.push(...chunk);
        waiting = waiting.filter((index) => !chunk.includes(index));
      }
      expect([...sent].sort((a, b) => a - b)).toEqual(all.map((_, index) => index));
      for (const key of new Set(all.map(({ partitionKey }) => partitionKey))) {
        const order = sent.filter((index) => all[index]?.partitionKey === key);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
    }),
    { numRuns: 60 },
  );
});
