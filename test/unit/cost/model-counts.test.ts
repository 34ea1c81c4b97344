import { describe, expect, test } from 'vitest';
import { claimUsage, ledgerUsage } from '../../../shared/domain/cost/model-work.ts';
import { streamBatches } from '../../../shared/domain/cost/model-stream.ts';
import { landingCommits } from '../../../shared/domain/cost/model-landing.ts';
import type { StreamDesign } from '../../../shared/domain/cost/design.ts';
import { workloadOf } from '../../../shared/domain/cost/workload.ts';

/** What docs/benchmarks.md, "Claims and ledger: request units and calls", says was counted. */
describe('claims are modelled as they were counted', () => {
  test('small ones of one writer are items: nine units for 500', () => {
    expect(claimUsage({ claims: 500, writers: 1 }).dynamoWriteUnit).toBe(9);
    expect(claimUsage({ claims: 500, writers: 1 }).s3Put ?? 0).toBe(0);
  });

  test('those of 5,000 records by one writer are an object and one unit, but the first of a bucket', () => {
    const { dynamoWriteUnit, s3Put } = claimUsage({ claims: 5_000, writers: 1 });
    expect(s3Put).toBeCloseTo(0.99, 2);
    expect(dynamoWriteUnit).toBeCloseTo(0.99 + 0.01 * 84, 2);
  });

  test('those of 5,000 records by eight writers are items, and everybody reads those of the others', () => {
    const { dynamoWriteUnit = 0, dynamoReadUnit = 0, s3Put } = claimUsage({ claims: 5_000, writers: 8 });
    expect(s3Put ?? 0).toBe(0);
    expect((dynamoWriteUnit * 200) / 17_890).toBeCloseTo(0.95, 1);
    expect((dynamoReadUnit * 200) / 13_198).toBeCloseTo(1.12, 1);
  });

  test('full batches of many shards are objects as well', () => {
    expect(claimUsage({ claims: 16_500, writers: 27 })).toMatchObject({
      s3Put: 1,
      s3Get: 26,
      dynamoWriteUnit: 1,
    });
  });

  test('ten requests in a batch of 5,000 records: 200 write units per million', () => {
    expect((claimUsage({ claims: 10, writers: 1 }).dynamoWriteUnit ?? 0) * 200).toBe(200);
  });

  test('a commit of a stream: 1,000 write units at batches of 5,000', () => {
    expect((ledgerUsage(true).dynamoWriteUnit ?? 0) * 200).toBe(1_000);
  });
});

describe('batches of a stream', () => {
  const design: StreamDesign = {
    kind: 'stream',
    pattern: 'stream',
    via: 'push',
    capacity: { mode: 'provisioned', shards: 1, share: 1, retentionHours: 24 },
    batchingWindowSeconds: 10,
    dedupe: 'request',
    dedupeDays: 7,
    memoryMiB: 1769,
    edgeMemoryMiB: 1769,
  };

  test('come once in a window, and the time until the next frame', () => {
    // 1.16 frames a second.
    const { everySeconds } = streamBatches(workloadOf(100), design);
    expect(everySeconds).toBeCloseTo(10 + 1 / 1.157, 1);
  });

  test('of a source that sends rarely are as many as its frames', () => {
    const { own } = streamBatches(workloadOf(0.001, { recordsPerRequest: 1 }), design);
    const frames = (0.001 * 1e9 * 730) / 24 / 1_000;
    expect(own / frames).toBeGreaterThan(0.8);
    expect(own).toBeLessThanOrEqual(frames);
  });

  test('are full where much comes: what an invocation is given is 4.5 MB', () => {
    const workload = workloadOf(300);
    const { all } = streamBatches(workload, { ...design, batchingWindowSeconds: 300 });
    expect(workload.rawBytesPerMonth / workload.frameCompression / all).toBeCloseTo(4.5e6, 0);
  });

  test('of a small source are those that its frames fall into, not all', () => {
    const busy = { ...design, capacity: { ...design.capacity, share: 0.001 } as const };
    const { own, all } = streamBatches(workloadOf(0.1), busy);
    expect(own).toBeLessThan(all / 10);
  });
});

describe('commits of the landing lane', () => {
  test('are one in each run that finds something, and more where it finds more than 256 MiB', () => {
    expect(landingCommits(workloadOf(10), 5).commits).toBeCloseTo(730 * 12, -1);
    // 5 minutes of 200 GB a day are 694 MB.
    expect(landingCommits(workloadOf(200), 5).commits).toBeCloseTo(3 * 730 * 12, -1);
  });

  test('are fewer than runs where a source sends less often than it is asked', () => {
    const rare = workloadOf(0.001, { recordsPerRequest: 100 });
    const { commits, runs } = landingCommits(rare, 1);
    expect(commits).toBeLessThan(runs / 100);
  });
});
