import type { KinesisStreamRecord } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createHandler as createLander } from '../../../lambdas/land/create-handler.ts';
import { createFrameBuses } from '../../../lambdas/push/create-frame-buses.ts';
import { createHandler as createStreamer } from '../../../lambdas/stream/create-handler.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemorySpendStore } from '../../../shared/adapters/memory/memory-spend-store.ts';
import { monthOf } from '../../../shared/domain/plan-budget.ts';
import { createBudgets, type Budgets } from '../../../shared/pipeline/budget/create-budgets.ts';
import { createManifestCache } from '../../../shared/pipeline/landing/manifests.ts';
import { LandingWorld, SOURCE } from '../../support/landing-world.ts';
import { PushWorld } from '../../support/push-world.ts';
import { contextOf, createStreamWorld, eventOf, kinesisRecord } from '../../support/stream-world.ts';

const RUN_MS = 900_000;
/** After so long a process looks again. */
const FORGOTTEN_MS = 75_000;
const CAPPED = { freshness: '30 seconds', budget: { usdPerMonth: 10 } };

type Deps = Pick<Parameters<typeof createBudgets>[0], 'clock' | 'telemetry'>;

/** The budget of one source, $10 a month, over a store whose sum a test sets. */
function watch({ clock, telemetry }: Deps, source: string) {
  const store = new MemorySpendStore();
  const caps = new Map([[source, { capUsd: 10, fixedUsd: 0 }]]);
  const { month } = monthOf(clock.nowMs());
  return {
    store,
    open: (): Budgets => createBudgets({ store, clock, telemetry, caps }),
    /** As if other processes had spent so much, or somebody had corrected the sum. */
    add: (usd: number) => store.add(source, month, { usd }),
  };
}

const bytesOf = (id: string): Buffer => Buffer.from(`{"id":"${id}"}`);

describe('a pushed source that is over its budget', () => {
  test('goes through the landing zone until it is within again, and every record lands once', async () => {
    const world = new LandingWorld(CAPPED);
    const { open, add } = watch(world, SOURCE);
    const budgets = open();
    const stream = new MemoryFrameBus();
    const busOf = createFrameBuses({
      stream: () => stream,
      frames: world.zone,
      lag: { shouldShed: () => ({ shed: false, retryAfterMs: 0 }) },
      budgets,
      clock: world.clock,
      telemetry: world.telemetry,
      newToken: () => 'token',
    });
    const push = async (...ids: readonly string[]): Promise<void> => {
      world.clock.advance(FORGOTTEN_MS);
      await budgets.look(SOURCE);
      const sent = await busOf(world.source()).send([{ bytes: world.frameOf(ids), partitionKey: 'p' }]);
      expect(sent.durable).toEqual([0]);
    };
    const places = (): readonly number[] => [stream.frames().length, world.zone.names(SOURCE).length];

    await push('a');
    expect(places()).toEqual([1, 0]);
    await add(11);
    await push('a', 'b');
    expect(places()).toEqual([1, 1]);
    await add(-10);
    await push('b', 'c');
    expect(places()).toEqual([2, 1]);

    const lander = createLander({
      ...world.deps,
      zone: world.zone,
      stage: world.stage,
      manifestCache: createManifestCache(),
      random: () => 0,
      budgets,
    });
    const streamer = createStreamer({ ...world.deps, sourceOfStream: {}, budgets });
    const [first, second] = stream
      .frames()
      .map(({ bytes }, at) => kinesisRecord(String(100 + at), bytes)) as [
      KinesisStreamRecord,
      KinesisStreamRecord,
    ];
    await streamer({ Records: [first] }, contextOf(RUN_MS));
    await lander({ sources: [SOURCE] }, contextOf(RUN_MS));
    await streamer({ Records: [second] }, contextOf(RUN_MS));
    expect(world.landed()).toEqual(['a', 'b', 'c']);
  });

  test('is not refused when the landing zone takes nothing: the stream does', async () => {
    const world = new LandingWorld(CAPPED);
    const { open, add } = watch(world, SOURCE);
    await add(11);
    const budgets = open();
    await budgets.look(SOURCE);
    const stream = new MemoryFrameBus();
    const busOf = createFrameBuses({
      stream: () => stream,
      frames: { put: () => Promise.reject(new Error('not now')) },
      lag: { shouldShed: () => ({ shed: false, retryAfterMs: 0 }) },
      budgets,
      clock: world.clock,
      telemetry: world.telemetry,
      newToken: () => 'token',
    });
    const sent = await busOf(world.source()).send([{ bytes: world.frameOf(['a']), partitionKey: 'p' }]);
    expect(sent.durable).toEqual([0]);
    expect(stream.frames()).toHaveLength(1);
  });

  test('with an order stays on the stream', async () => {
    const world = new LandingWorld({ ...CAPPED, orderBy: ['id'] });
    const { open, add } = watch(world, SOURCE);
    await add(11);
    const budgets = open();
    expect((await budgets.look(SOURCE)).isOver).toBe(true);
    const stream = new MemoryFrameBus();
    const busOf = createFrameBuses({
      stream: () => stream,
      frames: world.zone,
      lag: { shouldShed: () => ({ shed: false, retryAfterMs: 0 }) },
      budgets,
      clock: world.clock,
      telemetry: world.telemetry,
      newToken: () => 'token',
    });
    await busOf(world.source()).send([{ bytes: world.frameOf(['a']), partitionKey: 'p' }]);
    expect([stream.frames().length, world.zone.names(SOURCE).length]).toEqual([1, 0]);
  });

  test('is answered 202, told of the delay, and counted for the alarm', async () => {
    let add: ((usd: number) => Promise<unknown>) | undefined;
    let settled = 0;
    const contract = { schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } };
    const world = new PushWorld({
      config: {
        sources: {
          orders: { type: 'push', volume: { gbPerDay: 1 }, key: ['id'], contract, ...CAPPED },
        },
      },
      budgets: (own) => {
        const watched = watch(own, 'orders');
        add = watched.add;
        const budgets = watched.open();
        return {
          ...budgets,
          settle: async () => {
            settled++;
            await budgets.settle();
          },
        };
      },
    });
    await world.createKey('orders');
    const send = (id: string) => world.send({ body: bytesOf(id).toString() });
    expect((await send('a')).body).not.toHaveProperty('delayed');
    await add?.(11);
    world.clock.advance(FORGOTTEN_MS);
    const { status, body } = await send('b');
    expect([status, body]).toEqual([202, expect.objectContaining({ accepted: 1, delayed: true })]);
    expect(world.telemetry.total('OverBudget', 'orders')).toBe(1);
    // The stream would have taken it: that is no overflow.
    expect(world.telemetry.total('RequestsSpilled', 'orders')).toBe(0);
    expect(world.landing.names('orders')).toHaveLength(1);
    expect(settled).toBe(2);
  });
});

