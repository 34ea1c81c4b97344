import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatRowSet, parseRowSet } from '../../../shared/domain/row-set.ts';
import { isSequenceNumber } from '../../../shared/domain/identity.ts';

describe('a set of rows as a position', () => {
  test('is read back as it was written, and is no sequence number', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(fc.nat(40), fc.nat(100_000))), (rows) => {
        const text = formatRowSet(new Set(rows));
        expect([...parseRowSet(text)].sort((a, b) => a - b)).toEqual([...rows].sort((a, b) => a - b));
        expect(isSequenceNumber(text)).toBe(false);
      }),
    );
  });

  test('does not depend on the order in which rows were done', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(5_000)), (rows) => {
        expect(formatRowSet(new Set(rows.toReversed()))).toBe(formatRowSet(new Set(rows)));
      }),
    );
  });

  test('is empty before the first commit', () => {
    expect(parseRowSet(undefined)).toEqual(new Set());
    expect(parseRowSet(formatRowSet(new Set()))).toEqual(new Set());
  });

  test('is short for a million rows that follow each other', () => {
    const rows = new Set(Array.from({ length: 1_000_000 }, (_, i) => i));
    const text = formatRowSet(rows);
    expect(text.length).toBeLessThan(500);
    expect(parseRowSet(text)).toEqual(rows);
  });

  test('that no item of a table could hold is refused, and says what to do', () => {
    const bits = randomBytes(150_000);
    const rows = new Set<number>();
    bits.forEach((byte, at) => {
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) rows.add(at * 8 + bit);
    });
    expect(() => formatRowSet(rows)).toThrow(
      expect.objectContaining({
        code: 'ROW_SET_TOO_LARGE',
        message: expect.stringContaining('follow each other') as string,
      }) as Error,
    );
  });

  test.each(['', '0', 'rows2.AAAA', 'rows1.%%', 'rows1.AAAA'])('%j is refused', (text) => {
    expect(() => parseRowSet(text)).toThrow(expect.objectContaining({ code: 'ROW_SET_UNREADABLE' }) as Error);
  });
});
