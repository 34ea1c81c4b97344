import { describe, expect, test } from 'vitest';
import { createHandler, type LandHandlerDeps } from '../../../lambdas/land/create-handler.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { createManifestCache } from '../../../shared/pipeline/landing/manifests.ts';
import { LandingWorld, SOURCE } from '../../support/landing-world.ts';
import { contextOf } from '../../support/stream-world.ts';

const RUN_MS = 900_000;

function handlerOf(world: LandingWorld, changed: Partial<LandHandlerDeps> = {}) {
  return createHandler({
    ...world.deps,
    zone: world.zone,
    stage: world.stage,
    manifestCache: createManifestCache(),
    random: () => 0,
    ...changed,
  });
}

/** A frame of the source `others` in its own zone. */
async function pushToOthers(world: LandingWorld, id: string): Promise<void> {
  await world.zone.put('others', world.nextName(world.clock.nowMs()), world.frameOf([id], 'others'));
}

describe('the land function', () => {
  test('lands the sources that its event names, and no others', async () => {
    const world = new LandingWorld();
    await world.push('a');
    await pushToOthers(world, 'b');
    expect(await handlerOf(world)({ sources: [SOURCE] }, contextOf(RUN_MS))).toEqual({
      sources: [{ source: SOURCE, commits: 1, finished: true }],
    });
    expect(world.landed()).toEqual(['a']);
    await handlerOf(world)({ sources: [SOURCE, 'others', SOURCE] }, contextOf(RUN_MS));
    expect(world.landed()).toEqual(['a', 'b']);
  });

  test('lands the other sources when one fails, and fails at its end with the reason', async () => {
    const world = new LandingWorld();
    await world.push('a');
    await pushToOthers(world, 'b');
    const handler = handlerOf(world, {
      zone: {
        list: (source, after) =>
          source === SOURCE
            ? Promise.reject(new BlockedError('ACCESS_DENIED', 'the role may not do this'))
            : world.zone.list(source, after),
        read: (...args) => world.zone.read(...args),
        remove: (...args) => world.zone.remove(...args),
      },
    });
    await expect(handler({ sources: [SOURCE, 'others'] }, contextOf(RUN_MS))).rejects.toThrow(
      `1 of 2 sources could not be landed: ${SOURCE}: the role may not do this`,
    );
    expect(world.landed()).toEqual(['b']);
    expect(world.telemetry.total('Errors', SOURCE)).toBe(1);
    expect(world.telemetry.total('Errors', 'others')).toBe(0);
  });

  test('begins with each of its sources now and then, so that none waits for ever', async () => {
    const order = async (random: number): Promise<string[]> => {
      const world = new LandingWorld();
      await handlerOf(world, { random: () => random })({ sources: [SOURCE, 'others'] }, contextOf(RUN_MS));
      return world.calls.map(({ subject }) => subject.split('/')[0] ?? '');
    };
    expect(await order(0.2)).toEqual([SOURCE, 'others']);
    expect(await order(0.7)).toEqual(['others', SOURCE]);
  });

  test('begins no batch that it may not end in time', async () => {
    const world = new LandingWorld();
    await world.push('a');
    expect(await handlerOf(world)({ sources: [SOURCE] }, contextOf(80_000))).toEqual({
      sources: [{ source: SOURCE, commits: 0, finished: false }],
    });
  });

  test('two runs at once land every record once', async () => {
    const world = new LandingWorld();
    const ids = Array.from({ length: 50 }, (_, at) => `r${String(at)}`);
    for (const id of ids) await world.push(id);
    await Promise.all(
      ['one', 'two', 'three'].map((id) => handlerOf(world)({ sources: [SOURCE] }, contextOf(RUN_MS, id))),
    );
    expect(world.landed()).toEqual(ids.sort());
  });

  test('measures how long records took since they were received', async () => {
    const world = new LandingWorld();
    await world.push('a');
    world.clock.advance(45_000);
    await handlerOf(world)({ sources: [SOURCE] }, contextOf(RUN_MS));
    const latencyMs = world.telemetry.values('EndToEndLatency', SOURCE)[0]?.value;
    expect(latencyMs).toBeGreaterThanOrEqual(45_000);
    expect(latencyMs).toBeLessThan(46_000);
  });

  test.each([undefined, {}, { sources: [] }, { sources: 'reports' }, { sources: [1] }])(
    'refuses an event that names no sources: %j',
    async (event) => {
      const world = new LandingWorld();
      await expect(handlerOf(world)(event, contextOf(RUN_MS))).rejects.toMatchObject({
        code: 'BAD_EVENT',
        message: expect.stringContaining('reports, others') as unknown,
      });
    },
  );

  test('refuses a source that it does not know, before it lands any', async () => {
    const world = new LandingWorld();
    await world.push('a');
    const failure = handlerOf(world)({ sources: [SOURCE, 'nobody'] }, contextOf(RUN_MS));
    await expect(failure).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', disposition: 'block' });
    expect(world.landed()).toEqual([]);
  });
});
