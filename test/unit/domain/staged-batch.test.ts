import { describe, expect, test } from 'vitest';
import { readStagedBatch, writeStagedBatch, type StagedBatch } from '../../../shared/domain/staged-batch.ts';

const BATCH: StagedBatch = {
  to: 'rows1.é',
  parts: [
    {
      origin: 'kinesis/s/shard/7',
      firstIndex: 3,
      claims: 'none',
      arrivedAtMs: 1.5,
      bytes: Buffer.from('frame'),
    },
    {
      origin: 'kinesis/s/shard/8',
      firstIndex: 0,
      source: 'clicks',
      arrivedAtMs: 2,
      bytes: Buffer.of(0xff, 0x00),
    },
    { origin: 'pull/orders/0', firstIndex: 0, arrivedAtMs: 3, bytes: Buffer.alloc(0) },
  ],
};

describe('a staged batch', () => {
  test('is read back as it was written, whatever buffer it lies in', () => {
    const written = writeStagedBatch(BATCH);
    const shifted = Buffer.concat([Buffer.from('12345'), written]).subarray(5);
    expect(readStagedBatch(shifted)).toEqual(BATCH);
    expect(readStagedBatch(writeStagedBatch({ to: 'x', parts: [] }))).toEqual({ to: 'x', parts: [] });
  });

  test('is the same bytes for the same content: whoever staged it first is told by them', () => {
    expect(writeStagedBatch(BATCH)).toEqual(writeStagedBatch({ ...BATCH }));
  });

  test('that was changed, cut or written in another format is refused', () => {
    const written = writeStagedBatch(BATCH);
    for (let at = 0; at < written.length; at++) {
      const changed = Buffer.from(written);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(() => readStagedBatch(changed), `byte ${String(at)}`).toThrow(
        expect.objectContaining({ code: 'UNREADABLE_BATCH' }) as Error,
      );
      expect(() => readStagedBatch(written.subarray(0, at))).toThrow(
        expect.objectContaining({ code: 'UNREADABLE_BATCH' }) as Error,
      );
    }
  });
});
