import { expect, test } from 'vitest';
import { heldBackBecause, receiveTime } from '../../../shared/domain/reconciliation.ts';

const LIMITS = { share: 0.2, rows: 100 };

test.each([
  ['none', { alive: 1_000, gone: 0, inTable: 0 }, undefined],
  ['few of few', { alive: 110, gone: 100, inTable: 10 }, undefined],
  ['many of very many', { alive: 1_000_000, gone: 200_000, inTable: 800_000 }, undefined],
  [
    'one too many',
    { alive: 1_000, gone: 201, inTable: 799 },
    /^201 of 1000 rows would be marked as deleted \(20 %\)/,
  ],
  ['a large part', { alive: 1_000, gone: 900, inTable: 5_000 }, /90 %/],
  ['all, of a table that is empty', { alive: 1, gone: 1, inTable: 0 }, /^the table is empty/],
])('deletes are held back where there are too many at once: %s', (_what, count, reason) => {
  const held = heldBackBecause(count, LIMITS);
  if (reason === undefined) expect(held).toBeUndefined();
  else expect(held).toMatch(reason);
});

test('rows are received later than the last deletes, whatever the clock says', () => {
  const done = { number: 1, startedAtMs: 1, landedAtMs: 500 };
  expect([receiveTime(400, { done }), receiveTime(600, { done }), receiveTime(7, undefined)]).toEqual([
    501, 600, 7,
  ]);
});
