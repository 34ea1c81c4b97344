import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { waitForLanding, type WaitDeps } from '../../../shared/pipeline/wait-for-landing.ts';
import type { FramePlace } from '../../../shared/ports/frame-bus.ts';

const LANE = 'kinesis/ingest/shardId-000000000000';
const OTHER_LANE = 'kinesis/ingest/shardId-000000000001';
const at = (position: string, lane = LANE): FramePlace => ({ lane, position, bytes: 100 });

type Ledger = WaitDeps['ledger'];

/** A ledger that something happens to as time goes by, and what was read of it. */
function createWorld(
  events: readonly { readonly afterMs: number; readonly run: (ledger: MemoryLedgerStore) => unknown }[] = [],
  fail: (call: number) => Error | undefined = () => undefined,
) {
  const clock = new ManualClock({ jump: true });
  const telemetry = new MemoryTelemetry();
  const store = new MemoryLedgerStore();
  const startMs = clock.nowMs();
  const reads: string[] = [];
  const pending = [...events];
  const before = async (call: string): Promise<void> => {
    reads.push(call);
    while (pending[0] !== undefined && pending[0].afterMs <= clock.nowMs() - startMs) {
      await pending.shift()?.run(store);
    }
    const error = fail(reads.length);
    if (error !== undefined) throw error;
  };
  const ledger: Ledger = {
    read: async (lane) => {
      await before(`read ${lane}`);
      return await store.read(lane);
    },
    rangesOverlapping: async (lane, from, to) => {
      await before(`ranges ${lane}`);
      return await store.rangesOverlapping(lane, from, to);
    },
  };
  return {
    reads,
    telemetry,
    elapsedMs: () => clock.nowMs() - startMs,
    wait: (places: readonly FramePlace[], forMs = 16_000) =>
      waitForLanding({ ledger, clock, telemetry }, places, startMs + forMs),
  };
}

const commit =
  (from: string, to: string, lane = LANE, version = 0) =>
  (ledger: MemoryLedgerStore) =>
    ledger.commit(lane, version, { from, to, records: 1, keys: 1 }, 'writer');

describe('waiting for frames to land', () => {
  test('ends when a committed range covers them', async () => {
    const world = createWorld([{ afterMs: 3_000, run: commit('5', '20') }]);
    expect(await world.wait([at('7'), at('20')])).toBe(true);
    expect(world.elapsedMs()).toBeGreaterThanOrEqual(3_000);
    expect(world.elapsedMs()).toBeLessThan(3_000 * 1.5 + 250);
  });

  test('costs one read per round, and one query at the end', async () => {
    const world = createWorld([{ afterMs: 15_000, run: commit('5', '20') }]);
    expect(await world.wait([at('7'), at('9'), at('20')])).toBe(true);
    expect(world.reads.filter((read) => read === `read ${LANE}`).length).toBeLessThanOrEqual(12);
    expect(world.reads.filter((read) => read.startsWith('ranges'))).toEqual([`ranges ${LANE}`]);
  });

  test('of several shards ends with the last of them, and reads no shard again that is done', async () => {
    const world = createWorld([
      { afterMs: 100, run: commit('1', '9') },
      { afterMs: 2_000, run: commit('1', '9', OTHER_LANE) },
    ]);
    expect(await world.wait([at('7'), at('8', OTHER_LANE)])).toBe(true);
    expect(world.elapsedMs()).toBeGreaterThanOrEqual(2_000);
    expect(world.reads.filter((read) => read === `read ${LANE}`)).toHaveLength(1);
  });

  test('a lane that has passed a frame without landing it is not enough', async () => {
    const world = createWorld([{ afterMs: 0, run: (ledger) => ledger.cede(LANE, 0, '20', 'operator') }]);
    expect(await world.wait([at('7')])).toBe(false);
  });

  test('a frame of a ceded lane has landed when its replay has, and one beside it has not', async () => {
    const events = [
      { afterMs: 0, run: commit('1', '5') },
      { afterMs: 0, run: (ledger: MemoryLedgerStore) => ledger.cede(LANE, 1, '20', 'operator') },
      { afterMs: 1_000, run: commit('6', '8', `replay/${LANE}`) },
    ];
    expect(await createWorld(events).wait([at('4'), at('7')])).toBe(true);
    expect(await createWorld(events).wait([at('4'), at('9')])).toBe(false);
  });

  test('a lane that nobody has read yet keeps it waiting, until the deadline and no longer', async () => {
    const world = createWorld();
    expect(await world.wait([at('7')], 5_000)).toBe(false);
    expect(world.elapsedMs()).toBeLessThanOrEqual(5_000);
    expect(world.elapsedMs()).toBeGreaterThan(2_500);
  });

  test('positions compare as numbers, not as texts', async () => {
    const world = createWorld([{ afterMs: 0, run: commit('1', '9') }]);
    expect(await world.wait([at('10')])).toBe(false);
    expect(await createWorld([{ afterMs: 0, run: commit('9', '10') }]).wait([at('9')])).toBe(true);
  });

  test('frames that are collected in S3 are not waited for', async () => {
    const world = createWorld();
    const landing = { lane: 'landing/orders', position: 'landing/frames/orders/x', bytes: 1 };
    expect(await world.wait([at('7'), landing])).toBe(false);
    expect(world.reads).toEqual([]);
    expect(world.elapsedMs()).toBe(0);
  });

  test('without frames there is nothing to wait for', async () => {
    const world = createWorld();
    expect(await world.wait([])).toBe(true);
    expect(world.elapsedMs()).toBe(0);
  });

  test('without time nothing is read', async () => {
    const world = createWorld([{ afterMs: 0, run: commit('1', '9') }]);
    expect(await world.wait([at('7')], 100)).toBe(false);
    expect(world.reads).toEqual([]);
  });

  test('a ledger that is throttled is asked again, and the log says so once', async () => {
    const throttled = new TransientError('AWS_UNAVAILABLE', 'throttled');
    const world = createWorld([{ afterMs: 0, run: commit('1', '9') }], (call) =>
      call <= 4 ? throttled : undefined,
    );
    expect(await world.wait([at('7')])).toBe(true);
    expect(world.telemetry.logs.map(({ level }) => level)).toEqual(['warn']);
  });

  test('a ledger that may not be read ends the waiting at once, without an error', async () => {
    const denied = new BlockedError('ACCESS_DENIED', 'GetItem was denied');
    const world = createWorld([], () => denied);
    expect(await world.wait([at('7')])).toBe(false);
    expect(world.reads).toHaveLength(1);
  });
});
