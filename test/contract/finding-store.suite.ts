import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SourceFinding } from '../../shared/domain/watch/source-finding.ts';
import type { FindingStore } from '../../shared/ports/finding-store.ts';
import type { Subject } from './subject.ts';

const HOUR = 500_000;
const sourceOf = (): string => `orders-${randomUUID()}`;
const missing = (hour: number, amount: number): SourceFinding => ({
  kind: 'completeness',
  hour,
  sinceHour: hour,
  amount,
  message: `${String(amount)} records of "orders" are missing — look`,
});

/** What the hourly watch, and whoever shows its findings, rely on. */
export function findingStoreContract(subject: Subject<FindingStore>): void {
  describe('finding store', () => {
    test('of a source that was not watched nothing is known', async () => {
      const store = await subject.open();
      expect(await store.read(sourceOf())).toBeUndefined();
    });

    test('what was saved last is read back whole, of each source its own', async () => {
      const store = await subject.open();
      const [source, other] = [sourceOf(), sourceOf()];
      const drop = {
        kind: 'volume-drop',
        hour: HOUR,
        sinceHour: HOUR - 2,
        amount: 7,
        expected: 1_000.5,
      } as const;
      const findings = [missing(HOUR - 3, 12), { ...drop, message: 'few' }];
      await store.save(source, { checkedAtMs: 1_000, findings: [missing(HOUR - 3, 11)] });
      await store.save(other, { checkedAtMs: 1_500, findings: [] });
      await store.save(source, { checkedAtMs: 2_000, findings });
      expect(await store.read(source)).toEqual({ checkedAtMs: 2_000, findings });
      expect(await store.read(other)).toEqual({ checkedAtMs: 1_500, findings: [] });
    });

    test('a week in which each hour has a finding fits', async () => {
      const store = await subject.open();
      const source = sourceOf();
      const findings = Array.from({ length: 7 * 24 }, (_, i) => ({
        ...missing(HOUR + i, i + 1),
        message: 'x'.repeat(500),
      }));
      await store.save(source, { checkedAtMs: 1, findings });
      expect((await store.read(source))?.findings).toEqual(findings);
    });

    test('a save whose answer is lost is saved', async () => {
      const store = await subject.openLosingAnswers();
      const source = sourceOf();
      await store.save(source, { checkedAtMs: 5, findings: [missing(HOUR, 1)] });
      expect(await store.read(source)).toEqual({ checkedAtMs: 5, findings: [missing(HOUR, 1)] });
    });
  });
}
