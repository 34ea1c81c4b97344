import { describe, expect, test } from 'vitest';
import { createCursorOrder } from '../../../shared/adapters/database/cursor-order.ts';

describe('order of cursors', () => {
  test('numbers compare exactly, whatever their length', () => {
    for (const kind of ['int64', 'int32'] as const) {
      const { compare } = createCursorOrder({ kind });
      expect(compare('9007199254740992', '9007199254740993')).toBeLessThan(0);
      expect(compare('-10', '-9')).toBeLessThan(0);
      expect(compare('100', '20')).toBeGreaterThan(0);
      expect(compare('7', '7')).toBe(0);
    }
    const { compare } = createCursorOrder({ kind: 'decimal', precision: 20, scale: 4 });
    expect(compare('1.5', '1.50')).toBe(0);
    expect(compare('-0.001', '0')).toBeLessThan(0);
  });

  test('times compare as instants to the microsecond', () => {
    const { compare } = createCursorOrder({ kind: 'timestamp' });
    expect(compare('2026-01-01T00:00:00.000001Z', '2026-01-01 00:00:00.000002+00')).toBeLessThan(0);
    expect(compare('2026-01-01T01:00:00+01:00', '2026-01-01 00:00:00.000000+00')).toBe(0);
    expect(compare('-infinity', '4713-01-01 00:00:00.000000+00 BC')).toBeLessThan(0);
  });

  test('looking back never cuts anything off', () => {
    expect(createCursorOrder({ kind: 'timestamp' }).before('2026-01-01T00:00:00.000001Z', 0.5)).toBe(
      '2025-12-31 23:59:59.999001+00',
    );
    expect(createCursorOrder({ kind: 'local-timestamp' }).before('2026-01-01', 60_000)).toBe(
      '2025-12-31 23:59:00.000000',
    );
    expect(createCursorOrder({ kind: 'date' }).before('2026-01-02', 1)).toBe('2026-01-01');
    expect(() => createCursorOrder({ kind: 'int64' }).before('7', 1)).toThrow(RangeError);
  });

  test('an instant is named to the day or below it', () => {
    const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    expect(createCursorOrder({ kind: 'timestamp' }).at(ms)).toBe('2026-01-02 03:04:05.678000+00');
    expect(createCursorOrder({ kind: 'local-timestamp' }).at(ms)).toBe('2026-01-02 03:04:05.678000');
    expect(createCursorOrder({ kind: 'date' }).at(ms)).toBe('2026-01-02');
    expect(() => createCursorOrder({ kind: 'int64' }).at(ms)).toThrow(RangeError);
  });

  test('what is no value of the column is refused', () => {
    expect(() => createCursorOrder({ kind: 'timestamp' }).compare('7', '2026-01-01')).toThrow(RangeError);
    expect(() => createCursorOrder({ kind: 'int64' }).compare('7', 'x')).toThrow(RangeError);
    expect(() => createCursorOrder({ kind: 'string' })).toThrow(RangeError);
  });
});
