import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryLake } from '../../../shared/adapters/memory/memory-lake.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import type { LakeObject } from '../../../shared/ports/lake.ts';

const OBJECT: LakeObject = {
  kind: 'data',
  lane: 'lane',
  bytes: Buffer.from('PAR1'),
  rows: 3,
  writtenAtMs: 7,
};

describe('turn', () => {
  test('a call that fails before its effect has none', async () => {
    const lake = new MemoryLake({ turn: { before: () => Promise.reject(new Error('reset')) } });
    await expect(lake.putIfAbsent('k', OBJECT)).rejects.toThrow('reset');
    expect(lake.peek('k')).toBeUndefined();
  });

  test('a call that fails after its effect has it', async () => {
    const lake = new MemoryLake({ turn: { after: () => Promise.reject(new Error('reset')) } });
    await expect(lake.putIfAbsent('k', OBJECT)).rejects.toThrow('reset');
    expect(lake.peek('k')).toEqual({ ...OBJECT, bytes: new Uint8Array(OBJECT.bytes) });
  });

  test('the scheduler decides the order of effects, and is told whose call it is', async () => {
    const waiting = new Map<string, () => void>();
    const lake = new MemoryLake({
      turn: {
        before: ({ port, operation, subject }) =>
          new Promise((resolve) =>
            waiting.set(`${port} ${operation} ${subject} ${String(waiting.size)}`, resolve),
          ),
      },
    });
    const first = lake.putIfAbsent('k', OBJECT);
    const second = lake.putIfAbsent('k', OBJECT);
    waiting.get('lake putIfAbsent k 1')?.();
    expect(await second).toBe('created');
    waiting.get('lake putIfAbsent k 0')?.();
    expect(await first).toBe('exists');
  });
});

describe('memory claim log', () => {
  test('with a clock, an item is gone after its expiry and not before', async () => {
    const clock = new ManualClock({ startMs: 1_000 });
    const log = new MemoryClaimLog({ clock });
    const claims = await log.store([Buffer.of(1)]);
    await log.append('b', 1, { kind: 'claims', claims, expiresAtMs: 2_000, writer: 'w' });
    await log.claimKey('b', 'k', Buffer.of(1), 2_000);
    const ownerOf = async (own: number): Promise<number | undefined> =>
      (await log.claimKey('b', 'k', Buffer.of(own), 3_000))[0];
    clock.advance(1_000);
    expect(await log.read('b', 0)).toHaveLength(1);
    expect(await ownerOf(2)).toBe(1);
    clock.advance(1);
    expect(await log.read('b', 0)).toHaveLength(0);
    expect(await ownerOf(2)).toBe(2);
  });
});

describe('memory lake', () => {
  test('a checker sees all objects below a prefix in order of their keys', async () => {
    const lake = new MemoryLake();
    for (const key of ['raw/b', 'quarantine/a', 'raw/a']) await lake.putIfAbsent(key, OBJECT);
    expect(lake.list('raw/').map(({ key, kind }) => [key, kind])).toEqual([
      ['raw/a', 'data'],
      ['raw/b', 'data'],
    ]);
    expect(lake.list()).toHaveLength(3);
  });
});

describe('memory frame bus', () => {
  test('what is refused is told, with those behind it of the same key', async () => {
    const bus = new MemoryFrameBus({ refuse: ({ bytes }) => (bytes[0] === 1 ? 'throttled' : undefined) });
    const frame = (partitionKey: string, first: number): { partitionKey: string; bytes: Buffer } => ({
      partitionKey,
      bytes: Buffer.of(first),
    });
    expect(await bus.send([frame('a', 0), frame('a', 1), frame('a', 0), frame('b', 0)])).toMatchObject({
      durable: [0, 3],
      refused: [1, 2],
      error: 'throttled',
    });
  });

  test('sequence numbers rise within a shard, and a key stays in its shard', async () => {
    const bus = new MemoryFrameBus({ shards: 4 });
    for (let i = 0; i < 50; i++)
      await bus.send([{ partitionKey: `k${String(i % 10)}`, bytes: Buffer.of(i) }]);
    const shards = new Map<string, Set<string>>();
    for (const { partitionKey, shardId } of bus.frames()) {
      shards.set(partitionKey, (shards.get(partitionKey) ?? new Set()).add(shardId));
    }
    expect([...shards.values()].every((ids) => ids.size === 1)).toBe(true);
    expect(new Set(bus.frames().map(({ shardId }) => shardId)).size).toBeGreaterThan(1);
    for (const { shardId } of bus.frames()) {
      const numbers = bus.frames(shardId).map(({ sequenceNumber }) => BigInt(sequenceNumber));
      expect(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? number))).toBe(true);
    }
  });
});

describe('memory telemetry', () => {
  test('totals and values are kept per source across flushes', () => {
    const telemetry = new MemoryTelemetry();
    telemetry.count('Requests', 'orders', 1);
    telemetry.flush();
    telemetry.count('Requests', 'orders', 2);
    telemetry.record('EndToEndLatency', 'orders', 5, 2);
    expect(telemetry.total('Requests', 'orders')).toBe(3);
    expect(telemetry.total('Requests', 'invoices')).toBe(0);
    expect(telemetry.values('EndToEndLatency', 'orders')).toEqual([{ value: 5, times: 2 }]);
    expect(telemetry.flushes).toBe(1);
  });
});

describe('manual clock', () => {
  test('a sleeper wakes when its time has come, in order, and not before', async () => {
    const clock = new ManualClock({ startMs: 0 });
    const woken: number[] = [];
    const sleepers = [30, 10, 20].map(async (ms) => {
      await clock.sleep(ms);
      woken.push(ms);
    });
    clock.advance(9);
    await Promise.resolve();
    expect(woken).toEqual([]);
    clock.advance(11);
    await Promise.resolve();
    expect(woken).toEqual([10, 20]);
    clock.advance(10);
    await Promise.all(sleepers);
    expect(woken).toEqual([10, 20, 30]);
  });

  test('a jumping clock moves by what is slept', async () => {
    const clock = new ManualClock({ startMs: 5, jump: true });
    await clock.sleep(20);
    expect(clock.nowMs()).toBe(25);
  });
});
