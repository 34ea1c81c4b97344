import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildFrames } from '../../../shared/domain/build-frames.ts';
import { RejectedError } from '../../../shared/domain/errors.ts';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import {
  readFrame,
  recordBytes,
  RecordFlag,
  toFrame,
  writeFrame,
  type Frame,
  type FrameRecord,
} from '../../../shared/domain/frame.ts';

const MAX_TIME_MS = 8.64e15;
const RECEIVED_AT_MS = Date.UTC(2026, 0, 1);
const header = fc.record({
  source: fc.string({ unit: 'binary' }),
  frameId: fc.string(),
  contractVersion: fc.string(),
  receivedAtMs: fc.oneof(fc.integer(), fc.constant(RECEIVED_AT_MS)),
});
const record: fc.Arbitrary<FrameRecord> = fc.record({
  bytes: fc.uint8Array({ maxLength: 200 }),
  flag: fc.constantFrom(RecordFlag.valid, RecordFlag.extra, RecordFlag.violation),
  fingerprint: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  digest: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  eventTimeMs: fc.oneof(
    fc.double({ min: -MAX_TIME_MS, max: MAX_TIME_MS, noNaN: true }),
    fc.constant(RECEIVED_AT_MS),
  ),
});

const toPlain = ({ bytes, flag, fingerprint, digest, eventTimeMs }: FrameRecord): unknown => ({
  bytes: [...bytes],
  flag,
  fingerprint: [...fingerprint],
  digest: [...digest],
  eventTimeMs,
});

function listAll(frame: Frame): { header: unknown; records: unknown[] } {
  const records = Array.from({ length: frame.count }, (_, i) =>
    toPlain({
      bytes: recordBytes(frame, i),
      flag: (frame.flags[i] ?? 9) as RecordFlag,
      fingerprint: frame.fingerprints.subarray(16 * i, 16 * (i + 1)),
      digest: frame.digests.subarray(4 * i, 4 * (i + 1)),
      eventTimeMs: frame.eventTimesMs[i] ?? Number.NaN,
    }),
  );
  return { header: frame.header, records };
}

