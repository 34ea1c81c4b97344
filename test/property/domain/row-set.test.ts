import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RejectedError } from '../../../shared/domain/errors.ts';
import { formatRowSet, parseRowSet } from '../../../shared/domain/row-set.ts';

const rows = fc.oneof(
  fc.uniqueArray(fc.nat({ max: 64 })),
  fc.uniqueArray(fc.nat({ max: 1_000_000 }), { maxLength: 50 }),
  fc
    .tuple(fc.nat({ max: 5000 }), fc.nat({ max: 5000 }))
    .map(([from, count]) => Array.from({ length: count }, (_, i) => from + i)),
);

describe('sets of rows', () => {
  test('what is written is read, in whatever order it was put together', () => {
    fc.assert(
      fc.property(rows, (numbers) => {
        const text = formatRowSet(new Set(numbers));
        expect([...parseRowSet(text)].toSorted((a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b));
        expect(formatRowSet(new Set(numbers.toReversed()))).toBe(text);
      }),
    );
  });

  test('two sets have the same text exactly when they are equal', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 12 })), fc.uniqueArray(fc.nat({ max: 12 })), (a, b) => {
        const isEqual = a.length === b.length && a.every((row) => b.includes(row));
        expect(formatRowSet(new Set(a)) === formatRowSet(new Set(b))).toBe(isEqual);
      }),
      { numRuns: 1000 },
    );
  });

  test('rows that follow each other take little space, however many they are', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.integer({ min: 1, max: 200_000 }), (from, count) => {
        const text = formatRowSet(new Set(Array.from({ length: count }, (_, i) => from + i)));
        expect(text.length).toBeLessThan(500);
      }),
      { numRuns: 20 },
    );
  });

  test('a text that is no set of rows, or one cut off, is refused', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uniqueArray(fc.nat({ max: 5000 }), { minLength: 1 }),
        fc.nat(),
        (text, numbers, at) => {
          expect(() => parseRowSet(text)).toThrow(RejectedError);
          const written = formatRowSet(new Set(numbers));
          expect(() => parseRowSet(written.slice(0, at % written.length))).toThrow(RejectedError);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
