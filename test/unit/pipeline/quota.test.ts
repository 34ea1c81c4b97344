import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryQuotaStore } from '../../../shared/adapters/memory/memory-quota-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import type { PushSourceConfig } from '../../../shared/config/schema.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { Source } from '../../../shared/domain/source.ts';
import { createQuota, type Quota, type QuotaDecision } from '../../../shared/pipeline/quota.ts';
import type { QuotaStore } from '../../../shared/ports/quota-store.ts';
import { declareLimited } from '../../support/declare-limited.ts';

interface World {
  readonly clock: ManualClock;
  readonly store: MemoryQuotaStore;
  readonly telemetry: MemoryTelemetry;
  readonly quota: Quota;
}

/** @param over a store to use in place of the world's own */
function worldOf(over?: QuotaStore): World {
  const clock = new ManualClock();
  const store = new MemoryQuotaStore();
  const telemetry = new MemoryTelemetry();
  return { clock, store, telemetry, quota: createQuota({ store: over ?? store, clock, telemetry }) };
}

/** Sends requests at a steady rate, and tells how many were admitted. */
async function send(
  { clock, quota }: World,
  source: Source<PushSourceConfig>,
  load: { perSecond: number; seconds: number; bytes?: number; sender?: string; records?: number },
): Promise<number> {
  let admitted = 0;
  for (let i = 0; i < load.perSecond * load.seconds; i += 1) {
    const decision = await quota.take(source, load.sender, { bytes: load.bytes ?? 100 });
    if (decision.admitted) {
      admitted += 1;
      quota.spent(source, load.sender, load.records ?? 1);
    }
    clock.advance(1000 / load.perSecond);
  }
  return admitted;
}

const failing = (): QuotaStore & { calls: number } => ({
  calls: 0,
  announce() {
    this.calls += 1;
    return Promise.reject(new TransientError('AWS_UNAVAILABLE', 'throttled'));
  },
});

describe('one instance', () => {
  test('admits what is below the limit', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100 });
    expect(await send(world, source, { perSecond: 80, seconds: 120 })).toBe(9_600);
  });

  test('admits the limit of what is above it', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100 });
    await send(world, source, { perSecond: 300, seconds: 20 });
    const admitted = await send(world, source, { perSecond: 300, seconds: 60 });
    expect(admitted).toBeGreaterThan(5_900);
    expect(admitted).toBeLessThanOrEqual(6_010);
  });

  test.each([1, 2, 7])('holds a limit as low as %i requests per second', async (requestsPerSecond) => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond });
    await send(world, source, { perSecond: 20, seconds: 30 });
    const admitted = await send(world, source, { perSecond: 20, seconds: 100 });
    expect(admitted).toBeGreaterThanOrEqual(95 * requestsPerSecond);
    expect(admitted).toBeLessThanOrEqual(101 * requestsPerSecond + 1);
  });

  test('counts the bytes of bodies as well as requests', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 1_000, bytesPerSecond: '100 kB' });
    await send(world, source, { perSecond: 40, seconds: 30, bytes: 10_000 });
    const admitted = await send(world, source, { perSecond: 40, seconds: 60, bytes: 10_000 });
    expect(admitted * 10_000).toBeGreaterThan(0.95 * 6_000_000);
    expect(admitted * 10_000).toBeLessThan(1.05 * 6_000_000);
  });

  test('serves bodies larger than what it can save up, and waits for what they cost too much', async () => {
    const world = worldOf();
    const source = declareLimited({ bytesPerSecond: '100 kB' });
    const admitted = await send(world, source, { perSecond: 1, seconds: 600, bytes: 5_000_000 });
    expect(admitted).toBeGreaterThanOrEqual(11);
    expect(admitted).toBeLessThanOrEqual(13);
  });

  test('serves a body far larger than all before it, when it has waited as long as it was told', async () => {
    const world = worldOf();
    const source = declareLimited({ bytesPerSecond: '100 kB' });
    await send(world, source, { perSecond: 20, seconds: 60, bytes: 1_000 });
    const large = { bytes: 5_000_000 };
    let waitedMs = 0;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const { admitted, retryAfterMs } = await world.quota.take(source, undefined, large);
      if (admitted) break;
      waitedMs += retryAfterMs;
      world.clock.advance(retryAfterMs);
    }
    expect((await world.quota.take(source, undefined, large)).admitted).toBe(false);
    expect(waitedMs).toBeLessThan(20_000);
  });

  test('a sender above its own limit does not keep others from theirs', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100, perKey: { requestsPerSecond: 10 } });
    let modest = 0;
    let greedy = 0;
    for (let i = 0; i < 60 * 60; i += 1) {
      if ((await world.quota.take(source, 'greedy', { bytes: 1 })).admitted) greedy += 1;
      if (i % 10 === 0 && (await world.quota.take(source, 'modest', { bytes: 1 })).admitted) modest += 1;
      world.clock.advance(1000 / 60);
    }
    expect(modest).toBe(360);
    expect(greedy).toBeGreaterThan(570);
    expect(greedy).toBeLessThan(660);
  });

  test('what one limit refuses is not taken from the others', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 10, perKey: { requestsPerSecond: 1 } });
    await send(world, source, { perSecond: 20, seconds: 60, sender: 'greedy' });
    const decision = await world.quota.take(source, 'other', { bytes: 1 });
    expect(decision.admitted).toBe(true);
  });

  test('without limits for senders, who sends makes no difference', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100 });
    const decision = await world.quota.take(source, 'somebody', { bytes: 1 });
    expect(decision.policies.map(({ name }) => name)).toEqual(['requests']);
  });
});

