import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFrameNames, landingTimeOf, toLandingTime } from '../../../shared/domain/landing-frame.ts';
import { readManifest, writeManifest } from '../../../shared/domain/landing-manifest.ts';
import {
  formatLandingPosition,
  LANDING_START,
  parseLandingPosition,
} from '../../../shared/domain/landing-position.ts';

const time = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });

describe('the name of a frame', () => {
  test('is its time, its number within it and a token', () => {
    const nextName = createFrameNames(() => 'aB-9');
    const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    expect([nextName(ms), nextName(ms), nextName(ms + 1)]).toEqual([
      '20260102T030405.006Z-0000-aB-9',
      '20260102T030405.006Z-0001-aB-9',
      '20260102T030405.007Z-0000-aB-9',
    ]);
  });

  test('says the time', () => {
    fc.assert(
      fc.property(time, (ms) => {
        expect(landingTimeOf(createFrameNames(() => 'x')(ms))).toBe(ms);
      }),
    );
  });

  test('comes after all names before it, whatever the clock does', () => {
    const start = Date.UTC(2026, 0, 1);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2 }), (steps) => {
        const nextName = createFrameNames(() => 'x');
        let ms = start;
        const names = steps.map((step) => nextName((ms += step)));
        expect(names).toEqual([...new Set(names)].sort());
      }),
    );
  });

  test('stays one when a millisecond has more frames than it has numbers', () => {
    const nextName = createFrameNames(() => 'x');
    const names = Array.from({ length: 25_000 }, () => nextName(1_000));
    expect(names).toEqual([...new Set(names)].sort());
    expect(names.every((name) => landingTimeOf(name) !== undefined)).toBe(true);
  });

  test('has an order that is the order of times', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(Math.sign(Number(toLandingTime(a) > toLandingTime(b)))).toBe(Number(a > b));
      }),
    );
  });

  test.each([
    '',
    'readme.txt',
    '20260102T030405.006Z',
    '20260102T030405.006Z-0000-',
    '20261302T030405.006Z-0000-x',
    '20260102T030405Z-0000-x',
    '20260102T030405.006Z-0000-x/y',
    '20260102T030405.006Z-00000-x',
  ])('is not %j', (name) => {
    expect(landingTimeOf(name)).toBeUndefined();
  });
});

describe('the position of a landing lane', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.string(), (floor, first, newest) => {
        const position = { floor, first, newest };
        expect(parseLandingPosition('lane', formatLandingPosition(position))).toEqual(position);
      }),
    );
  });

  test('is the beginning where there is none', () => {
    expect(parseLandingPosition('lane', undefined)).toBe(LANDING_START);
  });

  test.each([
    '',
    '12345',
    '{"v":2,"floor":"","first":0,"newest":""}',
    '{"v":1,"floor":"","first":-1,"newest":""}',
  ])('is never guessed: %j', (text) => {
    expect(() => parseLandingPosition('landing/reports', text)).toThrow(/landing\/reports.*cannot|can read/);
  });
});

describe('a manifest', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string(), { minLength: 1 }), (to, names) => {
        expect(readManifest('lane', writeManifest({ to, names }))).toEqual({ to, names });
      }),
    );
  });

  test.each(['', '{"v":1,"to":"x","names":[]}', '{"v":2,"to":"x","names":["a"]}'])(
    'is never guessed: %j',
    (text) => {
      expect(() => readManifest('landing/reports', Buffer.from(text))).toThrow(
        expect.objectContaining({ code: 'UNREADABLE_MANIFEST' }),
      );
    },
  );
});
