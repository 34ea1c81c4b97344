import { expect, test } from 'vitest';
import { isSameRecord, mergeFields } from '../../../demo/same-record.ts';

test.each([
  ['absent and null', { a: null }, {}],
  ['null and absent', {}, { a: null }],
  ['an instant in two notations', { t: '2001-01-01T02:00:00.5+01:00' }, { t: '2001-01-01 01:00:00.5+00' }],
  ['an absent object and a struct of nulls', { a: 1 }, { a: 1, b: { c: null } }],
  ['nested lists', { a: [1, [2.5, 'x']] }, { a: [1, [2.5, 'x']] }],
])('takes as the same: %s', (_, sent, landed) => {
  expect(isSameRecord(sent, landed)).toBe(true);
});

test.each([
  ['a number and its text', { a: 1 }, { a: '1' }],
  ['a number and a boolean', { a: 1 }, { a: true }],
  ['a value and nothing', { a: 0 }, {}],
  ['nothing and a value', {}, { a: 0 }],
  ['an empty text and null', { a: '' }, { a: null }],
  ['instants a second apart', { t: '2001-01-01T01:00:00Z' }, { t: '2001-01-01 01:00:01+00' }],
  ['a list and a shorter one', { a: [1, 2] }, { a: [1] }],
  ['a list and an object', { a: [1] }, { a: { 0: 1 } }],
  ['an object and text', { a: { b: 1 } }, { a: '{"b":1}' }],
  ['another value deep inside', { a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 2 }] } }],
])('takes as different: %s', (_, sent, landed) => {
  expect(isSameRecord(sent, landed)).toBe(false);
});

test('puts fields kept apart back where they were', () => {
  expect(mergeFields({ a: 1, p: { x: 1, y: null } }, { b: 2, p: { z: 3 } })).toEqual({
    a: 1,
    b: 2,
    p: { x: 1, y: null, z: 3 },
  });
});
