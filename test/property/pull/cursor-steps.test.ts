import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addCursors, beginSteps, lastStep } from '../../../shared/domain/cursor-steps.ts';

const YEAR_MS = 366 * 86_400_000;

/** Cursors of batches that follow each other, with gaps of any length. */
const batches = fc
  .array(
    fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 5_000 }), fc.nat({ max: YEAR_MS })), {
      minLength: 1,
      maxLength: 40,
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((gaps) => {
    let at = -YEAR_MS;
    return gaps.map((ofBatch) => ofBatch.map((gap) => (at += gap)));
  });

const lookbacks = fc.integer({ min: 1_000, max: 30 * 86_400_000 });

test('rows before the step that is found are counted exactly, and it is not after the bound', () => {
  fc.assert(
    fc.property(batches, lookbacks, fc.nat({ max: 2 * YEAR_MS }), (all, lookbackMs, behindMs) => {
      const steps = all.reduce(addCursors, beginSteps(lookbackMs, 1000));
      const cursors = all.flat();
      const boundMs = (cursors.at(-1) ?? 0) - behindMs;
      const found = lastStep(steps, (ms) => ms <= boundMs);
      if (found === undefined) return;
      expect(found.ms).toBeLessThanOrEqual(boundMs);
      expect(found.rows).toBe(cursors.filter((ms) => ms < found.ms).length);
    }),
    { numRuns: 500 },
  );
});

test('what lies between the step and the bound is little, or has no rows but those of one step', () => {
  fc.assert(
    fc.property(batches, lookbacks, (all, lookbackMs) => {
      const steps = all.reduce(addCursors, beginSteps(lookbackMs, 1000));
      const cursors = all.flat();
      const boundMs = (cursors.at(-1) ?? 0) - lookbackMs;
      const before = cursors.filter((ms) => ms <= boundMs);
      const found = lastStep(steps, (ms) => ms <= boundMs);
      const last = before.at(-1);
      if (last === undefined) return;
      expect(found).toBeDefined();
      expect(last - (found?.ms ?? 0)).toBeLessThanOrEqual(Math.max(1000, Math.ceil(lookbackMs / 32)) + 1000);
    }),
    { numRuns: 500 },
  );
});

test('however far back the bound is, the step lies before it by less than a thirtieth of the distance', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100_000, max: 86_400_000 }),
      fc.double({ min: 1, max: 15, noNaN: true }),
      (lookbackMs, times) => {
        const cursors = Array.from({ length: 4_000 }, (_, i) => i * Math.ceil(lookbackMs / 200));
        let steps = beginSteps(lookbackMs, 1000);
        for (let i = 0; i < cursors.length; i += 100) steps = addCursors(steps, cursors.slice(i, i + 100));
        const boundMs = (cursors.at(-1) ?? 0) - times * lookbackMs;
        const found = lastStep(steps, (ms) => ms <= boundMs);
        expect(boundMs - (found?.ms ?? 0)).toBeLessThan((times * lookbackMs) / 30 + 2_000);
      },
    ),
    { numRuns: 60 },
  );
});

test('a reading over ten years with a row each minute keeps some hundreds of steps', () => {
  let steps = beginSteps(600_000, 1000);
  for (let day = 0; day < 3_653; day++)
    steps = addCursors(
      steps,
      Array.from({ length: 288 }, (_, i) => day * 86_400_000 + i * 300_000),
    );
  expect(steps.parts.length).toBeLessThan(1_500);
  expect(steps.parts.reduce((sum, [, rows]) => sum + rows, 0)).toBe(3_653 * 288);
});
