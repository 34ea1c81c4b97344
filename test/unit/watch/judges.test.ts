import { describe, expect, test } from 'vitest';
import type { HourCounts } from '../../../shared/domain/record-counts.ts';
import { findCostSpike } from '../../../shared/domain/watch/find-cost-spike.ts';
import { findDrift } from '../../../shared/domain/watch/find-drift.ts';
import { findMissing, surplusOf } from '../../../shared/domain/watch/find-missing.ts';
import { findVolumeDrop } from '../../../shared/domain/watch/find-volume-drop.ts';
import { countsOf, HOUR_MS, landedHours, NOW_HOUR, NOW_MS, SETTINGS } from '../../support/watch-history.ts';

const LAST = NOW_HOUR - 1;
const WEEK = 168;

describe('completeness', () => {
  const missing = (counts: Partial<HourCounts>, hour = LAST, nowMs = NOW_MS): unknown[] =>
    findMissing(SETTINGS, [countsOf(hour, counts)], nowMs).map(({ amount }) => amount);

  test.each([
    ['everything is landed', { accepted: 10, landed: 10 }, []],
    [
      'everything is settled in some way',
      { accepted: 10, landed: 4, duplicates: 3, quarantined: 2, discarded: 1 },
      [],
    ],
    ['some are not', { accepted: 10, landed: 4, duplicates: 3 }, [3]],
    ['all are not', { accepted: 10 }, [10]],
    ['more are settled than were accepted', { accepted: 10, landed: 11 }, []],
    ['a replay has taken more from quarantine than it had', { accepted: 5, landed: 5, quarantined: -1 }, [1]],
    ['nothing was accepted', {}, []],
  ])('%s', (_, counts, expected) => {
    expect(missing(counts)).toEqual(expected);
  });

  test('an hour is judged when the time to settle is over, not before', () => {
    const at = (hour: number, afterMs: number): unknown[] =>
      missing({ accepted: 1 }, hour, NOW_HOUR * HOUR_MS + afterMs);
    expect(at(LAST, SETTINGS.settledWithinMs - 1)).toEqual([]);
    expect(at(LAST, SETTINGS.settledWithinMs)).toEqual([1]);
    expect(at(NOW_HOUR, 59 * 60_000)).toEqual([]);
  });

  test('what is read is accepted by being settled: nothing of it is missing', () => {
    for (const type of ['stream', 'postgres', 'files', 'http'])
      expect(findMissing({ ...SETTINGS, type }, [countsOf(LAST, { landed: 3 })], NOW_MS)).toEqual([]);
  });

  test('says source, hour and number', () => {
    const [found] = findMissing(SETTINGS, [countsOf(LAST, { accepted: 1_200, landed: 1_188 })], NOW_MS);
    expect(found?.message).toContain(
      '12 records of orders that were accepted in the hour from 2026-12-01 09:00 UTC are missing in the lake: 1,200',
    );
  });

  test('a surplus is what is settled and was not accepted, where that is counted', () => {
    const counts = countsOf(LAST, { accepted: 10, landed: 12 });
    expect(surplusOf(SETTINGS, counts)).toBe(2);
    expect(surplusOf(SETTINGS, countsOf(LAST, { accepted: 10, landed: 8 }))).toBe(0);
    expect(surplusOf({ ...SETTINGS, type: 'stream' }, counts)).toBe(0);
  });
});

