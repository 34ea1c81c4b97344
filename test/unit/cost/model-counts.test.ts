import { describe, expect, test } from 'vitest';
import { claimUsage, ledgerUsage } from '../../../shared/domain/cost/model-work.ts';
import { streamBatches } from '../../../shared/domain/cost/model-stream.ts';
import { landingCommits } from '../../../shared/domain/cost/model-landing.ts';
import type { StreamDesign } from '../../../shared/domain/cost/design.ts';
import { workloadOf } from '../../../shared/domain/cost/workload.ts';

/** What docs/benchmarks.md, "Claims and ledger: request units and calls", says was counted, for a million records. */
describe('claims are modelled as they were counted', () => {
  test.each([
    { claims: 500, perMillion: 18_000 },
    { claims: 5_000, perMillion: 16_800 },
    { claims: 50_000, perMillion: 16_720 },
  ])('batches of $claims by one writer: $perMillion write units', ({ claims, perMillion }) => {
    const { dynamoWriteUnit = 0 } = claimUsage({ claims, writers: 1 });
    expect((dynamoWriteUnit * 1e6) / claims).toBe(perMillion);
  });

  test('eight writers, each 6 % of the time at work: 17,890 write and 13,198 read units', () => {
    const { dynamoWriteUnit = 0, dynamoReadUnit = 0 } = claimUsage({ claims: 5_000, writers: 8 });
    expect((dynamoWriteUnit * 200) / 17_890).toBeCloseTo(0.95, 1);
    expect((dynamoReadUnit * 200) / 13_198).toBeCloseTo(1.12, 1);
  });

  test('ten requests in a batch of 5,000 records: 200 write units', () => {
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
