import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NOTHING_SETTLED, type SettledHour } from '../../shared/domain/record-counts.ts';
import type { CountStore } from '../../shared/ports/count-store.ts';
import { MAX_SETTLED_HOURS, type LedgerStore } from '../../shared/ports/ledger-store.ts';
import type { Subject } from './subject.ts';

/** A ledger, and the counts that its commits are added to. */
export interface CountedLedger {
  readonly ledger: LedgerStore;
  readonly counts: CountStore;
}

const HOUR = 500_000;

/** What completeness relies on, whatever counts are kept in. */
export function countStoreContract(subject: Subject<CountedLedger>): void {
  describe('count store', () => {
    test('of the totals of a process the greatest counts, and processes add up', async () => {
      const { counts } = await subject.open();
      const source = newSource();
      await counts.accept(source, HOUR, 'p1', 10);
      await counts.accept(source, HOUR, 'p1', 25);
      await counts.accept(source, HOUR, 'p1', 10);
      await counts.accept(source, HOUR, 'p2', 3);
      await counts.accept(source, HOUR + 1, 'p1', 4);
      expect(await counts.read(source, HOUR, HOUR + 1)).toEqual([
        { hour: HOUR, accepted: 28, ...NOTHING_SETTLED },
        { hour: HOUR + 1, accepted: 4, ...NOTHING_SETTLED },
      ]);
    });

    test('what commits settle adds up over lanes, sources and hours apart', async () => {
      const { ledger, counts } = await subject.open();
      const [a, b] = [newSource(), newSource()];
      const [one, two] = [newLane(), newLane()];
      await commit(ledger, one, 0, [
        settled(a, HOUR, { landed: 5, duplicates: 1, extra: 2 }),
        settled(b, HOUR, { quarantined: 2 }),
      ]);
      await commit(ledger, two, 0, [settled(a, HOUR, { landed: 7 })]);
      await commit(ledger, one, 1, [
        settled(a, HOUR, { landed: 1 }),
        settled(a, HOUR + 2, { discarded: 1, quarantined: -1 }),
      ]);
      expect(await counts.read(a, HOUR - 10, HOUR + 10)).toEqual([
        { ...NOTHING_SETTLED, hour: HOUR, accepted: 0, landed: 13, duplicates: 1, extra: 2 },
        { ...NOTHING_SETTLED, hour: HOUR + 2, accepted: 0, discarded: 1, quarantined: -1 },
      ]);
      expect(await counts.read(b, HOUR, HOUR)).toEqual([
        { ...NOTHING_SETTLED, hour: HOUR, accepted: 0, quarantined: 2 },
      ]);
    });

    test('a commit that loses counts nothing, and one that is repeated counts once', async () => {
      const { ledger, counts } = await subject.open();
      const source = newSource();
      const lane = newLane();
      const writer = randomUUID();
      const first = {
        from: '1',
        to: '5',
        records: 5,
        keys: 1,
        settled: [settled(source, HOUR, { landed: 5 })],
      };
      expect(await ledger.commit(lane, 0, first, writer)).toBe('ok');
      expect(await ledger.commit(lane, 0, first, writer)).toBe('ok');
      expect(await ledger.commit(lane, 0, first, randomUUID())).toBe('conflict');
      expect(await counts.read(source, HOUR, HOUR)).toMatchObject([{ landed: 5 }]);
    });

    test('lanes whose positions are no numbers are counted as well', async () => {
      const { ledger, counts } = await subject.open();
      const source = newSource();
      const range = { from: '', to: '["x"]', records: 1, keys: 1 };
      await ledger.commit(newLane(), 0, { ...range, settled: [settled(source, HOUR, { landed: 1 })] }, 'w');
      expect(await counts.read(source, HOUR, HOUR)).toMatchObject([{ landed: 1 }]);
    });

    test('as many hours as are allowed are settled together, and one more is refused', async () => {
      const { ledger, counts } = await subject.open();
      const source = newSource();
      const hours = Array.from({ length: MAX_SETTLED_HOURS }, (_, i) =>
        settled(source, HOUR + i, { landed: i + 1 }),
      );
      await commit(ledger, newLane(), 0, hours);
      const read = await counts.read(source, HOUR, HOUR + MAX_SETTLED_HOURS);
      expect(read.map(({ landed }) => landed)).toEqual(hours.map(({ landed }) => landed));
      const tooMany = [...hours, settled(source, HOUR - 1, { landed: 1 })];
      await expect(commit(ledger, newLane(), 0, tooMany)).rejects.toThrow(RangeError);
    });

    test('counts of many commits at the same time are all there', async () => {
      const { ledger, counts } = await subject.open();
      const source = newSource();
      const lanes = Array.from({ length: 8 }, newLane);
      await Promise.all(
        lanes.map(async (lane) => {
          for (let i = 0; i < 5; i++) await commit(ledger, lane, i, [settled(source, HOUR, { landed: 3 })]);
        }),
      );
      expect(await counts.read(source, HOUR, HOUR)).toMatchObject([{ landed: 8 * 5 * 3 }]);
    });

    test('answers that are lost and calls that are repeated count once', async () => {
      const { ledger, counts } = await subject.openLosingAnswers();
      const source = newSource();
      for (let i = 0; i < 3; i++)
        await commit(ledger, `lane-${source}`, i, [settled(source, HOUR, { landed: 2 })]);
      for (const total of [4, 9, 9]) await counts.accept(source, HOUR, 'p', total);
      expect(await counts.read(source, HOUR, HOUR)).toMatchObject([{ accepted: 9, landed: 6 }]);
    });

    test('what an announcement settles is read back exactly', async () => {
      const { ledger } = await subject.open();
      const lane = newLane();
      const hours = [settled('orders', HOUR, { landed: 5 }), settled('events', HOUR, { duplicates: 1 })];
      const intent = {
        ...{ from: '1', to: '5', objects: [], records: 6, configVersion: 'v', owner: 'o', leaseUntilMs: 1 },
        settled: hours,
      };
      await ledger.announce(lane, 0, intent, 'w');
      expect((await ledger.read(lane)).intent?.settled).toEqual(hours);
    });
  });
}

const newSource = (): string => `source-${randomUUID()}`;
const newLane = (): string => `lane-${randomUUID()}`;
const settled = (source: string, hour: number, counts: Partial<SettledHour>): SettledHour => ({
  ...NOTHING_SETTLED,
  source,
  hour,
  ...counts,
});

async function commit(
  ledger: LedgerStore,
  lane: string,
  version: number,
  hours: readonly SettledHour[],
): Promise<void> {
  const [from, to] = [String(version * 10 + 1), String(version * 10 + 10)];
  const range = { from, to, records: 1, keys: 1, settled: hours };
  expect(await ledger.commit(lane, version, range, randomUUID())).toBe('ok');
}