describe('a collected source that is over its budget', () => {
  test('is landed each hour, and as ever when it is within again', async () => {
    const world = new LandingWorld({ budget: { usdPerMonth: 10 } });
    const { open, add } = watch(world, SOURCE);
    await add(11);
    const start = () => ({
      lander: createLander({
        ...world.deps,
        zone: world.zone,
        stage: world.stage,
        manifestCache: createManifestCache(),
        random: () => 0,
        // Each run is a process of its own.
        budgets: open(),
      }),
    });
    const run = async () => {
      const { lander } = start();
      return (await lander({ sources: [SOURCE] }, contextOf(RUN_MS))).sources[0];
    };
    await world.push('a');
    expect(await run()).toMatchObject({ commits: 1, finished: true });
    await world.push('b');
    const landedAt: number[] = [];
    for (let minute = 5; minute <= 130; minute += 5) {
      world.clock.advance(5 * 60_000);
      const outcome = await run();
      if (outcome?.commits === 1) landedAt.push(minute);
      else expect(outcome).toMatchObject({ commits: 0, finished: false, left: 'over-budget' });
      if (outcome?.commits === 1) await world.push(`b${String(minute)}`);
    }
    expect(landedAt).toEqual([60, 120]);
    await add(-11);
    expect(await run()).toMatchObject({ commits: 1, finished: true });
    expect(world.landed()).toEqual(['a', 'b', 'b120', 'b60']);
  });
});

describe('a stream of its own', () => {
  test('lands as ever, and is counted for the alarm', async () => {
    const world = createStreamWorld();
    const { open, add } = watch(world, 'clicks');
    await add(11);
    const handler = createStreamer({ ...world.deps, budgets: open() });
    await handler(eventOf('{"id":"a"}'), contextOf(RUN_MS));
    expect(world.landed()).toEqual(['{"id":"a"}']);
    expect(world.telemetry.total('OverBudget', 'clicks')).toBe(1);
  });
});