describe('a decision', () => {
  /** The first refusal under a load above the limit, after a while. */
  async function refusal(
    world: World,
    source: Source<PushSourceConfig>,
    sender?: string,
  ): Promise<QuotaDecision> {
    await send(world, source, { perSecond: 50, seconds: 30, ...(sender !== undefined && { sender }) });
    for (;;) {
      const decision = await world.quota.take(source, sender, { bytes: 100 });
      if (!decision.admitted) return decision;
    }
  }

  test('names the limits that apply and those that are broken', async () => {
    const source = declareLimited({
      requestsPerSecond: 1_000,
      bytesPerSecond: '1 MB',
      perKey: { requestsPerSecond: 5, bytesPerSecond: '1 MB' },
    });
    const { policies, violated } = await refusal(worldOf(), source, 'greedy');
    expect(policies.map(({ name, limit, unit }) => [name, limit, unit])).toEqual([
      ['requests', 1_000, 'requests'],
      ['bytes', 1_000_000, 'bytes'],
      ['sender-requests', 5, 'requests'],
      ['sender-bytes', 1_000_000, 'bytes'],
    ]);
    expect(violated).toEqual(['sender-requests']);
  });

  test('says when to come back, and then the request is admitted', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 5 });
    const { retryAfterMs, policies } = await refusal(world, source);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(policies[0]?.resetSeconds).toBe(Math.ceil(retryAfterMs / 1000));
    expect(policies[0]?.remaining).toBeLessThanOrEqual(1);
    world.clock.advance(retryAfterMs);
    expect((await world.quota.take(source, undefined, { bytes: 100 })).admitted).toBe(true);
  });

  test('of an admitted request asks nobody to wait, and what remains is never more than the limit', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100 });
    await send(world, source, { perSecond: 10, seconds: 60 });
    const decision = await world.quota.take(source, undefined, { bytes: 100 });
    expect(decision).toMatchObject({ admitted: true, retryAfterMs: 0, violated: [] });
    expect(decision.policies[0]).toMatchObject({
      limit: 100,
      windowSeconds: 1,
      remaining: 100,
      resetSeconds: 1,
    });
  });
});

