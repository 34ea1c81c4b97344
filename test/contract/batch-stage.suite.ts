import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { BatchStage } from '../../shared/ports/batch-stage.ts';
import type { Subject } from './subject.ts';

const WRITERS = 12;

const newLane = (): string =>
  `replay/quarantine/orders/reason=CONTRACT/dt=2026-01-01/${randomUUID()}-v1.parquet`;
const plain = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

/** What pulls and replays rely on, whatever the stage is made of. */
export function batchStageContract(subject: Subject<BatchStage>): void {
  describe('batch stage', () => {
    test('a batch that nobody staged is not found', async () => {
      const stage = await subject.open();
      expect(await stage.find(newLane(), 0)).toBeUndefined();
    });

    test('a batch is what was staged first, byte by byte, and others are apart from it', async () => {
      const stage = await subject.open();
      const lane = newLane();
      const [first, second] = [randomBytes(100_000), randomBytes(10)];
      expect(plain(await stage.decide(lane, 7, first))).toBe(plain(first));
      expect(plain(await stage.decide(lane, 7, second))).toBe(plain(first));
      expect(plain(await stage.find(lane, 7))).toBe(plain(first));
      expect(await stage.find(lane, 8)).toBeUndefined();
      expect(plain(await stage.decide(lane, 8, second))).toBe(plain(second));
    });

    test('of many simultaneous writers one decides, and all of them learn what', async () => {
      const stage = await subject.open();
      const lane = newLane();
      const batches = Array.from({ length: WRITERS }, () => randomBytes(50));
      const decided = await Promise.all(batches.map((bytes) => stage.decide(lane, 1, bytes)));
      expect(new Set(decided.map(plain)).size).toBe(1);
      expect(batches.map(plain)).toContain(plain(decided[0]));
      expect(plain(await stage.find(lane, 1))).toBe(plain(decided[0]));
    });

    test('what is removed is gone, others stay, and removing it again is no error', async () => {
      const stage = await subject.open();
      const [lane, other] = [newLane(), newLane()];
      for (const number of [1, 2, 3, 11]) await stage.decide(lane, number, randomBytes(5));
      await stage.decide(other, 1, randomBytes(5));
      for (let time = 0; time < 2; time++) await stage.remove(lane, [1, 3, 4]);
      await stage.remove(lane, []);
      const found = await Promise.all([1, 2, 3, 11].map((number) => stage.find(lane, number)));
      expect(found.map((bytes) => bytes !== undefined)).toEqual([false, true, false, true]);
      expect(await stage.find(other, 1)).toBeDefined();
    });

    test('a lost answer changes nothing', async () => {
      const stage = await subject.openLosingAnswers();
      const lane = newLane();
      const bytes = randomBytes(20);
      expect(plain(await stage.decide(lane, 1, bytes))).toBe(plain(bytes));
      expect(plain(await stage.find(lane, 1))).toBe(plain(bytes));
    });
  });
}
