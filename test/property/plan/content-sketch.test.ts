import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countOf,
  jaccardOf,
  sharedPartOf,
  SKETCH_SIZE,
  toSketch,
} from '../../../shared/domain/plan/content-sketch.ts';

/** Members of two sets by how many are in the one, the other, and both; their hashes are evenly distributed. */
const sets = (onlyA: number, onlyB: number, both: number, seed: number) => {
  const hashes = Array.from({ length: onlyA + onlyB + both }, (_, i) =>
    createHash('sha256')
      .update(`${String(seed)} ${String(i)}`)
      .digest()
      .readBigUInt64BE(),
  );
  return { a: hashes.slice(0, onlyA + both), b: hashes.slice(onlyA) };
};

/** What sketches estimate, without sketches. */
const exact = (a: readonly bigint[], b: readonly bigint[]) => {
  const inB = new Set(b);
  const both = new Set(a.filter((each) => inB.has(each))).size;
  return {
    jaccard: both / Math.max(1, new Set([...a, ...b]).size),
    shared: both / Math.max(1, Math.min(new Set(a).size, new Set(b).size)),
  };
};

const part = fc.integer({ min: 0, max: 6_000 });

describe('sketches of sets', () => {
  test('estimate counts, Jaccard and the shared part of the smaller set as they are', () => {
    fc.assert(
      fc.property(part, part, part, fc.nat(), (onlyA, onlyB, both, seed) => {
        const { a, b } = sets(onlyA, onlyB, both, seed);
        const [sketchA, sketchB] = [toSketch(a), toSketch(b)];
        const truth = exact(a, b);
        // Five standard deviations of a proportion of SKETCH_SIZE members.
        const tolerance = 5 * Math.sqrt(0.25 / SKETCH_SIZE);
        expect(Math.abs(jaccardOf(sketchA, sketchB) - truth.jaccard)).toBeLessThan(tolerance);
        expect(Math.abs(countOf(sketchA) / Math.max(1, a.length) - 1)).toBeLessThan(
          a.length === 0 ? 1.1 : 5 / Math.sqrt(SKETCH_SIZE),
        );
        const smaller = Math.max(1, Math.min(a.length, b.length));
        // The smaller set is a part of both: what is not known of both weighs as much more.
        const scale = (onlyA + onlyB + both) / smaller;
        expect(Math.abs(sharedPartOf(sketchA, sketchB) - truth.shared)).toBeLessThan(
          tolerance * scale + 5 / Math.sqrt(SKETCH_SIZE),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('are exact while the sets are small', () => {
    const small = fc.array(fc.bigInt({ min: 0n, max: 400n }), { maxLength: 500 });
    fc.assert(
      fc.property(small, small, (a, b) => {
        const truth = exact(a, b);
        expect(jaccardOf(toSketch(a), toSketch(b))).toBeCloseTo(truth.jaccard, 9);
        expect(sharedPartOf(toSketch(a), toSketch(b))).toBeCloseTo(truth.shared, 9);
        expect(countOf(toSketch(a))).toBe(new Set(a).size);
      }),
    );
  });

  test('are the same in any order, with any repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 3_000 }), (a) => {
        expect(toSketch([...a, ...a].reverse())).toEqual(toSketch(a));
      }),
    );
  });
});
