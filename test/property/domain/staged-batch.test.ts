import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RejectedError } from '../../../shared/domain/errors.ts';
import {
  readStagedBatch,
  writeStagedBatch,
  type StagedBatch,
  type StagedPart,
} from '../../../shared/domain/staged-batch.ts';

const part: fc.Arbitrary<StagedPart> = fc.record(
  {
    origin: fc.string({ unit: 'grapheme' }),
    firstIndex: fc.nat(),
    arrivedAtMs: fc.integer(),
    bytes: fc.uint8Array({ maxLength: 200 }),
    claims: fc.constant('none' as const),
    source: fc.string(),
  },
  { requiredKeys: ['origin', 'firstIndex', 'arrivedAtMs', 'bytes'] },
);
const batch: fc.Arbitrary<StagedBatch> = fc.record({
  to: fc.string({ unit: 'grapheme' }),
  parts: fc.array(part, { maxLength: 12 }),
});

const toPlain = ({ to, parts }: StagedBatch): unknown => ({
  to,
  parts: parts.map(({ bytes, ...rest }) => ({ ...rest, bytes: Buffer.from(bytes).toString('hex') })),
});

describe('staged batches', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(batch, (written) => {
        expect(toPlain(readStagedBatch(writeStagedBatch(written)))).toEqual(toPlain(written));
      }),
    );
  });

  test('any flipped bit is noticed', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (written, at) => {
        const bytes = writeStagedBatch(written);
        const bit = at % (8 * bytes.length);
        bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => readStagedBatch(bytes)).toThrow(RejectedError);
      }),
      { numRuns: 2000 },
    );
  });

  test('what is cut off, or longer than written, is refused', () => {
    fc.assert(
      fc.property(batch, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 }), (written, at, more) => {
        const bytes = writeStagedBatch(written);
        expect(() => readStagedBatch(bytes.subarray(0, at % bytes.length))).toThrow(RejectedError);
        expect(() => readStagedBatch(Buffer.concat([bytes, more]))).toThrow(RejectedError);
      }),
    );
  });

  test('bytes that are something else are refused with a RejectedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isMarked) => {
        const input = isMarked ? Buffer.concat([Buffer.from('HGB\u0001'), bytes]) : bytes;
        expect(() => readStagedBatch(input)).toThrow(RejectedError);
      }),
      { numRuns: 2000 },
    );
  });
});
