import { describe, expect, test } from 'vitest';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { landingLane, landingTimeOf, toLandingTime } from '../../../shared/domain/landing-frame.ts';
import { parseLandingPosition } from '../../../shared/domain/landing-position.ts';
import { createManifestCache } from '../../../shared/pipeline/landing/manifests.ts';
import type { LandingZone } from '../../../shared/ports/landing-zone.ts';
import { LandingWorld, SOURCE } from '../../support/landing-world.ts';

const MINUTE_MS = 60_000;

const LANE = landingLane(SOURCE);
const HOUR_MS = 60 * MINUTE_MS;

/** A zone from which nothing can be removed. */
const withoutRemoval = (zone: LandingZone): LandingZone => ({
  list: (...args) => zone.list(...args),
  read: (...args) => zone.read(...args),
  remove: () => Promise.reject(new TransientError('FAULT', 'not now')),
});

describe('a landing run', () => {
  test('lands many small frames in one file per partition, and leaves no frame', async () => {
    const world = new LandingWorld();
    const ids = Array.from({ length: 300 }, (_, at) => `r${String(at)}`);
    for (const id of ids) await world.push(id);
    await expect(world.run()).resolves.toMatchObject({ finished: true, commits: 1 });
    expect(world.files('raw')).toHaveLength(1);
    expect(world.landed()).toEqual(ids.sort());
    expect(world.zone.names(SOURCE)).toEqual([]);
  });

  test('finds nothing to do where nothing waits: it lists, and neither reads nor writes', async () => {
    const world = new LandingWorld();
    await expect(world.run()).resolves.toMatchObject({ finished: true, commits: 0 });
    expect(world.calls.map(({ operation }) => operation)).toEqual(['list']);
  });

  test('says of each row which frame it came in, and where there', async () => {
    const world = new LandingWorld();
    const name = await world.push('a', 'b');
    await world.run();
    expect(
      world
        .files('raw')
        .flat()
        .map(({ id }) => id),
    ).toEqual([`landing/${SOURCE}/${name}/0`, `landing/${SOURCE}/${name}/1`]);
  });

  test('makes as many commits as its batches have bytes', async () => {
    const world = new LandingWorld();
    for (let at = 0; at < 10; at++) await world.push(`r${String(at)}`);
    const { commits } = await world.run({ maxBatchBytes: 70 });
    expect(commits).toBeGreaterThan(2);
    expect(commits).toBeLessThan(10);
    expect(world.landed()).toHaveLength(10);
  });

  test('commits no more than 500 partitions together, which one intent can name', async () => {
    const world = new LandingWorld({ partition: 'hour' });
    for (let frame = 0; frame < 3; frame++) {
      for (let hour = 0; hour < 300; hour++) {
        const at = 3_600 * (300 * frame + hour);
        await world.zone.put(
          SOURCE,
          world.nextName(world.clock.nowMs()),
          world.frameOf([`r${String(at)}`], SOURCE, at),
        );
      }
    }
    await expect(world.run()).resolves.toMatchObject({ commits: 2 });
    expect(world.landed()).toHaveLength(900);
  });

  test('reads no manifest while all that is new comes after what has landed', async () => {
    const world = new LandingWorld();
    for (let run = 0; run < 5; run++) {
      await world.push(`r${String(run)}`);
      await world.run();
      world.clock.advance(MINUTE_MS);
    }
    expect(world.landed()).toHaveLength(5);
    // Each run looks once whether the oldest manifest is still needed.
    expect(world.countCalls('stage', 'find')).toBeLessThanOrEqual(4);
  });

  test('lands a frame that appears after one with a later name', async () => {
    const world = new LandingWorld();
    const early = world.nextName(world.clock.nowMs());
    world.clock.advance(10);
    await world.push('late name');
    await world.run();
    await world.zone.put(SOURCE, early, world.frameOf(['early name']));
    await world.run();
    await world.run();
    expect(world.landed()).toEqual(['early name', 'late name']);
  });

  test('lands no frame twice that could not be removed, and removes it later', async () => {
    const world = new LandingWorld();
    await world.push('a');
    await world.run({ zone: withoutRemoval(world.zone) });
    expect(world.zone.names(SOURCE)).toHaveLength(1);
    await world.push('b');
    await expect(world.run()).resolves.toMatchObject({ commits: 1 });
    expect(world.landed()).toEqual(['a', 'b']);
    expect(world.zone.names(SOURCE)).toEqual([]);
  });

  test('lands no frame twice that a late writer creates again, also when its claim has expired', async () => {
    const world = new LandingWorld({ dedupe: 'none' });
    const name = await world.push('a');
    await world.run();
    world.clock.advance(15 * MINUTE_MS);
    await world.zone.put(SOURCE, name, world.frameOf(['a']));
    await expect(world.run()).resolves.toMatchObject({ commits: 0 });
    expect(world.landed()).toEqual(['a']);
    expect(world.zone.names(SOURCE)).toEqual([]);
  });

  test('that dies after the manifest is followed by one that lands the same frames, whatever came since', async () => {
    const world = new LandingWorld();
    await world.push('a');
    const dies = world.run({
      probe: (point) => {
        if (point === 'B.3') throw new Error('killed');
      },
    });
    await expect(dies).rejects.toThrow('killed');
    world.clock.advance(20_000);
    await world.push('b');
    await expect(world.run()).resolves.toMatchObject({ commits: 2 });
    expect(world.landed()).toEqual(['a', 'b']);
  });

  test('that is overtaken by another one goes on behind it', async () => {
    const world = new LandingWorld();
    await world.push('a');
    let isOvertaken = false;
    const outcome = await world.run({
      zone: {
        list: (...args) => world.zone.list(...args),
        read: async (...args) => {
          if (!isOvertaken) {
            isOvertaken = true;
            await world.run();
            await world.push('b');
          }
          return world.zone.read(...args);
        },
        remove: (...args) => world.zone.remove(...args),
      },
    });
    expect(outcome).toMatchObject({ finished: true, commits: 1 });
    expect(world.landed()).toEqual(['a', 'b']);
  });

  test('does not pass a frame that somebody has deleted before it landed: it says so', async () => {
    const world = new LandingWorld();
    const name = await world.push('a');
    const dies = world.run({
      probe: (point) => {
        if (point === 'B.2') throw new Error('killed');
      },
    });
    await expect(dies).rejects.toThrow('killed');
    await world.zone.remove(SOURCE, [name]);
    await world.push('b');
    await expect(world.run()).rejects.toMatchObject({ code: 'FRAME_VANISHED', disposition: 'block' });
  });

  test('leaves objects alone that are no frames, and says so', async () => {
    const world = new LandingWorld();
    await world.zone.put(SOURCE, 'readme.txt', Buffer.from('hello'));
    await world.zone.put(SOURCE, '0', Buffer.from('hello'));
    await world.push('a');
    await world.run();
    expect(world.landed()).toEqual(['a']);
    expect(world.zone.names(SOURCE)).toEqual(['0', 'readme.txt']);
    expect(world.telemetry.logs.map(({ message }) => message).join()).toContain('are no frames');
  });

  test('takes a frame for what it says it is', async () => {
    const world = new LandingWorld();
    await world.zone.put(SOURCE, world.nextName(world.clock.nowMs()), world.frameOf(['a'], 'others'));
    await world.run();
    expect(world.lake.list('raw/others/')).toHaveLength(1);
  });

  test('names files so that frames of one source in the zones of two do not collide', async () => {
    const world = new LandingWorld();
    await world.push('a');
    await world.run();
    expect(world.lake.list('raw/').map(({ key }) => key)).toEqual([
      `raw/${SOURCE}/dt=2026-01-31/hour=10/land-${SOURCE}-0-v1.parquet`,
    ]);
  });

  test('puts what it cannot read into quarantine, whole', async () => {
    const world = new LandingWorld();
    const frame = world.frameOf(['a']);
    await world.zone.put(SOURCE, world.nextName(world.clock.nowMs()), frame.subarray(0, frame.length - 3));
    await world.run();
    expect(world.files('quarantine').flat()).toMatchObject([{ reason: 'UNREADABLE_FRAME' }]);
    expect(world.zone.names(SOURCE)).toEqual([]);
  });

  test('of an ordered source leaves what appeared while it listed to the next one', async () => {
    const world = new LandingWorld({ orderBy: ['id'] });
    await world.push('a');
    await expect(world.run()).resolves.toMatchObject({ commits: 0 });
    world.clock.advance(1_001);
    await world.push('b');
    await expect(world.run()).resolves.toMatchObject({ commits: 1 });
    expect(world.landed()).toEqual(['a']);
  });
});

