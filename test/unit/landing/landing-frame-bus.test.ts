import { describe, expect, test } from 'vitest';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { OutgoingFrame } from '../../../shared/ports/frame-bus.ts';
import type { FrameWriter } from '../../../shared/ports/landing-zone.ts';
import { LandingWorld, SOURCE } from '../../support/landing-world.ts';

const frame = (partitionKey: string, text: string): OutgoingFrame => ({
  partitionKey,
  bytes: Buffer.from(text),
});

/** A writer that fails for these texts. */
function failingWriter(world: LandingWorld, failures: Readonly<Record<string, Error>>): FrameWriter {
  return {
    put: async (source, name, bytes) => {
      const failure = failures[Buffer.from(bytes).toString()];
      if (failure !== undefined) throw failure;
      await world.zone.put(source, name, bytes);
    },
  };
}

const busy = new TransientError('AWS_UNAVAILABLE', 'S3 is busy');
const denied = new BlockedError('ACCESS_DENIED', 'the role may not do this');

/** Texts of the frames that are there, in the order of their names. */
async function stored(world: LandingWorld): Promise<string[]> {
  const texts: string[] = [];
  for (const name of world.zone.names(SOURCE)) {
    texts.push(Buffer.from((await world.zone.read(SOURCE, name)) ?? []).toString());
  }
  return texts;
}

describe('frames on their way into the landing zone', () => {
  test('stand in the order in which they were sent, and their places say where', async () => {
    const world = new LandingWorld();
    const bus = world.bus();
    const first = await bus.send([frame('a', '1'), frame('b', '2')]);
    await bus.send([frame('a', '3')]);
    expect(await stored(world)).toEqual(['1', '2', '3']);
    expect(first.places).toEqual(
      world.zone
        .names(SOURCE)
        .slice(0, 2)
        .map((name) => ({
          lane: `landing/${SOURCE}`,
          position: `landing/frames/${SOURCE}/${name}`,
          bytes: 1,
        })),
    );
  });

  test('are refused with those behind them that have the same partition key, and no others', async () => {
    const world = new LandingWorld();
    const bus = world.bus({ frames: failingWriter(world, { 2: busy }) });
    const frames = [frame('a', '1'), frame('a', '2'), frame('b', '3'), frame('a', '4')];
    expect(await bus.send(frames)).toMatchObject({ durable: [0, 2], refused: [1, 3], error: busy.message });
    expect((await stored(world)).sort()).toEqual(['1', '3']);
  });

  test('that are denied are an error when none is stored, and refused when some are', async () => {
    const world = new LandingWorld();
    const bus = world.bus({ frames: failingWriter(world, { 1: denied, 2: denied }) });
    await expect(bus.send([frame('a', '1'), frame('b', '2')])).rejects.toBe(denied);
    expect(await bus.send([frame('a', '0'), frame('a', '1')])).toMatchObject({
      durable: [0],
      refused: [1],
      error: denied.message,
    });
  });

  test('are refused when their time is up', async () => {
    const world = new LandingWorld();
    const slow: FrameWriter = {
      put: async (...call) => {
        world.clock.advance(6_000);
        await world.zone.put(call[0], call[1], call[2]);
      },
    };
    const bus = world.bus({ frames: slow, budgetMs: 10_000 });
    const frames = ['1', '2', '3'].map((text) => frame('a', text));
    expect(await bus.send(frames)).toMatchObject({ durable: [0, 1], refused: [2] });
  });

  test('are given what is left of their time', async () => {
    const world = new LandingWorld();
    const given: number[] = [];
    const bus = world.bus({
      frames: {
        put: (_source, _name, _bytes, timeoutMs) => {
          given.push(timeoutMs);
          world.clock.advance(1_500);
          return Promise.resolve();
        },
      },
      budgetMs: 4_000,
    });
    await bus.send(['1', '2'].map((text) => frame('a', text)));
    expect(given).toEqual([4_000, 2_500]);
  });

  test('have names of their own in every attempt: two attempts of one request are two deliveries', async () => {
    const world = new LandingWorld();
    const bus = world.bus();
    await bus.send([frame('a', 'same')]);
    await bus.send([frame('a', 'same')]);
    expect(world.zone.names(SOURCE)).toHaveLength(2);
  });
});
