import { expect, test } from 'vitest';
import type { LaneActivity } from '../../../shared/domain/cost/lane-activity.ts';
import { measureSource } from '../../../shared/domain/cost/measured-source.ts';

const DAY_MS = 86_400_000;
const week = { fromMs: 0, toMs: 7 * DAY_MS };

const activity = (lane: string, more: Partial<LaneActivity>): LaneActivity => ({
  source: 'orders',
  lane,
  counters: {},
  usage: {},
  estimatedUsd: 0,
  cpuMs: 0,
  latency: undefined,
  firstMs: 0,
  ...more,
});

test('what arrived, in what pieces, and what became of it', () => {
  const found = measureSource(
    'orders',
    [
      activity('push', {
        usage: { cloudWatchLogGb: 0.5 },
        firstMs: 5 * DAY_MS,
        counters: { RecordsReceived: 4e6, BytesReceived: 4e9, Requests: 8_000, BytesFramed: 1e9 },
      }),
      activity('stream', {
        usage: { cloudWatchLogGb: 0.3 },
        firstMs: 5 * DAY_MS + 1,
        counters: {
          RecordsLanded: 2_970_000,
          RecordsDuplicate: 30_000,
          BytesLanded: 8e8,
          PartitionsWritten: 400,
        },
        latency: { p50Ms: 5_000, p99Ms: 9_000 },
      }),
      activity('land', { firstMs: 6 * DAY_MS, latency: { p50Ms: 1_000, p99Ms: 60_000 } }),
      activity('push', { source: 'other', counters: { BytesReceived: 1e15 } }),
    ],
    week,
  );
  expect(found).toEqual({
    source: 'orders',
    days: 2,
    records: 4e6,
    gbPerDay: 2,
    recordBytes: 1_000,
    recordsPerRequest: 500,
    frameCompression: 4,
    parquetCompression: 5,
    filesPerDay: 200,
    bytesPerFile: 2e6,
    duplicates: 0.01,
    logGbPerDay: 0.4,
    latency: { p50Ms: 5_000, p99Ms: 60_000 },
  });
});

test('a source that is younger than the period is measured since its first record', () => {
  const lanes = [activity('push', { firstMs: 5 * DAY_MS, counters: { BytesReceived: 4e9 } })];
  expect(measureSource('orders', lanes, week)).toMatchObject({ days: 2, gbPerDay: 2 });
});

test('what only metrics still know is measured over the whole period, as far as it is known', () => {
  const lanes = [
    activity('push', {
      firstMs: undefined,
      usage: undefined,
      counters: { BytesReceived: 7e9, RecordsReceived: 7e6 },
    }),
  ];
  expect(measureSource('orders', lanes, week)).toMatchObject({
    days: 7,
    gbPerDay: 1,
    recordBytes: 1_000,
    recordsPerRequest: undefined,
    frameCompression: undefined,
    bytesPerFile: undefined,
    latency: undefined,
  });
});

test('a source of which nothing arrived is not measured', () => {
  expect(measureSource('orders', [activity('push', { counters: { Requests: 5 } })], week)).toBeUndefined();
});
