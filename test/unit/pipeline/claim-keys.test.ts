import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import { CLAIM_KEY_BYTES, ClaimList, packClaims, Verdict } from '../../../shared/domain/claims.ts';
import {
  claimKeys,
  createClaimCache,
  type BucketCandidates,
  type ClaimDeps,
} from '../../../shared/pipeline/claim-keys.ts';

const depsWith = (claimLog: ClaimDeps['claimLog']): ClaimDeps => ({
  claimLog,
  clock: new ManualClock({ startMs: 0, jump: true }),
  newToken: () => 'token',
  cache: createClaimCache(),
});

function listOf(claimant: string, keys: readonly string[]): ClaimList {
  const list = new ClaimList();
  keys.forEach((key, index) => {
    list.add(Buffer.from(claimant.padEnd(8)), Buffer.from(key.padEnd(CLAIM_KEY_BYTES)), 0, 1, index);
  });
  return list;
}

const bucketOf = (bucket: string, claimant: string, keys: readonly string[] = ['k']): BucketCandidates => ({
  bucket,
  windowMs: 1000,
  candidates: listOf(claimant, keys),
});

describe('claimKeys', () => {
  test('claims many buckets at once, and answers in their order', async () => {
    const log = new MemoryClaimLog();
    await claimKeys(depsWith(log), [bucketOf('b7', 'former')]);
    let running = 0;
    let mostRunning = 0;
    const deps = depsWith({
      read: async (bucket, after) => {
        mostRunning = Math.max(mostRunning, ++running);
        await new Promise(setImmediate);
        running--;
        return await log.read(bucket, after);
      },
      append: (bucket, number, item) => log.append(bucket, number, item),
    });
    const buckets = Array.from({ length: 40 }, (_, i) => bucketOf(`b${String(i)}`, 'later'));
    const verdicts = await claimKeys(deps, buckets);
    expect(verdicts.map(([verdict]) => verdict)).toEqual(
      buckets.map(({ bucket }) => (bucket === 'b7' ? Verdict.duplicate : Verdict.own)),
    );
    expect(mostRunning).toBe(16);
  });

  test('what another writer claims in the middle of it stays with that writer', async () => {
    const log = new MemoryClaimLog();
    const keys = Array.from({ length: 25_000 }, (_, i) => `k${String(i)}`);
    const others = ['k5', 'k15000', 'k24999'];
    let appends = 0;
    const deps = depsWith({
      read: (bucket, after) => log.read(bucket, after),
      append: async (bucket, number, item) => {
        // The first 10,000 keys are claimed already.
        if (++appends === 2) {
          const packed = packClaims(listOf('other', others), 0, others.length);
          await log.append(bucket, number, { packed, expiresAtMs: 1000, writer: 'other' });
        }
        return await log.append(bucket, number, item);
      },
    });
    const [verdicts] = await claimKeys(deps, [bucketOf('b', 'mine', keys)]);
    expect(appends).toBe(4);
    expect([...(verdicts?.entries() ?? [])].filter(([, verdict]) => verdict !== Verdict.own)).toEqual([
      [15_000, Verdict.duplicate],
      [24_999, Verdict.duplicate],
    ]);
    const [again] = await claimKeys(depsWith(log), [bucketOf('b', 'mine', keys)]);
    expect(again).toEqual(verdicts);
  });

  test.each([
    ['is kept while its newest item counts', 1, [0, 1]],
    ['is not kept when its newest item has expired: the log may begin anew at any time', 1000, [0, 0]],
  ])('a view %s', async (_name, nowMs, expected) => {
    const log = new MemoryClaimLog();
    // Its window is a second, from 0 on.
    await claimKeys(depsWith(log), [bucketOf('b', 'owner')]);
    const readAfter: number[] = [];
    const deps: ClaimDeps = {
      ...depsWith({
        read: (bucket, after) => {
          readAfter.push(after);
          return log.read(bucket, after);
        },
        append: (bucket, number, item) => log.append(bucket, number, item),
      }),
      clock: new ManualClock({ startMs: nowMs }),
    };
    expect(await claimKeys(deps, [bucketOf('b', 'other')])).toEqual([Uint8Array.of(Verdict.duplicate)]);
    await claimKeys(deps, [bucketOf('b', 'other')]);
    expect(readAfter).toEqual(expected);
  });
});
