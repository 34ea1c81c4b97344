import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareCursors,
  isCursor,
  startBehind,
  toCursorKind,
  type CursorKind,
} from '../../../shared/domain/pull-cursor.ts';
import type { Column } from '../../../shared/domain/contract.ts';

const NUMBER: CursorKind = { kind: 'number', unitMs: undefined };
const TIME: CursorKind = { kind: 'time' };
const DATE: CursorKind = { kind: 'date' };

/** Fractions of a power of ten, as independent exact numbers: the value times 10^30. */
const decimals = fc
  .record({
    digits: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    fraction: fc.integer({ min: 0, max: 6 }),
    exponent: fc.option(fc.integer({ min: -10, max: 10 }), { nil: undefined }),
  })
  .map(({ digits, fraction, exponent }) => {
    const sign = digits < 0n ? '-' : '';
    const text = (digits < 0n ? -digits : digits).toString().padStart(fraction + 1, '0');
    const whole = text.slice(0, text.length - fraction);
    const part = fraction === 0 ? '' : `.${text.slice(text.length - fraction)}`;
    const suffix = exponent === undefined ? '' : `e${String(exponent)}`;
    return {
      text: `${sign}${whole}${part}${suffix}`,
      scaled: digits * 10n ** BigInt(30 - fraction + (exponent ?? 0)),
    };
  });

/** An instant in microseconds, written with some offset and some number of digits. */
const instants = fc
  .record({
    micros: fc.bigInt({ min: -62_000_000_000_000_000n, max: 200_000_000_000_000_000n }),
    offsetMinutes: fc.integer({ min: -14 * 60, max: 14 * 60 }),
    isZulu: fc.boolean(),
  })
  .map(({ micros, offsetMinutes, isZulu }) => {
    const offset = isZulu ? 0 : offsetMinutes;
    const local = micros + BigInt(offset) * 60_000_000n;
    const rest = ((local % 1_000_000n) + 1_000_000n) % 1_000_000n;
    const seconds = Number((local - rest) / 1_000_000n);
    const stem = new Date(seconds * 1000).toISOString().slice(0, 19);
    const digits = rest.toString().padStart(6, '0').replace(/0+$/, '');
    const sign = offset < 0 ? '-' : '+';
    const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
    const zone = isZulu
      ? 'Z'
      : `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
    return { text: `${stem}${digits === '' ? '' : `.${digits}`}${zone}`, micros };
  });

const signOf = (value: bigint | number): number => (value > 0 ? 1 : value < 0 ? -1 : 0);

describe('cursors', () => {
  test('numbers compare exactly, whatever their notation', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        expect(isCursor(NUMBER, a.text)).toBe(true);
        expect(signOf(compareCursors(NUMBER, a.text, b.text))).toBe(signOf(a.scaled - b.scaled));
      }),
      { examples: [] },
    );
    expect(compareCursors(NUMBER, '9007199254740993', '9007199254740992')).toBeGreaterThan(0);
    expect(compareCursors(NUMBER, '10', '9')).toBeGreaterThan(0);
    expect(compareCursors(NUMBER, '1.0', '1')).toBe(0);
  });

  test('times compare as instants to the microsecond, whatever their offset', () => {
    fc.assert(
      fc.property(instants, instants, (a, b) => {
        fc.pre(isCursor(TIME, a.text) && isCursor(TIME, b.text));
        expect(signOf(compareCursors(TIME, a.text, b.text))).toBe(signOf(a.micros - b.micros));
      }),
      { numRuns: 1000 },
    );
    expect(compareCursors(TIME, '2026-01-01T00:00:00.000001Z', '2026-01-01T00:00:00Z')).toBeGreaterThan(0);
    expect(compareCursors(TIME, '2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00.000Z')).toBe(0);
  });

  test('without a look-back reading starts at the exact text of the cursor', () => {
    const cursor = '2026-01-01T02:00:00.123456+02:00';
    expect(startBehind({ kind: TIME, cursor, startedAtMs: 0, lookbackMs: 0, initialValue: '' })).toBe(cursor);
  });

  test('the start is at least the look-back behind the cursor and behind the beginning of the listing', () => {
    const lookbacks = fc.integer({ min: 1, max: 30 * 86_400_000 });
    const starts = fc.integer({ min: 0, max: 4_000_000_000_000 });
    fc.assert(
      fc.property(instants, lookbacks, starts, (cursor, lookbackMs, startedAtMs) => {
        fc.pre(isCursor(TIME, cursor.text) && cursor.micros > 0n);
        const since = startBehind({
          kind: TIME,
          cursor: cursor.text,
          startedAtMs,
          lookbackMs,
          initialValue: '',
        });
        const behindMs = Math.min(Number(cursor.micros / 1000n), startedAtMs) - lookbackMs;
        expect(Date.parse(since)).toBeLessThanOrEqual(behindMs);
        expect(Date.parse(since)).toBeGreaterThan(behindMs - 1001);
      }),
    );
  });

  test('the start has the notation of the cursor and is never before the initial value', () => {
    const common = { startedAtMs: Date.UTC(2027, 0, 1), lookbackMs: 3_600_000, initialValue: '' };
    const seconds: CursorKind = { kind: 'number', unitMs: 1000 };
    expect(startBehind({ ...common, kind: TIME, cursor: '2026-01-01T00:00:00Z' })).toBe(
      '2025-12-31T23:00:00Z',
    );
    expect(startBehind({ ...common, kind: TIME, cursor: '2026-01-01T00:00:00.5Z' })).toBe(
      '2025-12-31T23:00:00.500Z',
    );
    expect(startBehind({ ...common, kind: DATE, cursor: '2026-01-01' })).toBe('2025-12-31');
    expect(startBehind({ ...common, kind: seconds, cursor: '7200.9' })).toBe('3600');
    const initialValue = '2025-12-31T23:30:00Z';
    expect(startBehind({ ...common, kind: TIME, cursor: '2026-01-01T00:00:00Z', initialValue })).toBe(
      initialValue,
    );
  });
});

describe('the kind of a cursor', () => {
  const columns: Column[] = [
    { name: 'n', type: { kind: 'int64' } },
    { name: 't', type: { kind: 'timestamp' } },
    { name: 's', type: { kind: 'string' } },
    { name: 'j', type: { kind: 'json' } },
    { name: 'o', type: { kind: 'struct', fields: [{ name: 'd', type: { kind: 'date' } }] } },
  ];
  const kindOf = (path: string, lookbackMs = 0, epochUnit?: 'milliseconds' | 'seconds') =>
    toCursorKind(columns, { path, lookbackMs, epochUnit });

  test('follows from the contract', () => {
    expect(kindOf('n')).toEqual(NUMBER);
    expect(kindOf('n', 5, 'seconds')).toEqual({ kind: 'number', unitMs: 1000 });
    expect(kindOf('t', 5)).toEqual(TIME);
    expect(kindOf('s')).toEqual({ kind: 'text' });
    expect(kindOf('o.d', 5)).toEqual(DATE);
  });

  test.each(['j', 'o', 'x', 'n.x', 'o.x'])('%s cannot be one, and the message says what can', (path) => {
    expect(kindOf(path)).toMatchObject({
      kind: 'unusable',
      problem: expect.stringMatching(
        new RegExp(`cursor field ${path} .*date-time or date, integer, number`),
      ) as string,
    });
  });

  test.each(['n', 's'])('a look-back needs a time: %s is refused', (path) => {
    expect(kindOf(path, 1000)).toMatchObject({ kind: 'unusable' });
  });
});
