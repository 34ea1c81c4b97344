import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../../../shared/adapters/memory/memory-telemetry.ts';
import { createLagWatch, type LagWatch } from '../../../../shared/pipeline/backpressure/lag-watch.ts';
import type { LedgerState } from '../../../../shared/ports/ledger-store.ts';

const MAX_LAG_MS = 900_000;
const SPACING_MS = MAX_LAG_MS / 32;
const LANE = 'kinesis/ingest/shardId-0';
const minutes = (count: number): number => count * 60_000;

interface World {
  readonly clock: ManualClock;
  readonly watch: LagWatch;
  readonly telemetry: MemoryTelemetry;
  /** Lanes that were read, in order. */
  readonly reads: string[];
  /** Moves the ledger; positions are the numbers of frames. */
  moveTo(position: number, lane?: string): void;
  breakLedger(error: Error | undefined): void;
  /** Sends the next frame, as one request does. */
  send(lane?: string): void;
  /** One request a second, each with a frame. */
  run(seconds: number): Promise<void>;
}

function createWorld(): World {
  const clock = new ManualClock();
  const telemetry = new MemoryTelemetry();
  const reads: string[] = [];
  const positions = new Map<string, string>();
  let broken: Error | undefined;
  let sent = 0;
  const ledger = {
    read: (lane: string): Promise<LedgerState> => {
      reads.push(lane);
      if (broken !== undefined) return Promise.reject(broken);
      return Promise.resolve({ position: positions.get(lane), commits: 0, version: 0, intent: undefined });
    },
  };
  const watch = createLagWatch({ ledger, clock, telemetry, random: () => 0.5 }, MAX_LAG_MS);
  const send = (lane = LANE): void => {
    watch.note([{ lane, position: String(++sent), bytes: 1 }]);
  };
  return {
    clock,
    watch,
    telemetry,
    reads,
    moveTo: (position, lane = LANE) => positions.set(lane, String(position)),
    breakLedger: (error) => {
      broken = error;
    },
    send,
    run: async (seconds) => {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1_000);
        const reading = watch.refresh();
        send();
        await reading;
      }
    },
  };
}

/** A world whose consumer has stood still for a while, with a frame a second. */
async function createStalledWorld(seconds: number): Promise<World> {
  const world = createWorld();
  await world.run(seconds);
  return world;
}