describe('volume', () => {
  /** Records of the last hour, and of the same hour of the weeks before, the last week first. */
  const drop = (records: number, weeks: readonly number[], settings = SETTINGS): number | undefined => {
    const hours = Object.fromEntries(weeks.map((count, i) => [LAST - (i + 1) * WEEK, count]));
    return findVolumeDrop(settings, landedHours({ ...hours, [LAST]: records }), NOW_MS)?.expected;
  };

  test.each([
    ['as many as usual', 1_000, [1_000, 1_000, 1_000, 1_000], undefined],
    ['a little less than a fifth fewer', 801, [1_000, 1_000, 1_000, 1_000], undefined],
    ['exactly a fifth fewer', 800, [1_000, 1_000, 1_000, 1_000], undefined],
    ['more than a fifth fewer', 799, [1_000, 1_000, 1_000, 1_000], 1_000],
    ['none', 0, [1_000, 1_000, 1_000, 1_000], 1_000],
    ['one unusual week', 799, [1_000, 9_000, 1_000, 1_000], 1_000],
    ['an outage a week ago', 799, [0, 1_000, 1_000, 1_000], 1_000],
    ['two weeks: their mean', 700, [1_000, 1_200], 1_100],
    ['one week only', 0, [1_000], undefined],
    ['the source is new', 5, [], undefined],
    ['a week without records between others counts', 0, [0, 1_000], 500],
    ['too few to tell', 0, [99, 99, 99, 99], undefined],
    ['just enough to tell', 0, [100, 100, 100, 100], 100],
    // 3 √110 = 31.5.
    ['within chance', 79, [110, 110, 110], undefined],
    ['beyond chance', 78, [110, 110, 110], 110],
  ])('%s', (_, records, weeks, expected) => {
    expect(drop(records, weeks)).toBe(expected);
  });

  test('goes by the threshold of the source, and not at all where there is none', () => {
    const weeks = [1_000, 1_000];
    expect(drop(499, weeks, { ...SETTINGS, maxVolumeDrop: 0.5 })).toBe(1_000);
    expect(drop(500, weeks, { ...SETTINGS, maxVolumeDrop: 0.5 })).toBeUndefined();
    expect(drop(0, weeks, { ...SETTINGS, maxVolumeDrop: false })).toBeUndefined();
  });

  test('where an hour has too few records the day up to it is compared', () => {
    const hours: Record<number, number> = {};
    for (let week = 1; week <= 2; week++) for (let i = 0; i < 24; i++) hours[LAST - week * WEEK - i] = 10;
    for (let i = 0; i < 24; i++) hours[LAST - i] = 7;
    const found = findVolumeDrop(SETTINGS, landedHours(hours), NOW_MS);
    expect(found).toMatchObject({ kind: 'volume-drop', hour: LAST, amount: 168, expected: 240 });
    expect(found?.message).toContain('168 records in the 24 hours from 2026-11-30 10:00 UTC, 30 % fewer');
  });

  test('an hour with enough records that are as usual is not judged by its day', () => {
    const hours: Record<number, number> = {};
    for (let week = 1; week <= 2; week++) for (let i = 0; i < 24; i++) hours[LAST - week * WEEK - i] = 500;
    expect(findVolumeDrop(SETTINGS, landedHours({ ...hours, [LAST]: 500 }), NOW_MS)).toBeUndefined();
  });

  test('of a source without an edge the newest settled hour is compared', () => {
    const settings = { ...SETTINGS, type: 'stream', settledWithinMs: 10 * 60_000 };
    const of = (hour: number): number | undefined =>
      findVolumeDrop(
        settings,
        landedHours({ [hour - WEEK]: 1_000, [hour - 2 * WEEK]: 1_000, [hour]: 1 }),
        NOW_MS,
      )?.amount;
    expect(of(LAST)).toBeUndefined();
    expect(of(LAST - 1)).toBe(1);
  });
});

describe('cost', () => {
  /** Each hour of the last day, and of the days before it that are known. */
  const rise = (
    perHour: number,
    before: number,
    { days = 7, of = 24, settings = SETTINGS } = {},
  ): number | undefined => {
    const costs = new Map<number, number>();
    for (let i = 0; i < of; i++) costs.set(LAST - i, perHour);
    for (let i = 24; i < 24 + days * 24; i++) costs.set(LAST - i, before);
    return findCostSpike(settings, costs, NOW_MS)?.expected;
  };

  test.each([
    ['as much as before', 0.1, 0.1, {}, false],
    ['not a fifth more', 0.119, 0.1, {}, false],
    ['more than that', 0.1201, 0.1, {}, true],
    ['less', 0.01, 0.1, {}, false],
    ['twice as much, and less than a cent', 0.000_8, 0.000_4, {}, false],
    ['twice as much, and more than a cent', 0.000_9, 0.000_45, {}, true],
    ['from nothing', 0.1, 0, {}, true],
    ['two days known', 9, 0.1, { days: 2 }, false],
    ['three days known', 9, 0.1, { days: 3 }, true],
    ['most of the day known', 9, 0.1, { of: 20 }, true],
    ['too little of the day known', 9, 0.1, { of: 19 }, false],
    ['it is allowed', 0.149, 0.1, { settings: { ...SETTINGS, maxCostRise: 0.5 } }, false],
    ['nobody wants to know', 9, 0.1, { settings: { ...SETTINGS, maxCostRise: false as const } }, false],
  ])('%s', (_, perHour, before, options, isFound) => {
    const found = rise(perHour, before, options);
    if (isFound) expect(found).toBeCloseTo(before * 24);
    else expect(found).toBeUndefined();
  });

  test('hours that are not known are taken as the others of their day', () => {
    const costs = new Map<number, number>();
    for (let i = 0; i < 20; i++) costs.set(LAST - i, 0.2);
    for (let i = 24; i < 96; i++) costs.set(LAST - i, 0.1);
    expect(findCostSpike(SETTINGS, costs, NOW_MS)?.amount).toBeCloseTo(4.8);
  });
});