describe('the store', () => {
  test('is not asked for refusals: above the limit, as seldom as below it', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 100 });
    await send(world, source, { perSecond: 500, seconds: 120 });
    const before = world.store.writes;
    await send(world, source, { perSecond: 500, seconds: 120 });
    expect(world.store.writes - before).toBeLessThanOrEqual(6);
  });

  test('is written at most once in 1,000 records, with one record in each request at the default limit', async () => {
    const world = worldOf();
    const source = declareLimited({});
    await send(world, source, { perSecond: 90, seconds: 120 });
    const before = world.store.writes;
    const admitted = await send(world, source, { perSecond: 90, seconds: 300 });
    expect((world.store.writes - before) / (admitted / 1_000)).toBeLessThanOrEqual(1);
  });

  test('is not written for requests that are rare', async () => {
    const world = worldOf();
    const source = declareLimited({});
    expect(await send(world, source, { perSecond: 0.2, seconds: 600 })).toBe(120);
    expect(world.store.writes).toBe(0);
  });

  test('is asked once by simultaneous requests', async () => {
    const world = worldOf();
    const source = declareLimited({ requestsPerSecond: 10 });
    await Promise.all(Array.from({ length: 8 }, () => world.quota.take(source, undefined, { bytes: 1 })));
    expect(world.store.writes).toBe(1);
  });

  test('is asked by one request after the other of those that waited for it and need more', async () => {
    const memory = new MemoryQuotaStore();
    const answering = Promise.withResolvers<undefined>();
    let [running, most, calls] = [0, 0, 0];
    const world = worldOf({
      announce: async (bucket, announcement, options) => {
        most = Math.max(most, ++running);
        calls++;
        if (calls === 1) await answering.promise;
        const total = await memory.announce(bucket, announcement, options);
        running--;
        return total;
      },
    });
    const source = declareLimited({ requestsPerSecond: 10 });
    const take = () => world.quota.take(source, undefined, { bytes: 1 });
    // By the answer, the share that it gives has lapsed for most of those that wait.
    const waiting = Array.from({ length: 100 }, () => {
      world.clock.advance(100);
      return take();
    });
    answering.resolve(undefined);
    await Promise.all(waiting);
    expect(calls).toBeGreaterThan(1);
    expect(most).toBe(1);
  });

  test('does not get to see who sends', async () => {
    const seen: string[] = [];
    const memory = new MemoryQuotaStore();
    const world = worldOf({
      announce: (bucket, announcement, options) => {
        seen.push(bucket);
        return memory.announce(bucket, announcement, options);
      },
    });
    const source = declareLimited({ requestsPerSecond: 1, perKey: { requestsPerSecond: 1 } });
    await world.quota.take(source, 'arn:aws:iam::1:user/alice', { bytes: 1 });
    expect(seen).toEqual(['orders', expect.stringMatching(/^orders#[0-9a-f]{32}$/)]);
  });
});

describe('when the store fails', () => {
  test('requests are admitted, up to the whole limit in each instance', async () => {
    const world = worldOf(failing());
    const source = declareLimited({ requestsPerSecond: 100 });
    expect(await send(world, source, { perSecond: 90, seconds: 30 })).toBe(2_700);
    const admitted = await send(world, source, { perSecond: 300, seconds: 60 });
    expect(admitted).toBeGreaterThan(5_900);
    expect(admitted).toBeLessThan(6_600);
  });

  test('it is left alone for some seconds, also by other sources, and each failure is logged', async () => {
    const store = failing();
    const world = worldOf(store);
    await send(world, declareLimited({ requestsPerSecond: 100 }), { perSecond: 50, seconds: 4 });
    await send(world, declareLimited({ requestsPerSecond: 100 }, 'invoices'), {
      perSecond: 50,
      seconds: 0.5,
    });
    expect(store.calls).toBe(1);
    await send(world, declareLimited({ requestsPerSecond: 100 }), { perSecond: 50, seconds: 10 });
    expect(store.calls).toBeGreaterThan(1);
    expect(store.calls).toBeLessThanOrEqual(4);
    expect(world.telemetry.logs).toHaveLength(store.calls);
    expect(world.telemetry.logs[0]).toMatchObject({
      level: 'warn',
      fields: { bucket: 'orders', error: 'throttled' },
    });
  });

  test('shares are taken again when it is back', async () => {
    const memory = new MemoryQuotaStore();
    let isDown = true;
    const world = worldOf({
      announce: (bucket, announcement, options) =>
        isDown
          ? Promise.reject(new TransientError('AWS_UNAVAILABLE', 'down'))
          : memory.announce(bucket, announcement, options),
    });
    const source = declareLimited({ requestsPerSecond: 100 });
    await send(world, source, { perSecond: 50, seconds: 20 });
    isDown = false;
    await send(world, source, { perSecond: 50, seconds: 20 });
    expect(memory.writes).toBeGreaterThan(0);
  });
});

test('a request that needs no share leaves the limit as it is, less what it took', async () => {
  const world = worldOf();
  const { policies } = await world.quota.take(declareLimited({ requestsPerSecond: 100 }), undefined, {
    bytes: 10,
  });
  expect(policies).toMatchObject([{ name: 'requests', limit: 100, remaining: 99 }]);
});
