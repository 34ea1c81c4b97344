import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDay, formatMicros, parseMicros } from '../../../shared/adapters/database/time-text.ts';

describe('times as text', () => {
  test('microseconds, years before 1 and after 9999 survive', () => {
    for (const [text, micros] of [
      ['1970-01-01 00:00:00.000000+00', 0n],
      ['1969-12-31 23:59:59.999999+00', -1n],
      ['2026-01-31 12:34:56.000001+00', 1_769_862_896_000_001n],
      ['0001-12-31 00:00:00.000000+00 BC', -62_135_683_200_000_000n],
      ['294276-12-31 23:59:59.999999+00', 9_224_318_015_999_999_999n],
      ['infinity', 2n ** 63n - 1n],
      ['-infinity', -(2n ** 63n)],
    ] as const) {
      expect(parseMicros(text), text).toBe(micros);
      // The largest time of PostgreSQL counts from 2000, and would not fit into 64 bits from 1970.
      expect(formatMicros(micros, '+00'), text).toBe(text);
    }
  });

  test('what people and databases write is read: dates, T, Z, offsets, fractions', () => {
    const noon = parseMicros('2026-01-31 12:00:00+00');
    for (const text of [
      '2026-01-31T12:00:00Z',
      '2026-01-31T12:00Z',
      '2026-01-31 14:00:00+02',
      '2026-01-31 06:30:00.000000-05:30',
      '2026-01-31 12:00:00.0',
    ])
      expect(parseMicros(text), text).toBe(noon);
    expect(parseMicros('2026-01-31')).toBe(parseMicros('2026-01-31 00:00'));
    for (const text of ['', 'yesterday', '2026-13-01', '2026-01', '12:00', '2026-01-31 12'])
      expect(parseMicros(text), text).toBeUndefined();
  });

  test('text and number say the same as Date, where Date can', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date('0001-01-01T00:00:00Z'), noInvalidDate: true }), (date) => {
        if (date.getTime() > Date.UTC(9999, 0)) return;
        const micros = BigInt(date.getTime()) * 1000n;
        const iso = date.toISOString();
        expect(parseMicros(iso)).toBe(micros);
        expect(formatMicros(micros, '')).toBe(`${iso.slice(0, -1).replace('T', ' ')}000`);
        expect(formatDay(Math.floor(date.getTime() / 86_400_000))).toBe(iso.slice(0, 10));
      }),
    );
  });
});
