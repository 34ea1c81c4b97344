import { describe, expect, test } from 'vitest';
import { MemoryFrameBus } from '../../../../shared/adapters/memory/memory-frame-bus.ts';
import { BlockedError } from '../../../../shared/domain/errors.ts';
import { createMeteredBus } from '../../../../shared/pipeline/backpressure/metered-bus.ts';
import type { FrameBus, FramePlace, OutgoingFrame } from '../../../../shared/ports/frame-bus.ts';

const frames: readonly OutgoingFrame[] = ['a', 'b', 'c'].map((partitionKey, i) => ({
  partitionKey,
  bytes: Buffer.alloc(100 * (i + 1)),
}));

function createWorld(bus: FrameBus) {
  const sent: { durableBytes: number; refusedBytes: number }[] = [];
  const places: FramePlace[] = [];
  const metered = createMeteredBus(bus, {
    drain: { note: (entry) => sent.push(entry) },
    lag: { note: (more) => places.push(...more) },
  });
  return { metered, sent, places };
}

describe('a metered bus', () => {
  test('answers as its bus does and tells what got through, what did not and where it stands', async () => {
    const options = {
      refuse: ({ partitionKey }: OutgoingFrame) => (partitionKey === 'b' ? 'no' : undefined),
    };
    const expected = await new MemoryFrameBus(options).send(frames);
    const { metered, sent, places } = createWorld(new MemoryFrameBus(options));
    expect(await metered.send(frames)).toEqual(expected);
    expect(sent).toEqual([{ durableBytes: 402, refusedBytes: 201 }]);
    expect(places).toEqual(expected.places);
  });

  test('counts everything as refused when the bus fails, and fails as it does', async () => {
    const denied = new BlockedError('ACCESS_DENIED', 'denied');
    const { metered, sent, places } = createWorld({ send: () => Promise.reject(denied) });
    await expect(metered.send(frames)).rejects.toBe(denied);
    expect(sent).toEqual([{ durableBytes: 0, refusedBytes: 603 }]);
    expect(places).toEqual([]);
  });
});
