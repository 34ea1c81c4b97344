import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CostHistory } from '../../shared/ports/cost-history.ts';
import type { Subject } from './subject.ts';

const HOUR = 99_999;
const sourceOf = (): string => `orders-${randomUUID()}`;

/** What the search for rising costs relies on. */
export function costHistoryContract(subject: Subject<CostHistory>): void {
  describe('cost history', () => {
    test('answers the hours that were noted, in their order, and both ends', async () => {
      const history = await subject.open();
      const source = sourceOf();
      // Around a change of the number of digits: hours are in the order of numbers, not of texts.
      for (const hour of [HOUR + 1, HOUR - 1, HOUR + 2, HOUR])
        await history.note(source, { hour, usd: hour === HOUR ? 0 : 0.000_001_5 });
      expect(await history.read(source, HOUR - 1, HOUR + 1)).toEqual([
        { hour: HOUR - 1, usd: 0.000_001_5 },
        { hour: HOUR, usd: 0 },
        { hour: HOUR + 1, usd: 0.000_001_5 },
      ]);
      expect(await history.read(sourceOf(), HOUR - 1, HOUR + 1)).toEqual([]);
    });

    test('of several notes of an hour the last counts', async () => {
      const history = await subject.openLosingAnswers();
      const source = sourceOf();
      await history.note(source, { hour: HOUR, usd: 1 });
      await history.note(source, { hour: HOUR, usd: 0.25 });
      expect(await history.read(source, HOUR, HOUR)).toEqual([{ hour: HOUR, usd: 0.25 }]);
    });
  });
}
