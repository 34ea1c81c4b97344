import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { RejectedError } from '../../shared/domain/errors.ts';
import { isStreamLane } from '../../shared/domain/stream-batch.ts';
import { streamRecordBytes } from '../../shared/domain/stream-record.ts';
import type { FrameBus, OutgoingFrame } from '../../shared/ports/frame-bus.ts';
import type { Subject } from './subject.ts';

/** A bus, and what was stored with a partition key, in order. */
export interface FrameBusSubject extends Subject<FrameBus> {
  stored(partitionKeys: ReadonlySet<string>): Promise<readonly OutgoingFrame[]>;
}

/** What the push lane relies on, whatever the bus is made of. */
export function frameBusContract(subject: FrameBusSubject): void {
  describe('frame bus', () => {
    test('nothing to send is nothing sent', async () => {
      const bus = await subject.open();
      expect(await bus.send([])).toMatchObject({ durable: [], refused: [], error: undefined });
    });

    test('every durable frame is stored once with its exact bytes, also above 500 frames', async () => {
      const bus = await subject.open();
      const frames = Array.from({ length: 1_203 }, () => frameOf(randomUUID(), 40));
      const result = await bus.send(frames);
      expect(result).toMatchObject({ durable: frames.map((_, i) => i), refused: [], error: undefined });
      const stored = await subject.stored(keysOf(frames));
      expect(stored.map(plain).sort()).toEqual(frames.map(plain).sort());
    });

    test('every durable frame has a place of its own, with its size, at a position as ledgers have it', async () => {
      const bus = await subject.open();
      const frames = Array.from({ length: 7 }, (_, i) => frameOf(randomUUID(), 100 + i));
      const { places } = await bus.send(frames);
      expect(places).toHaveLength(frames.length);
      expect(new Set(places.map(({ lane, position }) => `${lane} ${position}`)).size).toBe(frames.length);
      for (const [i, { lane, position, bytes }] of places.entries()) {
        const frame = frames[i] ?? frameOf('', 0);
        expect(bytes).toBe(isStreamLane(lane) ? streamRecordBytes(frame) : frame.bytes.length);
        if (isStreamLane(lane)) expect(position).toMatch(/^[1-9]\d*$/);
      }
    });

    test('frames that are too many bytes for one call are all stored', async () => {
      const bus = await subject.open();
      const frames = Array.from({ length: 7 }, () => frameOf(randomUUID(), 1_000_000));
      expect((await bus.send(frames)).durable).toHaveLength(frames.length);
      const stored = await subject.stored(keysOf(frames));
      expect(stored.map(plain).sort()).toEqual(frames.map(plain).sort());
    });

    test('frames with the same partition key keep their order', async () => {
      const bus = await subject.open();
      const [a, b] = [randomUUID(), randomUUID()];
      const frames = Array.from({ length: 12 }, (_, i) => frameOf(i % 3 === 0 ? a : b, 16));
      expect((await bus.send(frames)).durable).toHaveLength(frames.length);
      for (const key of [a, b]) {
        const stored = await subject.stored(new Set([key]));
        expect(stored.map(plain)).toEqual(frames.filter((frame) => frame.partitionKey === key).map(plain));
      }
    });

    test('a frame above the size limit is refused by name and size, and nothing is sent', async () => {
      const bus = await subject.open();
      const frames = [frameOf(randomUUID(), 10), frameOf(randomUUID(), 1024 * 1024)];
      const failure = await bus.send(frames).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(RejectedError);
      expect(failure).toMatchObject({
        code: 'FRAME_TOO_LARGE',
        message: expect.stringContaining('1048612') as unknown,
      });
      expect(await subject.stored(keysOf(frames))).toEqual([]);
    });

    test.each([
      ['no', ''],
      ['too many', 'k'.repeat(257)],
    ])('a partition key with %s characters is refused', async (_, partitionKey) => {
      const bus = await subject.open();
      await expect(bus.send([frameOf(partitionKey, 10)])).rejects.toMatchObject({
        code: 'PARTITION_KEY_INVALID',
      });
    });

    test('after a lost answer frames are durable, in order, and stored at least once', async () => {
      const bus = await subject.openLosingAnswers();
      const key = randomUUID();
      const frames = Array.from({ length: 3 }, () => frameOf(key, 16));
      expect(await bus.send(frames)).toMatchObject({ durable: [0, 1, 2], refused: [], error: undefined });
      const stored = await subject.stored(new Set([key]));
      expect([...new Set(stored.map(plain))]).toEqual(frames.map(plain));
    });
  });
}

function frameOf(partitionKey: string, bytes: number): OutgoingFrame {
  return { partitionKey, bytes: randomBytes(bytes) };
}

function keysOf(frames: readonly OutgoingFrame[]): ReadonlySet<string> {
  return new Set(frames.map(({ partitionKey }) => partitionKey));
}

function plain({ partitionKey, bytes }: OutgoingFrame): string {
  return `${partitionKey} ${Buffer.from(bytes).toString('base64')}`;
}