describe('frames', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(header, fc.array(record), (head, records) => {
        expect(listAll(readFrame(writeFrame(head, records)))).toEqual({
          header: head,
          records: records.map(toPlain),
        });
      }),
    );
  });

  test('a frame that stays in the process holds what would be read', () => {
    fc.assert(
      fc.property(header, fc.array(record), (head, records) => {
        const frame = toFrame(head, records);
        expect(listAll(frame)).toEqual({ header: head, records: records.map(toPlain) });
        expect([frame.offsets[0], frame.offsets[records.length]]).toEqual([0, frame.payload.length]);
      }),
    );
  });

  test('random bytes, with and without the magic number, are refused with a RejectedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isMarked) => {
        const input = isMarked ? Buffer.concat([Buffer.from('HGF\u0001'), bytes]) : bytes;
        expect(() => readFrame(input)).toThrow(RejectedError);
      }),
      { numRuns: 3000 },
    );
  });

  test('times that no date can hold are refused, because there is no partition for them', () => {
    const written = (receivedAtMs: number, eventTimeMs: number): Buffer =>
      writeFrame({ source: 's', frameId: 'f', contractVersion: 'c', receivedAtMs }, [
        {
          bytes: Buffer.from('{}'),
          flag: RecordFlag.valid,
          fingerprint: new Uint8Array(16),
          digest: new Uint8Array(4),
          eventTimeMs,
        },
      ]);
    for (const time of [MAX_TIME_MS + 1, -MAX_TIME_MS - 1, Infinity]) {
      expect(() => readFrame(written(0, time))).toThrow(RejectedError);
    }
    expect(() => readFrame(written(MAX_TIME_MS + 1, 0))).toThrow(RejectedError);
    expect(readFrame(written(0, MAX_TIME_MS)).eventTimesMs[0]).toBe(MAX_TIME_MS);
  });

  test('any flipped bit is noticed, wherever it is', () => {
    fc.assert(
      fc.property(header, fc.array(record, { maxLength: 8 }), fc.nat(), (head, records, at) => {
        const frame = writeFrame(head, records);
        const bit = at % (8 * frame.length);
        frame.writeUInt8(frame.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => readFrame(frame)).toThrow(RejectedError);
      }),
      { numRuns: 3000 },
    );
  });

  test('a frame that is cut off, or longer than written, is refused', () => {
    fc.assert(
      fc.property(
        header,
        fc.array(record, { maxLength: 8 }),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        (head, records, at, more) => {
          const frame = writeFrame(head, records);
          expect(() => readFrame(frame.subarray(0, at % frame.length))).toThrow(RejectedError);
          expect(() => readFrame(Buffer.concat([frame, more]))).toThrow(RejectedError);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('every change of a single byte is noticed', () => {
    const records = [1, 2, 3].map((n): FrameRecord => ({
      bytes: Buffer.from(`{"n":${String(n)}}`),
      flag: RecordFlag.valid,
      fingerprint: new Uint8Array(16).fill(n),
      digest: new Uint8Array(4).fill(n),
      eventTimeMs: n,
    }));
    const frame = writeFrame({ source: 's', frameId: 'f', contractVersion: 'c', receivedAtMs: 1 }, records);
    for (let at = 0; at < frame.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const damaged = Buffer.from(frame);
        damaged.writeUInt8((frame[at] ?? 0) ^ change, at);
        expect(() => readFrame(damaged)).toThrow(RejectedError);
      }
    }
    for (let length = 0; length < frame.length; length++) {
      expect(() => readFrame(frame.subarray(0, length))).toThrow(RejectedError);
    }
  });
});

describe('building frames', () => {
  const head = { source: 's', frameId: 'f', contractVersion: 'c', receivedAtMs: 1 };
  /** Records of every compressibility and size. */
  const mixed = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.boolean()).map(([size, isRandom]): FrameRecord => ({
      bytes: isRandom ? randomBytes(size) : Buffer.alloc(size, 'x'),
      flag: RecordFlag.valid,
      fingerprint: new Uint8Array(16),
      digest: new Uint8Array(4),
      eventTimeMs: size,
    })),
    { maxLength: 60 },
  );

  test('every record is in exactly one frame that fits, in order, or does not fit one even alone', () => {
    let several = 0;
    let tooLargeRecords = 0;
    fc.assert(
      fc.property(
        mixed,
        fc.integer({ min: 300, max: 4000 }),
        fc.integer({ min: 500, max: 20_000 }),
        (records, maxFrameBytes, maxRawBytes) => {
          const { frames, tooLarge } = buildFrames(head, records, 'hour', {
            maxFrameBytes,
            maxRawBytes,
            maxPartitions: 30,
          });
          const indices = [...frames.flatMap((frame) => frame.indices), ...tooLarge].sort((a, b) => a - b);
          expect(indices).toEqual(records.map((_, i) => i));
          frames.forEach((frame, n) => {
            expect(frame.bytes.length).toBeLessThanOrEqual(maxFrameBytes);
            expect(frame.frameId).toBe(`f-${String(n)}`);
            const read = listAll(readFrame(frame.bytes));
            expect(read.header).toEqual({ ...head, frameId: frame.frameId });
            expect(read.records).toEqual(frame.indices.map((i) => toPlain(records[i] as FrameRecord)));
            const rawBytes = frame.indices.reduce((sum, i) => sum + (records[i]?.bytes.length ?? 0), 0);
            if (frame.indices.length > 1) expect(rawBytes).toBeLessThanOrEqual(maxRawBytes);
          });
          for (const i of tooLarge) {
            expect(writeFrame(head, records.slice(i, i + 1)).length + 2).toBeGreaterThan(maxFrameBytes);
          }
          const order = frames.flatMap((frame) => frame.indices);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
          if (frames.length > 1) several++;
          tooLargeRecords += tooLarge.length;
        },
      ),
      { numRuns: 300 },
    );
    expect(several).toBeGreaterThan(50);
    expect(tooLargeRecords).toBeGreaterThan(50);
  });

  test('the records of a frame fall into 500 partitions at most, those for quarantine not counted', () => {
    const recordAt = (hour: number, flag: RecordFlag): FrameRecord => ({
      bytes: Buffer.from('{}'),
      flag,
      fingerprint: new Uint8Array(16),
      digest: new Uint8Array(4),
      eventTimeMs: hour * 3_600_000,
    });
    const records = Array.from({ length: 2400 }, (_, i) =>
      recordAt(i, i % 2 === 0 ? RecordFlag.valid : RecordFlag.violation),
    );
    const sizes = (unit: 'hour' | 'day') =>
      buildFrames(head, records, unit).frames.map(({ indices }) => indices.length);
    expect(sizes('hour')).toEqual([1000, 1000, 400]);
    expect(sizes('day')).toEqual([2400]);
  });

  test('the same records are cut into the same frames whenever they arrive', () => {
    const random = createSeededRandom(7);
    const texts = Array.from({ length: 2000 }, (_, id) =>
      JSON.stringify({ id, amount: Math.floor(random() * 1e9), name: `user${String(id % 100)}` }),
    );
    const cutAt = (receivedAtMs: number): unknown => {
      const records = texts.map((text): FrameRecord => ({
        bytes: Buffer.from(text),
        flag: RecordFlag.valid,
        fingerprint: new Uint8Array(16),
        digest: new Uint8Array(4),
        // What a record has that declares no event time.
        eventTimeMs: receivedAtMs,
      }));
      const bounds = { maxFrameBytes: 20_000, maxRawBytes: 1_000_000, maxPartitions: 30 };
      return buildFrames({ ...head, receivedAtMs }, records, 'hour', bounds).frames.map(
        ({ indices }) => indices,
      );
    };
    const expected = cutAt(RECEIVED_AT_MS);
    for (let attempt = 1; attempt <= 20; attempt++) {
      expect(cutAt(RECEIVED_AT_MS + attempt * 1_234_567)).toEqual(expected);
    }
  });
});