describe('shedding by the lag of the consumer', () => {
  test('keeps everything while the consumer follows, and hardly reads the ledger', async () => {
    const world = createWorld();
    for (let i = 1; i <= 3_600; i++) {
      world.moveTo(i - 1);
      await world.run(1);
      expect(world.watch.shouldShed('low').shed).toBe(false);
    }
    expect(world.reads.length).toBeLessThanOrEqual(3_600_000 / MAX_LAG_MS);
  });

  test('sheds low priority above the lag, normal above twice, high never', async () => {
    const world = await createStalledWorld(MAX_LAG_MS / 1_000 - 5);
    expect(world.watch.shouldShed('low').shed).toBe(false);
    await world.run(15);
    expect(world.watch.shouldShed('low').shed).toBe(true);
    expect(world.watch.shouldShed('normal').shed).toBe(false);
    await world.run(MAX_LAG_MS / 1_000 - 30);
    expect(world.watch.shouldShed('normal').shed).toBe(false);
    await world.run(40);
    expect(world.watch.shouldShed('normal').shed).toBe(true);
    expect(world.watch.shouldShed('high').shed).toBe(false);
  });

  test('reads the ledger every five seconds at most while the consumer is behind', async () => {
    const world = await createStalledWorld(MAX_LAG_MS / 1_000);
    world.reads.length = 0;
    await world.run(100);
    expect(world.reads.length).toBeGreaterThan(15);
    expect(world.reads.length).toBeLessThanOrEqual(20);
  });

  test('ends as soon as the lane has passed the old frames', async () => {
    const world = await createStalledWorld(1_000);
    expect(world.watch.shouldShed('low').shed).toBe(true);
    world.moveTo(500);
    await world.run(6);
    expect(world.watch.shouldShed('low').shed).toBe(false);
  });

  test('lets one request in each interval through, and goes by its frame when the others have landed', async () => {
    const world = await createStalledWorld(1_000);
    let letThrough = 0;
    const shedFor = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        world.clock.advance(1_000);
        const reading = world.watch.refresh();
        if (!world.watch.shouldShed('low').shed) {
          letThrough++;
          world.send();
        }
        await reading;
      }
    };
    await shedFor(1_100);
    expect(letThrough).toBeGreaterThanOrEqual(Math.floor(1_100_000 / (SPACING_MS + 1_000)) - 1);
    expect(letThrough).toBeLessThanOrEqual(Math.ceil(1_100_000 / SPACING_MS));
    // All frames from before have landed; those that were let through since show that the lag is still there.
    world.moveTo(1_000);
    await shedFor(6);
    expect(world.watch.shouldShed('low').shed).toBe(true);
  });

  test('a reading that is old decides nothing: the instance may have been frozen', async () => {
    const world = await createStalledWorld(1_000);
    world.clock.advance(61_000);
    world.send();
    expect(world.watch.shouldShed('low').shed).toBe(false);
    await world.watch.refresh();
    expect(world.watch.shouldShed('low').shed).toBe(true);
  });

  test('a ledger that fails sheds nothing, fails nothing, and is not asked again at once', async () => {
    const world = createWorld();
    world.breakLedger(new Error('throttled'));
    await world.run(1_000);
    expect(world.watch.shouldShed('low').shed).toBe(false);
    expect(world.reads.length).toBeLessThanOrEqual(20);
    expect(world.telemetry.logs[0]).toMatchObject({ level: 'warn' });
  });

  test('a ledger that begins to fail is believed for a minute', async () => {
    const world = await createStalledWorld(1_000);
    world.breakLedger(new Error('throttled'));
    await world.run(50);
    expect(world.watch.shouldShed('low').shed).toBe(true);
    await world.run(15);
    expect(world.watch.shouldShed('low').shed).toBe(false);
  });

  test('asks the sender to come back when the lag will have fallen, at the pace of the last half minute', async () => {
    const world = await createStalledWorld(1_000);
    // Ten seconds of the stream in each: the lag of 1,000 s falls by 9 s a second.
    let landed = 0;
    for (let i = 0; i < 8; i++) {
      landed += 10;
      world.moveTo(landed);
      await world.run(1);
    }
    const { shed, retryAfterMs } = world.watch.shouldShed('low');
    expect(shed).toBe(true);
    const lagMs = 1_008_000 - landed * 1_000;
    const neededMs = (lagMs - MAX_LAG_MS) / 9;
    expect(retryAfterMs).toBeGreaterThan(neededMs / 3);
    expect(retryAfterMs).toBeLessThan(neededMs * 4);
  });

  test('asks for up to a minute while the consumer stands still', async () => {
    const world = await createStalledWorld(1_000);
    expect(world.watch.shouldShed('low').retryAfterMs).toBe(40_000);
  });

  test('one shard that stands still counts, and of many shards at most four are read at once', async () => {
    const world = createWorld();
    for (let shard = 0; shard < 40; shard++) world.send(`kinesis/ingest/shardId-${String(shard)}`);
    for (let shard = 1; shard < 40; shard++) world.moveTo(1_000, `kinesis/ingest/shardId-${String(shard)}`);
    world.clock.advance(MAX_LAG_MS + 1_000);
    world.send('kinesis/ingest/shardId-1');
    await world.watch.refresh();
    expect(world.reads).toHaveLength(4);
    expect(world.reads).toContain('kinesis/ingest/shardId-0');
    expect(world.watch.shouldShed('low').shed).toBe(true);
  });

  test('frames in the landing zone tell nothing of the stream', async () => {
    const world = createWorld();
    world.watch.note([{ lane: 'landing/orders', position: 'a', bytes: 1 }]);
    world.clock.advance(minutes(60));
    await world.watch.refresh();
    expect(world.reads).toEqual([]);
  });

  test('requests at the same time share one reading', async () => {
    const world = await createStalledWorld(1_000);
    world.reads.length = 0;
    world.clock.advance(6_000);
    await Promise.all([world.watch.refresh(), world.watch.refresh(), world.watch.refresh()]);
    expect(world.reads).toHaveLength(1);
  });

  test('the longer the consumer stands still the greater is the lag that is seen, and its end is seen, too', async () => {
    const world = createWorld();
    for (let frame = 0; frame < 500; frame++) {
      world.clock.advance(SPACING_MS);
      world.send();
    }
    await world.watch.refresh();
    expect(world.watch.shouldShed('normal').shed).toBe(true);
    // What is left are the frames of the last twenty minutes or so.
    world.moveTo(500 - Math.floor(minutes(20) / SPACING_MS));
    await world.run(6);
    expect(world.watch.shouldShed('normal').shed).toBe(false);
    expect(world.watch.shouldShed('low').shed).toBe(true);
    world.moveTo(1_000);
    await world.run(6);
    expect(world.watch.shouldShed('low').shed).toBe(false);
  });
});
