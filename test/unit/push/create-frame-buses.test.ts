import { describe, expect, test } from 'vitest';
import { createFrameBuses, type BusOf } from '../../../lambdas/push/create-frame-buses.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import type { FrameBus } from '../../../shared/ports/frame-bus.ts';
import { LandingWorld, SOURCE } from '../../support/landing-world.ts';

interface Targets {
  /** Why the stream refuses everything. */
  readonly refusal?: string;
  readonly hasStream?: boolean;
  readonly hasLanding?: boolean;
}

/** The buses of a world, and the stream that they share. */
function busesOf(
  world: LandingWorld,
  { refusal, hasStream = true, hasLanding = true }: Targets = {},
): { readonly busOf: BusOf; readonly stream: MemoryFrameBus } {
  const stream = new MemoryFrameBus({ refuse: () => refusal });
  const busOf = createFrameBuses({
    stream: hasStream ? () => stream : undefined,
    frames: hasLanding ? world.zone : undefined,
    lag: { shouldShed: () => ({ shed: false, retryAfterMs: 0 }) },
    clock: world.clock,
    telemetry: world.telemetry,
    newToken: () => 'token',
  });
  return { busOf, stream };
}

const STREAMED = { freshness: '30 seconds' };
const send = (bus: FrameBus) => bus.send([{ bytes: Buffer.from('x'), partitionKey: 'a' }]);
const waiting = (world: LandingWorld): number => world.zone.names(SOURCE).length;

describe('frames of a source', () => {
  test('go to the stream where it is streamed', async () => {
    const world = new LandingWorld(STREAMED);
    const { busOf, stream } = busesOf(world);
    await send(busOf(world.source()));
    expect([stream.frames().length, waiting(world)]).toEqual([1, 0]);
  });

  test('go to the landing zone where it is collected', async () => {
    const world = new LandingWorld();
    const { busOf, stream } = busesOf(world);
    await send(busOf(world.source()));
    expect([stream.frames().length, waiting(world)]).toEqual([0, 1]);
  });

  test('go to the landing zone when the stream refuses them and they may spill, and nowhere when they may not', async () => {
    const spilling = new LandingWorld({ ...STREAMED, overflow: 'spill' });
    const spilled = await send(busesOf(spilling, { refusal: 'full' }).busOf(spilling.source()));
    expect([spilled.durable, waiting(spilling)]).toEqual([[0], 1]);
    const refusing = new LandingWorld(STREAMED);
    const refused = await send(busesOf(refusing, { refusal: 'full' }).busOf(refusing.source()));
    expect([refused.durable, waiting(refusing)]).toEqual([[], 0]);
  });

  test('have one bus per source, which keeps their order', () => {
    const world = new LandingWorld();
    const { busOf } = busesOf(world);
    expect(busOf(world.source())).toBe(busOf(world.source()));
    expect(busOf(world.source())).not.toBe(busOf(world.source('others')));
  });

  test.each([
    [STREAMED, { hasStream: false }, 'INGEST_STREAM'],
    [{}, { hasLanding: false }, 'LAKE_BUCKET'],
  ])(
    'that have nowhere to go are a deployment that does not fit its function',
    (changed, targets, variable) => {
      const world = new LandingWorld(changed);
      expect(() => busesOf(world, targets).busOf(world.source())).toThrow(
        expect.objectContaining({
          code: 'BUS_MISSING',
          disposition: 'block',
          message: expect.stringContaining(variable) as unknown,
        }),
      );
    },
  );
});