describe('the floor of a landing lane', () => {
  test('stays an hour behind the clock', async () => {
    const world = new LandingWorld();
    await world.push('a');
    await world.run();
    expect(world.position().floor).toBe(toLandingTime(world.clock.nowMs() - HOUR_MS));
  });

  test('stays below everything that is there, landed or not', async () => {
    const world = new LandingWorld();
    const old = await world.push('a');
    await world.run({ zone: withoutRemoval(world.zone) });
    world.clock.advance(5 * HOUR_MS);
    await world.push('b');
    await world.run({ zone: withoutRemoval(world.zone) });
    expect(world.position().floor).toBe(toLandingTime(landingTimeOf(old) ?? 0));
  });

  test('lets manifests go that name nothing above it', async () => {
    const world = new LandingWorld();
    const manifestCache = createManifestCache();
    for (let run = 0; run < 100; run++) {
      await world.push(`r${String(run)}`);
      await world.run({ manifestCache });
      world.clock.advance(MINUTE_MS);
    }
    expect(world.position().first).toBeGreaterThanOrEqual(100 - 62);
    expect(world.position().first).toBeLessThan(100 - 58);
    // A warm process knows them all.
    expect(world.countCalls('stage', 'find')).toBe(0);
  });

  test('lets all manifests go when the source was idle for an hour, without reading one', async () => {
    const world = new LandingWorld();
    for (const id of ['a', 'b', 'c']) {
      await world.push(id);
      await world.run();
    }
    const before = world.countCalls('stage', 'find');
    world.clock.advance(2 * HOUR_MS);
    await world.push('d');
    await world.run();
    expect(world.position().first).toBe(3);
    expect(world.countCalls('stage', 'find')).toBe(before);
  });

  test('does not guess whether a frame has landed whose manifest has expired', async () => {
    const world = new LandingWorld();
    const early = world.nextName(world.clock.nowMs());
    await world.push('b');
    await world.run();
    await world.zone.put(SOURCE, early, world.frameOf(['a']));
    world.clock.advance(20 * 24 * HOUR_MS);
    Object.assign(world.stage, { find: () => Promise.resolve(undefined) });
    const failure: unknown = await world.run().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BlockedError);
    expect(failure).toMatchObject({
      code: 'MANIFEST_EXPIRED',
      message: expect.stringContaining(early) as unknown,
    });
  });
});

