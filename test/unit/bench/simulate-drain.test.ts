import { describe, expect, test } from 'vitest';
import { simulateDrain, type DrainOptions } from '../../../bench/simulate-drain.ts';

/** A full shard after an hour, with a consumer that takes a second for a batch of 4 MB. */
const shard: DrainOptions = {
  arrivalMBps: 1,
  outageSeconds: 3600,
  firstAttemptSeconds: 0,
  readMBps: Infinity,
  maxBatchMB: 4,
  secondsOf: () => 1,
};

describe('a backlog', () => {
  test('of an hour is landed in 20 minutes at four times the arrival rate', () => {
    const drain = simulateDrain(shard);
    expect(drain?.landedMBps).toBeCloseTo(4, 2);
    // 3,600 MB shrink by 4 - 1 MB each second.
    expect(drain?.seconds).toBeCloseTo(1200, -1);
  });

  test('of a full shard is landed at twice the arrival rate where the stream gives 2 MB/s', () => {
    const drain = simulateDrain({ ...shard, readMBps: 2 });
    expect(drain?.landedMBps).toBeCloseTo(2, 2);
    expect(drain?.seconds).toBeCloseTo(3600, -1);
  });

  test('grows until the first attempt succeeds', () => {
    const late = simulateDrain({ ...shard, firstAttemptSeconds: 300 });
    expect(late?.seconds).toBeCloseTo(300 + 1300, -1);
    expect(late?.landedMBps).toBeCloseTo(4, 2);
  });

  test('that grows faster than it is landed is never landed', () => {
    expect(simulateDrain({ ...shard, arrivalMBps: 5 })).toBeUndefined();
  });
});
