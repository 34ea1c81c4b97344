import { describe, expect, test } from 'vitest';
import { faultTurn } from '../../../shared/adapters/memory/fault-turn.ts';
import { MemoryCountStore } from '../../../shared/adapters/memory/memory-count-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { createAcceptedCounter } from '../../../shared/pipeline/accepted-counter.ts';

const HOUR_MS = 3_600_000;

function setUp(options: { readonly store?: MemoryCountStore; readonly process?: string } = {}) {
  const store = options.store ?? new MemoryCountStore();
  const telemetry = new MemoryTelemetry();
  let isDown = false;
  const counts = {
    accept: async (...args: Parameters<MemoryCountStore['accept']>) => {
      if (isDown) throw new TransientError('AWS_UNAVAILABLE', 'the table is down');
      await store.accept(...args);
    },
  };
  const counter = createAcceptedCounter({ counts, telemetry, process: options.process ?? 'p1' });
  const acceptedOf = (source: string): Record<number, number> =>
    Object.fromEntries(store.peek(source).map(({ hour, accepted }) => [hour, accepted]));
  const break_ = (down: boolean): void => {
    isDown = down;
  };
  return { store, telemetry, counter, acceptedOf, setDown: break_ };
}

describe('what an edge has accepted', () => {
  test('is counted by source and by hour of receipt', async () => {
    const { counter, acceptedOf } = setUp();
    await counter.count('orders', 10 * HOUR_MS, 5);
    await counter.count('orders', 11 * HOUR_MS - 1, 2);
    await counter.count('orders', 11 * HOUR_MS, 1);
    await counter.count('events', 10 * HOUR_MS, 4);
    expect(acceptedOf('orders')).toEqual({ 10: 7, 11: 1 });
    expect(acceptedOf('events')).toEqual({ 10: 4 });
  });

  test('adds up over processes, also of requests that arrive at the same time', async () => {
    const store = new MemoryCountStore();
    const processes = ['a', 'b', 'c'].map((process) => setUp({ store, process }).counter);
    await Promise.all(
      processes.flatMap((counter) => [1, 2, 3].map((records) => counter.count('orders', HOUR_MS, records))),
    );
    expect(store.peek('orders')).toMatchObject([{ accepted: 18 }]);
  });

  test('is there with the next request when it could not be written, whatever the next one is about', async () => {
    const { counter, acceptedOf, setDown, telemetry } = setUp();
    await counter.count('orders', HOUR_MS, 5);
    setDown(true);
    await counter.count('orders', HOUR_MS, 3);
    await counter.count('orders', 2 * HOUR_MS, 1);
    expect(acceptedOf('orders')).toEqual({ 1: 5 });
    expect(telemetry.logs.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
    setDown(false);
    await counter.count('events', 3 * HOUR_MS, 1);
    expect(acceptedOf('orders')).toEqual({ 1: 8, 2: 1 });
  });

  test('counts once when answers are lost and calls are repeated', async () => {
    const store = new MemoryCountStore({
      turn: faultTurn(
        { onAttempt: ({ attempt }) => (attempt === 1 ? { kind: 'reset-after' } : undefined) },
        () => Promise.resolve(),
      ),
    });
    const { counter, acceptedOf } = setUp({ store });
    for (let i = 0; i < 5; i++) await counter.count('orders', HOUR_MS, 2);
    expect(acceptedOf('orders')).toEqual({ 1: 10 });
  });

  test('of a table that is down for days is given up in the end, oldest first, and says so', async () => {
    const { counter, acceptedOf, setDown, telemetry } = setUp();
    setDown(true);
    for (let hour = 0; hour < 1_003; hour++) await counter.count('orders', hour * HOUR_MS, 1);
    const given = telemetry.logs.filter(({ level }) => level === 'error');
    expect(given).toHaveLength(3);
    setDown(false);
    await counter.count('orders', 2_000 * HOUR_MS, 1);
    for (let i = 0; i < 200; i++) await counter.count('orders', 2_000 * HOUR_MS, 1);
    expect(Object.keys(acceptedOf('orders'))).toHaveLength(1_001);
  });
});
