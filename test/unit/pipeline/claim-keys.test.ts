import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import { CLAIM_KEY_BYTES } from '../../../shared/domain/claims.ts';
import { claimKeys, createClaimCache, type ClaimDeps } from '../../../shared/pipeline/claim-keys.ts';

const depsWith = (claimLog: ClaimDeps['claimLog']): ClaimDeps => ({
  claimLog,
  clock: new ManualClock({ startMs: 0, jump: true }),
  newToken: () => 'token',
  cache: createClaimCache(),
});

const bucketOf = (name: string, claimant: string) => ({
  bucket: name,
  windowMs: 1000,
  candidates: [{ key: 'k'.padEnd(CLAIM_KEY_BYTES), digest: 1, claimant: claimant.padEnd(8), index: 0 }],
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
    expect(verdicts).toEqual(buckets.map(({ bucket }) => [bucket === 'b7' ? 'duplicate' : 'own']));
    expect(mostRunning).toBe(16);
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
    expect(await claimKeys(deps, [bucketOf('b', 'other')])).toEqual([['duplicate']]);
    await claimKeys(deps, [bucketOf('b', 'other')]);
    expect(readAfter).toEqual(expected);
  });
});
