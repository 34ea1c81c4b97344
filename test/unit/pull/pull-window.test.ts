import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareCursors,
  cursorAtMs,
  cursorTimeMs,
  writeCursor,
  type CursorFormat,
  type CursorKind,
} from '../../../shared/domain/pull-cursor.ts';
import { planRange } from '../../../shared/domain/pull-window.ts';

const TIME: CursorKind = { kind: 'time' };
const DATE: CursorKind = { kind: 'date' };
const SECONDS: CursorKind = { kind: 'number', unitMs: 1000 };
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 5, 10, 12);

describe('windows', () => {
  test.each<[CursorKind, string, string]>([
    [TIME, '2026-01-01T00:00:00.123456Z', '2026-01-02T00:00:00.123Z'],
    [DATE, '2026-01-01', '2026-01-02'],
    [SECONDS, '1767225600', '1767312000'],
  ])('of %j from %s end at %s and are closed', (kind, anchor, until) => {
    expect(planRange(anchor, NOW, { kind, lookbackMs: 0, windowMs: DAY_MS })).toEqual({
      until,
      isClosed: true,
    });
  });

  test('the last one ends now, and stays open for what the clocks and the look-back may still bring', () => {
    const rules = { kind: TIME, lookbackMs: 3_600_000, windowMs: DAY_MS };
    const end = NOW - 3_600_000 - 300_000;
    const at = (ms: number) => planRange(new Date(ms - DAY_MS).toISOString(), NOW, rules);
    expect(at(end)).toEqual({ until: new Date(end).toISOString(), isClosed: true });
    expect(at(end + 1)).toEqual({ until: new Date(NOW).toISOString(), isClosed: false });
  });

  test('the last one of dates includes today, also where the API takes the end as exclusive', () => {
    expect(planRange('2026-06-10', NOW, { kind: DATE, lookbackMs: 0, windowMs: DAY_MS })).toEqual({
      until: '2026-06-11',
      isClosed: false,
    });
  });

  test('follow each other without a gap and come to now', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(TIME, DATE, SECONDS),
        fc.integer({ min: DAY_MS, max: 40 * DAY_MS }),
        fc.integer({ min: Date.UTC(2026, 0, 1), max: NOW }),
        (kind, windowMs, startMs) => {
          let anchor = cursorAtMs(kind, startMs);
          for (let windows = 0; ; windows++) {
            const { until, isClosed } = planRange(anchor, NOW, { kind, lookbackMs: 0, windowMs });
            if (until === undefined) throw new Error('every window has an end');
            expect(windows).toBeLessThan(400);
            if (!isClosed) {
              expect(cursorTimeMs(kind, until)).toBeGreaterThan(NOW - 1000);
              return;
            }
            expect(compareCursors(kind, until, anchor)).toBeGreaterThan(0);
            expect(cursorTimeMs(kind, until)).toBeLessThanOrEqual(cursorTimeMs(kind, anchor) + windowMs);
            anchor = until;
          }
        },
      ),
    );
  });
});

describe('values as an API takes them', () => {
  test.each<[CursorKind, string, CursorFormat, string, string]>([
    [
      TIME,
      '2026-01-01T02:00:00.123456+02:00',
      'as-read',
      '2026-01-01T02:00:00.123456+02:00',
      '2026-01-01T02:00:00.123456+02:00',
    ],
    [
      TIME,
      '2026-01-01T02:00:00.123456+02:00',
      'iso-8601',
      '2026-01-01T00:00:00.123Z',
      '2026-01-01T00:00:00.124Z',
    ],
    [TIME, '2026-01-01T00:00:00Z', 'iso-8601', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    [TIME, '2026-01-01T00:00:00.5Z', 'epoch-seconds', '1767225600', '1767225601'],
    [TIME, '2026-01-01T00:00:00.5Z', 'epoch-milliseconds', '1767225600500', '1767225600500'],
    [TIME, '2026-01-01T23:59:59.9999Z', 'date', '2026-01-01', '2026-01-02'],
    [SECONDS, '1767225600', 'iso-8601', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    [DATE, '2026-01-01', 'epoch-seconds', '1767225600', '1767225600'],
  ])('%j: %s as %s is %s, as an end %s', (kind, value, format, since, until) => {
    expect(writeCursor(kind, value, format, 'down')).toBe(since);
    expect(writeCursor(kind, value, format, 'up')).toBe(until);
  });
});
