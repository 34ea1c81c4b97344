import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprint, type KeyPart } from '../../../shared/domain/idempotency-key.ts';

/** Parts that look alike when they are joined without care. */
const part = fc.oneof(
  fc.constantFrom<KeyPart>(
    '',
    'a',
    'b',
    'a_b',
    '1',
    'u',
    'z',
    's1:a',
    '1:a',
    'true',
    'null',
    1,
    11,
    0,
    -1,
    1n,
    true,
    false,
    null,
    undefined,
  ),
  fc.string(),
  fc.integer(),
);
const key = fc.tuple(fc.constantFrom('s', 's1', 'orders', 'order'), fc.array(part, { maxLength: 4 }));

/** Two parts are the same when they have the same type and value; a number may be a bigint of the same value. */
function isSame(a: KeyPart, b: KeyPart): boolean {
  const isNumeric = (value: KeyPart): boolean => typeof value === 'number' || typeof value === 'bigint';
  return isNumeric(a) && isNumeric(b) ? Number(a) === Number(b) : a === b;
}

test('two keys have the same fingerprint exactly when they have the same source and parts', () => {
  fc.assert(
    fc.property(key, key, ([sourceA, a], [sourceB, b]) => {
      const same = sourceA === sourceB && a.length === b.length && a.every((value, i) => isSame(value, b[i]));
      expect(fingerprint(sourceA, a).equals(fingerprint(sourceB, b))).toBe(same);
    }),
    { numRuns: 10_000 },
  );
});

test('moving a character from one part to the next changes the key', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(), fc.nat(), (text, i, j) => {
      const [from, to] = [i % (text.length + 1), j % (text.length + 1)];
      fc.pre(from !== to);
      const split = (at: number): Buffer => fingerprint('s', [text.slice(0, at), text.slice(at)]);
      expect(split(from).equals(split(to))).toBe(false);
    }),
  );
});

test('no two of all short keys that are written like the encoding itself are the same', () => {
  const alphabet = ['s', ':', '1', 'u'];
  const texts = [''];
  for (const text of texts) if (text.length < 3) texts.push(...alphabet.map((char) => text + char));
  const keys: KeyPart[][] = [[], ...texts.map((a) => [a]), ...texts.flatMap((a) => texts.map((b) => [a, b]))];
  keys.push([undefined], [null], [1], [undefined, undefined], ['', undefined], [undefined, '']);
  const fingerprints = new Set(keys.map((parts) => fingerprint('s', parts).toString('hex')));
  expect(fingerprints.size).toBe(keys.length);
});