describe('drift', () => {
  const drift = (
    newest: Partial<HourCounts>,
    before: Partial<HourCounts>,
    { hours = 24, since = undefined as number | undefined, newestHour = LAST } = {},
  ): string[] => {
    const all = new Map([[newestHour, countsOf(newestHour, newest)]]);
    for (let i = 1; i <= hours; i++) all.set(newestHour - i, countsOf(newestHour - i, before));
    return findDrift(SETTINGS, all, NOW_MS, () => since).map(
      ({ kind, amount }) => `${kind} ${String(amount)}`,
    );
  };
  const CLEAN = { landed: 1_000 };

  test.each([
    ['no new fields', { landed: 1_000 }, CLEAN, []],
    ['new fields in some rows', { landed: 1_000, extra: 10 }, CLEAN, ['schema-drift 10']],
    ['new fields in fewer than a hundredth', { landed: 1_000, extra: 9 }, CLEAN, []],
    ['one row of a small source', { landed: 20, extra: 1 }, { landed: 20 }, ['schema-drift 1']],
    ['as many as before', { landed: 1_000, extra: 500 }, { landed: 1_000, extra: 480 }, []],
    ['twice as many as before', { landed: 1_000, extra: 100 }, { landed: 1_000, extra: 50 }, []],
    ['more, within chance', { landed: 80, extra: 2 }, { landed: 1_600, extra: 7 }, []],
    [
      'many more than before',
      { landed: 1_000, extra: 500 },
      { landed: 1_000, extra: 50 },
      ['schema-drift 500'],
    ],
    ['quarantine begins', { landed: 900, quarantined: 100 }, CLEAN, ['quarantine-rise 100']],
    ['quarantine is as usual', { landed: 900, quarantined: 100 }, { landed: 900, quarantined: 90 }, []],
    ['a replay empties the quarantine', { landed: 900, quarantined: -100 }, CLEAN, []],
    [
      'both',
      { landed: 900, quarantined: 100, extra: 900 },
      CLEAN,
      ['schema-drift 900', 'quarantine-rise 100'],
    ],
  ])('%s', (_, newest, before, expected) => {
    expect(drift(newest, before)).toEqual(expected);
  });

  test('a source without a past has nothing to be compared with', () => {
    expect(drift({ landed: 10, extra: 10 }, {}, { hours: 0 })).toEqual([]);
  });

  test('a source that has rows once a day is judged by the newest of them, until another day is over', () => {
    const daily = (age: number): string[] => {
      const hours = new Map<number, HourCounts>();
      for (let day = 1; day <= 5; day++) {
        const hour = LAST - age - day * 24;
        hours.set(hour, countsOf(hour, { landed: 100 }));
      }
      hours.set(LAST - age, countsOf(LAST - age, { landed: 100, extra: 100 }));
      return findDrift(SETTINGS, hours, NOW_MS, () => undefined).map(({ kind }) => kind);
    };
    expect(daily(0)).toEqual(['schema-drift']);
    expect(daily(23)).toEqual(['schema-drift']);
    expect(daily(24)).toEqual([]);
  });

  test('what lasts is compared with the time before it began, and is usual after a day', () => {
    const all = new Map<number, HourCounts>();
    for (let i = 0; i < 60; i++)
      all.set(LAST - i, countsOf(LAST - i, { landed: 100, extra: i <= 30 ? 100 : 0 }));
    const at = (nowMs: number, since: number | undefined): number | undefined =>
      findDrift(SETTINGS, all, nowMs, () => since)[0]?.sinceHour;
    const began = LAST - 30;
    expect(at(NOW_MS - 30 * HOUR_MS, undefined)).toBe(began);
    expect(at(NOW_MS - 10 * HOUR_MS, began)).toBe(began);
    expect(at(NOW_MS - 7 * HOUR_MS, began)).toBe(began);
    expect(at(NOW_MS - 6 * HOUR_MS, began)).toBeUndefined();
    expect(at(NOW_MS - 5 * HOUR_MS, undefined)).toBeUndefined();
  });

  test('says how to see which', () => {
    const hours = landedHours({ [LAST - 1]: 10 });
    hours.set(LAST, countsOf(LAST, { landed: 5, extra: 5, quarantined: 5 }));
    const messages = findDrift(SETTINGS, hours, NOW_MS, () => undefined).map(({ message }) => message);
    expect(messages[0]).toContain(
      'npx headgate query "SELECT DISTINCT unnest(json_keys(_extra)) FROM orders',
    );
    expect(messages[1]).toContain('npx headgate dlq list --source orders');
  });
});
