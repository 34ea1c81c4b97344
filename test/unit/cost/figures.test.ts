import { describe, expect, test } from 'vitest';
import { SHOWN_DESIGNS } from '../../../docs/cost-designs.ts';
import { isAvailable } from '../../../shared/domain/cost/design.ts';
import { quoteTool } from '../../../shared/domain/cost/other-tools.ts';
import { workloadOf } from '../../../shared/domain/cost/workload.ts';

/*
 * The figures that were promised, at 100 GB a day: the cheapest design of each class of freshness that lands each record
 * once, alarms and metrics of the source included. See docs/cost.md for what they take: requests of 3,000 records with
 * the client library's keys, deduplicated by request, and a stream that keeps records for a day.
 */
const GB_PER_DAY = 100;
const MINUTE_MS = 60_000;

describe('the figures at 100 GB a day', () => {
  test.each([
    { freshness: 'below a minute', design: 'streamLean', mostUsdPerGb: 0.01, mostMinutes: 0.5, seedLow: 0.1 },
    { freshness: '1 to 15 minutes', design: 'landing2', mostUsdPerGb: 0.009, mostMinutes: 5, seedLow: 0.05 },
    {
      freshness: '15 to 60 minutes',
      design: 'landing15',
      mostUsdPerGb: 0.009,
      mostMinutes: 30,
      seedLow: 0.02,
    },
    {
      freshness: '1 to 24 hours',
      design: 'cursor6h',
      mostUsdPerGb: 0.002,
      mostMinutes: 1_440,
      seedLow: 0.01,
    },
    {
      freshness: 'more than a day',
      design: 'cursorDaily',
      mostUsdPerGb: 0.002,
      mostMinutes: 2_880,
      seedLow: 0.005,
    },
  ] as const)('$freshness: at most $mostUsdPerGb', ({ design, mostUsdPerGb, mostMinutes, seedLow }) => {
    const priced = SHOWN_DESIGNS[design].at(GB_PER_DAY);
    expect(priced.usdPerGb).toBeLessThanOrEqual(mostUsdPerGb);
    expect(priced.usdPerGb).toBeLessThan(seedLow);
    expect(priced.freshness.p99Ms).toBeLessThanOrEqual(mostMinutes * MINUTE_MS);
    expect(isAvailable(priced.design)).toBe(true);
    const firehose = quoteTool('firehosePacked', workloadOf(GB_PER_DAY));
    expect(priced.usdPerGb).toBeLessThan(firehose.usdPerGb);
  });

  test('every hour, metrics cost more than the reading: the price is at the limit', () => {
    expect(SHOWN_DESIGNS.cursorHourly.at(GB_PER_DAY).usdPerGb).toBeCloseTo(0.002, 3);
  });

  test('deduplication of each record adds less than a tenth to them', () => {
    const { streamLean, streamLeanByRecord } = SHOWN_DESIGNS;
    const added = streamLeanByRecord.at(GB_PER_DAY).usdPerGb / streamLean.at(GB_PER_DAY).usdPerGb;
    expect(added).toBeGreaterThan(1);
    expect(added).toBeLessThan(1.1);
  });

  test('what was not changed costs twice as much and is below packed Firehose all the same', () => {
    const { usdPerGb } = SHOWN_DESIGNS.streamDefault.at(GB_PER_DAY);
    expect(usdPerGb).toBeGreaterThan(1.5 * SHOWN_DESIGNS.streamLean.at(GB_PER_DAY).usdPerGb);
    expect(usdPerGb).toBeLessThan(quoteTool('firehosePacked', workloadOf(GB_PER_DAY)).usdPerGb);
  });
});

describe('rules of thumb', () => {
  test('one record in a request costs fifty times as much, whatever is behind it', () => {
    const { singleRecords, streamDefault } = SHOWN_DESIGNS;
    for (const volume of [100, 5_000]) {
      expect(singleRecords.at(volume).usdPerGb / streamDefault.at(volume).usdPerGb).toBeGreaterThan(50);
    }
  });

  test('below some 30 GB a day the landing zone is cheaper than a stream of its own', () => {
    const { streamByRequest, landingDefault } = SHOWN_DESIGNS;
    expect(landingDefault.at(10).usdPerGb).toBeLessThan(streamByRequest.at(10).usdPerGb);
  });
});
