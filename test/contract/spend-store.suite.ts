import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SpendStore } from '../../shared/ports/spend-store.ts';
import type { Subject } from './subject.ts';

const MONTH = 202_612;
const sourceOf = (): string => `orders-${randomUUID()}`;

/** What monthly budgets rely on, whatever the store is made of. */
export function spendStoreContract(subject: Pick<Subject<SpendStore>, 'open'>): void {
  describe('spend store', () => {
    test('a month that nothing was added to has cost nothing', async () => {
      const store = await subject.open();
      expect(await store.read(sourceOf(), MONTH)).toEqual({
        usd: 0,
        slowedSinceMs: undefined,
        landedAtMs: undefined,
      });
    });

    test('adds up, by source and month, and answers the sum', async () => {
      const store = await subject.open();
      const [source, other] = [sourceOf(), sourceOf()];
      expect((await store.add(source, MONTH, { usd: 0.000_001_5 })).usd).toBeCloseTo(0.000_001_5, 12);
      const all = await Promise.all([1, 2, 3].map((usd) => store.add(source, MONTH, { usd })));
      expect(Math.max(...all.map(({ usd }) => usd))).toBeCloseTo(6.000_001_5, 12);
      await store.add(source, MONTH + 89, { usd: 7 });
      await store.add(other, MONTH, { usd: 8 });
      expect((await store.read(source, MONTH)).usd).toBeCloseTo(6.000_001_5, 12);
    });

    test('keeps since when a source is slowed, and when it was last landed', async () => {
      const store = await subject.open();
      const source = sourceOf();
      await store.setSlowed(source, MONTH, 1_000);
      await store.setSlowed(source, MONTH, 2_000);
      await store.add(source, MONTH, { usd: 1, landedAtMs: 3_000 });
      expect(await store.add(source, MONTH, { usd: 1 })).toEqual({
        usd: 2,
        slowedSinceMs: 1_000,
        landedAtMs: 3_000,
      });
      await store.setSlowed(source, MONTH, undefined);
      expect(await store.read(source, MONTH)).toEqual({
        usd: 2,
        slowedSinceMs: undefined,
        landedAtMs: 3_000,
      });
    });
  });
}
