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
