import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimBucket, finerBucket, type ClaimBucket } from '../../../shared/domain/claim-bucket.ts';
import { declareEvents } from '../../support/declare-events.ts';

const { config } = declareEvents();
const timeless = { ...config, key: ['k'] };
const time = fc.integer({ min: -1e15, max: 4e15 });

/** The bucket of a record and all that its key may be claimed in once that is closed. */
function bucketsOf(eventTimeMs: number, of = config): ClaimBucket[] {
  const buckets: ClaimBucket[] = [];
  let bucket: ClaimBucket | undefined = claimBucket('orders', of, eventTimeMs);
  while (bucket !== undefined) {
    buckets.push(bucket);
    bucket = finerBucket('orders', bucket, eventTimeMs);
  }
  return buckets;
}

const namesOf = (eventTimeMs: number): string[] => bucketsOf(eventTimeMs).map(({ name }) => name);

describe('buckets of claims', () => {
  test('are slices of the event time, each within the one before', () => {
    expect(namesOf(Date.UTC(2026, 0, 2, 3, 47, 55, 999))).toEqual([
      'orders#86400s#2026-01-02T00:00:00',
      'orders#3600s#2026-01-02T03:00:00',
      'orders#300s#2026-01-02T03:45:00',
      'orders#20s#2026-01-02T03:47:40',
    ]);
    expect(namesOf(-1)).toEqual([
      'orders#86400s#1969-12-31T00:00:00',
      'orders#3600s#1969-12-31T23:00:00',
      'orders#300s#1969-12-31T23:55:00',
      'orders#20s#1969-12-31T23:59:40',
    ]);
  });

  test('of two times are the same down to some width and differ below it', () => {
    fc.assert(
      fc.property(time, fc.oneof(time, fc.integer({ min: -1e8, max: 1e8 })), (a, shift) => {
        const [one, other] = [namesOf(a), namesOf(a + shift)];
        const isSame = one.map((name, level) => name === other[level]);
        expect(isSame).toEqual([...isSame].sort((x, y) => Number(y) - Number(x)));
        const widths = [86_400_000, 3_600_000, 300_000, 20_000];
        expect(isSame).toEqual(widths.map((ms) => Math.floor(a / ms) === Math.floor((a + shift) / ms)));
      }),
    );
  });

  test('do not depend on how the lake is partitioned, which may change', () => {
    fc.assert(
      fc.property(time, (at) => {
        expect(bucketsOf(at, { ...config, partition: 'hour' })).toEqual(
          bucketsOf(at, { ...config, partition: 'day' }),
        );
      }),
    );
  });

  test('of keys without a time are one, whatever the event time', () => {
    expect(bucketsOf(0, timeless)).toEqual([{ name: 'orders#all', level: undefined }]);
    expect(bucketsOf(1e12, timeless)).toEqual(bucketsOf(0, timeless));
    expect(bucketsOf(0, { ...config, eventTime: undefined })).toEqual(bucketsOf(0, timeless));
  });
});
