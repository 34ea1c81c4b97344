import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attributeUsage } from '../../../shared/domain/cost/attribute-usage.ts';

const amount = fc.double({ min: 0, max: 1e9, noNaN: true });
const usage = fc.record({ s3Put: amount, lambdaArmGbSecond: amount });
const bytes = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1e12 }));
const rawBytes = fc
  .array(bytes, { minLength: 1, maxLength: 20 })
  .map((all) => new Map(all.map((each, i) => [`source-${String(i)}`, each])));

test('the parts of a usage add up to it, and each is as large as its source is', () => {
  fc.assert(
    fc.property(usage, rawBytes, (whole, sources) => {
      const parts = attributeUsage(whole, sources);
      expect([...parts.keys()]).toEqual([...sources.keys()]);
      const sum = [...parts.values()].reduce((total, part) => total + (part.s3Put ?? 0), 0);
      expect(sum).toBeCloseTo(whole.s3Put, -2);
      for (const [a, ofA] of sources) {
        for (const [b, ofB] of sources) {
          const [partA, partB] = [parts.get(a)?.s3Put ?? 0, parts.get(b)?.s3Put ?? 0];
          if (ofA === ofB) expect(partA).toBe(partB);
          if (ofA > ofB) expect(partA).toBeGreaterThanOrEqual(partB);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('what has no raw bytes has no part beside what has some, and an equal one among its like', () => {
  const both = attributeUsage(
    { s3Put: 10 },
    new Map([
      ['busy', 5],
      ['idle', 0],
    ]),
  );
  expect([both.get('busy'), both.get('idle')]).toEqual([{ s3Put: 10 }, { s3Put: 0 }]);
  const idle = attributeUsage(
    { s3Put: 10 },
    new Map([
      ['a', 0],
      ['b', 0],
    ]),
  );
  expect([idle.get('a'), idle.get('b')]).toEqual([{ s3Put: 5 }, { s3Put: 5 }]);
});
