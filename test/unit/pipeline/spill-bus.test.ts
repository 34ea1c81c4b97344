import { describe, expect, test } from 'vitest';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { BlockedError, RejectedError, TransientError } from '../../../shared/domain/errors.ts';
import { SpillBus } from '../../../shared/pipeline/spill-bus.ts';
import type { FrameBus, OutgoingFrame } from '../../../shared/ports/frame-bus.ts';

const frames = (...keys: string[]): OutgoingFrame[] =>
  keys.map((partitionKey) => ({ partitionKey, bytes: Buffer.from(partitionKey) }));
const keysIn = (bus: MemoryFrameBus): string[] => bus.frames().map(({ partitionKey }) => partitionKey);
const refusing = (...keys: string[]): { refuse: (frame: OutgoingFrame) => string | undefined } => ({
  refuse: ({ partitionKey }) => (keys.includes(partitionKey) ? `${partitionKey} is refused` : undefined),
});
const failing = (error: Error): FrameBus => ({ send: () => Promise.reject(error) });

const denied = new BlockedError('ACCESS_DENIED', 'PutRecords was denied');

function createWorld(
  options: { readonly stream?: FrameBus; readonly landing?: FrameBus; readonly sheds?: boolean } = {},
) {
  const telemetry = new MemoryTelemetry();
  const stream = new MemoryFrameBus();
  const landing = new MemoryFrameBus({ stream: 'landing' });
  const bus = new SpillBus({
    stream: options.stream ?? stream,
    landing: options.landing ?? landing,
    isShedding: () => options.sheds ?? false,
    source: 'orders',
    telemetry,
  });
  return { bus, stream, landing, telemetry };
}

describe('the spill bus', () => {
  test('leaves the landing zone alone while the stream takes everything', async () => {
    const { bus, stream, landing, telemetry } = createWorld();
    expect((await bus.send(frames('a', 'b'))).durable).toEqual([0, 1]);
    expect([keysIn(stream), keysIn(landing)]).toEqual([['a', 'b'], []]);
    expect(telemetry.logs).toEqual([]);
  });

  test('puts into the landing zone what the stream refuses, and nothing else', async () => {
    const stream = new MemoryFrameBus(refusing('b', 'd'));
    const { bus, landing, telemetry } = createWorld({ stream });
    const sent = await bus.send(frames('a', 'b', 'c', 'd'));
    expect(sent).toMatchObject({ durable: [0, 1, 2, 3], refused: [], error: undefined });
    expect(sent.places.map(({ lane }) => lane.split('/')[1])).toEqual([
      'ingest',
      'landing',
      'ingest',
      'landing',
    ]);
    expect([keysIn(stream), keysIn(landing)]).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
    expect(telemetry.logs).toMatchObject([{ level: 'warn', fields: { source: 'orders', frames: 2 } }]);
  });

  test('uses the landing zone first while it sheds, and the stream for what that refuses', async () => {
    const landing = new MemoryFrameBus({ stream: 'landing', ...refusing('b') });
    const { bus, stream } = createWorld({ landing, sheds: true });
    expect((await bus.send(frames('a', 'b', 'c'))).durable).toEqual([0, 1, 2]);
    expect([keysIn(stream), keysIn(landing)]).toEqual([['b'], ['a', 'c']]);
  });

  test('refuses what neither takes, with both reasons', async () => {
    const stream = new MemoryFrameBus(refusing('b', 'c'));
    const landing = new MemoryFrameBus({ stream: 'landing', ...refusing('c') });
    expect(await createWorld({ stream, landing }).bus.send(frames('a', 'b', 'c'))).toMatchObject({
      durable: [0, 1],
      refused: [2],
      error: 'b is refused; c is refused',
    });
  });

  test('keeps the records when the stream is denied, and counts the request as an error all the same', async () => {
    const { bus, landing, telemetry } = createWorld({ stream: failing(denied) });
    expect(await bus.send(frames('a', 'b'))).toMatchObject({
      durable: [0, 1],
      refused: [],
      error: undefined,
    });
    expect(keysIn(landing)).toEqual(['a', 'b']);
    expect(telemetry.total('Errors', 'orders')).toBe(1);
    expect(telemetry.logs.map(({ level }) => level)).toEqual(['error', 'warn']);
  });

  test('fails as the stream does when both are denied', async () => {
    const { bus } = createWorld({
      stream: failing(denied),
      landing: failing(new BlockedError('RESOURCE_MISSING', 'there is no bucket')),
    });
    await expect(bus.send(frames('a'))).rejects.toBe(denied);
  });

  test('refuses, which may pass, when the stream is throttled and the landing zone denied', async () => {
    const stream = new MemoryFrameBus(refusing('a'));
    const { bus, telemetry } = createWorld({ stream, landing: failing(denied) });
    expect(await bus.send(frames('a'))).toMatchObject({
      durable: [],
      refused: [0],
      error: 'a is refused; PutRecords was denied',
    });
    expect(telemetry.logs).toMatchObject([{ level: 'error', fields: { bus: 'landing zone' } }]);
  });

  test('does not take a failed landing zone for one that has the frames', async () => {
    const stream = new MemoryFrameBus(refusing('b'));
    const failure = new TransientError('AWS_UNAVAILABLE', 'PutObject failed');
    expect(await createWorld({ stream, landing: failing(failure) }).bus.send(frames('a', 'b'))).toMatchObject(
      {
        durable: [0],
        refused: [1],
      },
    );
  });

  test('offers nothing to the landing zone that is too large: it is wrong, not refused', async () => {
    const wrong = new RejectedError('FRAME_TOO_LARGE', 'too large');
    const { bus, landing } = createWorld({ stream: failing(wrong) });
    await expect(bus.send(frames('a'))).rejects.toBe(wrong);
    expect(keysIn(landing)).toEqual([]);
  });
});
