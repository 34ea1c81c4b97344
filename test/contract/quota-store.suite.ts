import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ANNOUNCEMENT_SLOT_MS, type Announcement, type QuotaStore } from '../../shared/ports/quota-store.ts';
import type { Subject } from './subject.ts';

const NOW_MS = Date.now();

const announcement = (requests: number, bytes = 0, forMs = 30_000): Announcement => ({
  demand: { requests, bytes },
  expiresAtMs: NOW_MS + forMs,
});
const bucketOf = (): string => `orders-${randomUUID()}`;
const first = { replaces: undefined, nowMs: NOW_MS };

/** What the rate limits rely on, whatever the store is made of. */
export function quotaStoreContract(subject: Pick<Subject<QuotaStore>, 'open'>): void {
  describe('quota store', () => {
    test('answers the sum of what was announced, this announcement included', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      expect(await store.announce(bucket, announcement(2.5, 1_000), first)).toEqual({
        requests: 2.5,
        bytes: 1_000,
      });
      expect(await store.announce(bucket, announcement(0.125, 3), first)).toEqual({
        requests: 2.625,
        bytes: 1_003,
      });
    });

    test('a replaced announcement counts no more, whether it would lapse together with the new one or not', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      await store.announce(bucket, announcement(7, 70), first);
      const old = announcement(0.3, 30);
      await store.announce(bucket, old, first);
      const other = announcement(4.1, 41, 50_000);
      const total = await store.announce(bucket, other, { replaces: old, nowMs: NOW_MS });
      expect(total.requests).toBeCloseTo(11.1, 9);
      expect(total.bytes).toBeCloseTo(111, 9);
      const again = await store.announce(bucket, announcement(5, 50, 50_000), {
        replaces: other,
        nowMs: NOW_MS,
      });
      expect(again.requests).toBeCloseTo(12, 9);
      expect(again.bytes).toBeCloseTo(120, 9);
    });

    test('an announcement counts until it expires and not much longer, without anybody taking it back', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      const old = announcement(7, 0, 10_000);
      await store.announce(bucket, old, first);
      const before = { replaces: undefined, nowMs: old.expiresAtMs - 1 };
      expect((await store.announce(bucket, announcement(1), before)).requests).toBe(8);
      const after = { replaces: undefined, nowMs: old.expiresAtMs + ANNOUNCEMENT_SLOT_MS };
      expect((await store.announce(bucket, announcement(1), after)).requests).toBe(2);
    });

    test('what has lapsed is not taken off again by whom it belonged to', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      const old = announcement(7, 0, 10_000);
      await store.announce(bucket, old, first);
      const nowMs = old.expiresAtMs + ANNOUNCEMENT_SLOT_MS;
      const total = await store.announce(bucket, announcement(1, 0, 60_000), { replaces: old, nowMs });
      expect(total.requests).toBe(1);
    });

    test('simultaneous announcements all count, and one of them sees all', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      const totals = await Promise.all(
        Array.from({ length: 20 }, () => store.announce(bucket, announcement(1, 10), first)),
      );
      expect(totals.map(({ requests }) => requests).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    });

    test('buckets do not know of each other', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      await store.announce(bucket, announcement(7), first);
      expect((await store.announce(`${bucket}#sender`, announcement(1), first)).requests).toBe(1);
    });

    test('a bucket in use for hours stays right', async () => {
      const store = await subject.open();
      const bucket = bucketOf();
      let own: Announcement | undefined;
      for (let minute = 0; minute < 90; minute += 1) {
        const nowMs = NOW_MS + minute * 60_000;
        const next = { demand: { requests: 1 + minute / 1000, bytes: minute }, expiresAtMs: nowMs + 62_000 };
        const total = await store.announce(bucket, next, { replaces: own, nowMs });
        expect(total.requests).toBeCloseTo(next.demand.requests, 9);
        own = next;
      }
    });
  });
}