describe('what a landing run holds in memory', () => {
  test('is a batch and a frame at most, however small frames are as they are stored', async () => {
    const world = new LandingWorld();
    const ids = Array.from({ length: 4 }, (_, at) => `${'x'.repeat(250_000)}${String(at)}`);
    const frame = world.frameOf(ids);
    for (let at = 0; at < 64; at++) await world.zone.put(SOURCE, world.nextName(world.clock.nowMs()), frame);
    const before = process.memoryUsage().arrayBuffers;
    const batch = await world.reader().read(await world.deps.ledger.read(LANE), 4_000_000);
    expect(batch).toMatchObject({ entries: { length: 3 } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
  });
});

test('of landed frames that cannot be removed the floor waits for no more than half a day', async () => {
  const world = new LandingWorld();
  await world.push('a');
  await world.run({ zone: withoutRemoval(world.zone) });
  world.clock.advance(13 * HOUR_MS);
  await world.push('b');
  await world.run({ zone: withoutRemoval(world.zone) });
  expect(world.position().floor).toBe(toLandingTime(world.clock.nowMs() - HOUR_MS));
  expect(world.landed()).toEqual(['a', 'b']);
  expect(world.telemetry.total('Errors', SOURCE)).toBe(1);
});

test('a clock that is set back during a listing does not raise the floor', async () => {
  const world = new LandingWorld();
  await world.push('a');
  const nowMs = world.clock.nowMs();
  let isAhead = true;
  const clock = {
    nowMs: () => nowMs + (isAhead ? 3 * HOUR_MS : 0),
    sleep: (ms: number) => world.clock.sleep(ms),
  };
  const zone: LandingZone = {
    list: async (source, after) => {
      isAhead = false;
      return await world.zone.list(source, after);
    },
    read: (source, name) => world.zone.read(source, name),
    remove: (source, names) => world.zone.remove(source, names),
  };
  const batch = await world.reader({ zone, clock }).read(await world.deps.ledger.read(LANE), 1_000_000);
  if (typeof batch !== 'object') throw new Error('there is a frame to land');
  expect(parseLandingPosition(LANE, batch.to).floor <= toLandingTime(nowMs - HOUR_MS)).toBe(true);
});

test('a run that meets another one leaves the source to it', async () => {
  const world = new LandingWorld();
  for (const id of ['a', 'b', 'c', 'd']) await world.push(id);
  const [first, second] = await Promise.all([
    world.run({ maxBatchBytes: 1 }),
    world.run({ maxBatchBytes: 1 }),
  ]);
  expect(first.commits + second.commits).toBe(4);
  expect([first.finished, second.finished].sort()).toEqual([false, true]);
  expect(Math.min(first.commits, second.commits)).toBe(0);
  expect(world.landed().sort()).toEqual(['a', 'b', 'c', 'd']);
});

test('a record that is repeated within its window and lands a run later is a duplicate', async () => {
  const world = new LandingWorld({ freshness: '4 hours', dedupeWindow: '1 hour' });
  const atSeconds = Math.floor(world.clock.nowMs() / 1000);
  const frame = world.frameOf(['a'], SOURCE, atSeconds);
  await world.zone.put(SOURCE, world.nextName(world.clock.nowMs()), frame);
  await world.run();
  await world.zone.put(SOURCE, world.nextName(world.clock.nowMs() + 1000), frame);
  world.clock.advance(2 * HOUR_MS);
  await world.run();
  expect(world.landed()).toEqual(['a']);
});
