import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ClaimLog, NewClaimItem } from '../../shared/ports/claim-log.ts';
import type { Subject } from './subject.ts';

const WRITERS = 20;

/** What claiming relies on, whatever the log is made of. */
export function claimLogContract(subject: Subject<ClaimLog>): void {
  describe('claim log', () => {
    test('an unknown bucket has no items', async () => {
      const log = await subject.open();
      expect(await log.read(newBucket(), 0)).toEqual([]);
    });

    test('items are read in the order of their numbers with their exact bytes, above a number', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 12 }, () => randomBytes(64));
      for (const [i, bytes] of packed.entries())
        expect(await log.append(bucket, i + 1, itemOf(bytes))).toBe('ok');
      const read = async (after: number): Promise<[number, string][]> =>
        (await log.read(bucket, after)).map((item) => [item.number, hex(item.packed)]);
      const expected = packed.map((bytes, i): [number, string] => [i + 1, hex(bytes)]);
      expect(await read(0)).toEqual(expected);
      expect(await read(9)).toEqual(expected.slice(9));
      expect(await read(12)).toEqual([]);
    });

    test('an item is read with the expiry that it was appended with', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const item = itemOf(randomBytes(8));
      await log.append(bucket, 1, item);
      const [read] = await log.read(bucket, 0);
      // A log may count in whole seconds.
      expect(read?.expiresAtMs).toBeGreaterThanOrEqual(item.expiresAtMs);
      expect(read?.expiresAtMs).toBeLessThan(item.expiresAtMs + 1000);
    });

    test('a bucket of more than a megabyte is read completely', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 12 }, () => randomBytes(200_000));
      for (const [i, bytes] of packed.entries()) await log.append(bucket, i + 1, itemOf(bytes));
      const items = await log.read(bucket, 0);
      expect(items.map(({ number }) => number)).toEqual(packed.map((_, i) => i + 1));
      expect(items.map((item) => hex(item.packed))).toEqual(packed.map(hex));
      expect(await log.read(bucket, 10)).toHaveLength(2);
    });

    test('buckets do not see each other, also when one name begins with the other', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      await log.append(`${bucket}#1`, 1, itemOf(randomBytes(8)));
      expect(await log.read(bucket, 0)).toEqual([]);
      expect(await log.append(bucket, 1, itemOf(randomBytes(8)))).toBe('ok');
    });

    test('of many simultaneous appends of one number exactly one wins, and its bytes stand', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: WRITERS }, () => randomBytes(32));
      const results = await Promise.all(packed.map((bytes) => log.append(bucket, 1, itemOf(bytes))));
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      const items = await log.read(bucket, 0);
      expect(items.map((item) => hex(item.packed))).toEqual([hex(packed[results.indexOf('ok')] ?? [])]);
    });

    test('writers that read again after each conflict all get in, and the numbers have no gaps', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const packed = Array.from({ length: 10 }, () => randomBytes(32));
      await Promise.all(
        packed.map(async (bytes) => {
          for (let last = 0; ;) {
            last = (await log.read(bucket, last)).at(-1)?.number ?? last;
            if ((await log.append(bucket, last + 1, itemOf(bytes))) === 'ok') return;
          }
        }),
      );
      const items = await log.read(bucket, 0);
      expect(items.map(({ number }) => number)).toEqual(packed.map((_, i) => i + 1));
      expect(items.map((item) => hex(item.packed)).sort()).toEqual(packed.map(hex).sort());
    });

    test('an append whose answer was lost and that is repeated answers ok, once', async () => {
      const log = await subject.openLosingAnswers();
      const bucket = newBucket();
      const results = await Promise.all(
        Array.from({ length: 8 }, () => log.append(bucket, 1, itemOf(randomBytes(8)))),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      expect(await log.read(bucket, 0)).toHaveLength(1);
    });

    test('a repetition by another writer is a conflict even with the same bytes', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const item = itemOf(randomBytes(8));
      expect(await log.append(bucket, 1, item)).toBe('ok');
      expect(await log.append(bucket, 1, item)).toBe('ok');
      expect(await log.append(bucket, 1, { ...item, writer: randomUUID() })).toBe('conflict');
    });

    test('what was appended does not change when the caller uses its buffer again', async () => {
      const log = await subject.open();
      const bucket = newBucket();
      const bytes = randomBytes(8);
      const before = hex(bytes);
      await log.append(bucket, 1, itemOf(bytes));
      bytes.fill(0);
      expect((await log.read(bucket, 0)).map((item) => hex(item.packed))).toEqual([before]);
    });
  });
}

function newBucket(): string {
  return `orders#2024-01-01#${randomUUID()}`;
}

function itemOf(packed: Uint8Array): NewClaimItem {
  return { packed, expiresAtMs: Date.now() + 7 * 24 * 60 * 60 * 1000, writer: randomUUID() };
}

function hex(bytes: Uint8Array | readonly number[]): string {
  return Buffer.from(bytes).toString('hex');
}
