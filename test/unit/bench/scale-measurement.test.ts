import { expect, test } from 'vitest';
import { scaleMeasurement } from '../../../bench/cost/scale-measurement.ts';
import type { LaneActivity } from '../../../shared/domain/cost/lane-activity.ts';
import { workloadOf } from '../../../shared/domain/cost/workload.ts';

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

/** A vCPU as fast as the core, nothing to wait for, 1,000 GB a month. */
const workload = {
  ...workloadOf(1),
  rawBytesPerMonth: 1e12,
};
const eager = {
  ...workload,
  speed: { ...workload.speed, vcpu: 1, streamPutMs: 0, s3PutMs: 0, dynamoMs: 0, commitWaitMs: 0 },
};

test('what a GB used is used by each of them, and what is billed by time is the model’s', () => {
  const full = [
    activity('push', {
      counters: { BytesReceived: 2e9 },
      usage: { apiRequest: 10, lambdaRequest: 10, lambdaArmGbSecond: 1e9 },
      cpuMs: 4_000,
    }),
    activity('stream', { usage: { s3Put: 4 }, cpuMs: 2_000 }),
  ];
  const modelled = { kinesisShardHour: 730, apiRequest: 1, cloudWatchMetric: 7 };
  const month = scaleMeasurement({ full, empty: [], machineSpeed: 0.5 }, eager, modelled, 0);
  expect(month).toEqual({
    apiRequest: 5_000,
    lambdaRequest: 5_000,
    s3Put: 2_000,
    // 6 s of CPU time on a core that is half as fast, in functions of 1,769 MiB: not what the emulator took.
    lambdaArmGbSecond: 500 * 3 * (1769 / 1024),
    kinesisShardHour: 730,
    cloudWatchMetric: 7,
  });
});

test('what an empty run uses counts by the number of runs, and only what comes on top of it by the GB', () => {
  const empty = [activity('extract', { usage: { dynamoReadUnit: 3, schedulerInvocation: 1 } })];
  const full = [
    activity('extract', {
      counters: { BytesReceived: 1e9 },
      usage: { dynamoReadUnit: 3, schedulerInvocation: 1, s3Put: 2 },
    }),
  ];
  const month = scaleMeasurement({ full, empty, machineSpeed: 1 }, eager, {}, 30);
  expect(month).toMatchObject({ dynamoReadUnit: 90, schedulerInvocation: 30, s3Put: 2_000 });
});

test('a measurement in which nothing came is refused', () => {
  const nothing = { full: [activity('push', { usage: { apiRequest: 1 } })], empty: [], machineSpeed: 1 };
  expect(() => scaleMeasurement(nothing, eager, {}, 0)).toThrow('nothing was metered');
});
