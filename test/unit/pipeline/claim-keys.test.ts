import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import type { StoreCall, Turn } from '../../../shared/adapters/memory/turn.ts';
import { CLAIM_LIMITS, type ClaimBucket } from '../../../shared/domain/claim-bucket.ts';
import { CLAIM_KEY_BYTES, ClaimList, packClaims, Verdict } from '../../../shared/domain/claims.ts';
import type { ClaimLog } from '../../../shared/ports/claim-log.ts';
import {
  claimKeys,
  createClaimCache,
  type BucketCandidates,
  type ClaimDeps,
} from '../../../shared/pipeline/claim-keys.ts';
import { probeNothing } from '../../../shared/pipeline/probe.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WINDOW_MS = 60 * MINUTE_MS;
const DAY: ClaimBucket = { name: 'events#86400s#1970-01-01T00:00:00', level: 0 };
const ALL: ClaimBucket = { name: 'events#all', level: undefined };

const depsWith = (claimLog: ClaimLog, more: Partial<ClaimDeps> = {}): ClaimDeps => {
  let tokens = 0;
  const me = Math.random();
  return {
    claimLog,
    clock: new ManualClock({ startMs: 0, jump: true }),
    newToken: () => `${String(me)}/${String(tokens++)}`,
    cache: createClaimCache(),
    limits: CLAIM_LIMITS,
    probe: probeNothing,
    ...more,
  };
};

function listOf(claimant: string, keys: readonly string[]): ClaimList {
  const list = new ClaimList();
  keys.forEach((key, index) => {
    list.add(Buffer.from(claimant.padEnd(8)), Buffer.from(key.padEnd(CLAIM_KEY_BYTES)), 0, 1, index);
  });
  return list;
}

/** Each key's event time is the number in it, in minutes. */
const wanted = (
  claimant: string,
  keys: readonly string[] = ['k'],
  bucket: ClaimBucket = DAY,
): BucketCandidates => ({
  source: 'events',
  bucket,
  windowMs: WINDOW_MS,
  candidates: listOf(claimant, keys),
  eventTimesMs: () => keys.map((key) => Number(/\d+/.exec(key)?.[0] ?? 0) * MINUTE_MS),
});

const keysNamed = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${String(i)}`);

/** Who owns each key, told by one verdict per candidate. */
function ownersIn(
  owners: Map<string, string>,
  claimant: string,
  keys: readonly string[],
  verdicts: Uint8Array,
): void {
  keys.forEach((key, i) => {
    if (verdicts[i] !== Verdict.own) return;
    expect(owners.get(key) ?? claimant).toBe(claimant);
    owners.set(key, claimant);
  });
}

/** Lets the calls of several claimants go on in a fixed order that differs by seed. */
function interleave(seed: number): Turn {
  let state = seed;
  return {
    before: async () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      for (let turns = state % 5; turns > 0; turns--) await Promise.resolve();
    },
    after: () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Promise.resolve(state % 7 === 0 ? ('repeat' as const) : undefined);
    },
  };
}

describe('claimKeys', () => {
  test('claims many buckets at once, and answers in their order', async () => {
    const nameOf = (i: number): ClaimBucket => ({ name: `b${String(i)}`, level: 0 });
    let running = 0;
    let mostRunning = 0;
    let isWatching = false;
    const log = new MemoryClaimLog({
      turn: {
        before: async ({ operation }) => {
          if (!isWatching || operation !== 'read') return;
          mostRunning = Math.max(mostRunning, ++running);
          await new Promise(setImmediate);
          running--;
        },
      },
    });
    await claimKeys(depsWith(log), [wanted('former', ['k'], nameOf(7))]);
    isWatching = true;
    const buckets = Array.from({ length: 40 }, (_, i) => wanted('later', ['k'], nameOf(i)));
    const verdicts = await claimKeys(depsWith(log), buckets);
    expect(verdicts.map(([verdict]) => verdict)).toEqual(
      buckets.map((_, i) => (i === 7 ? Verdict.duplicate : Verdict.own)),
    );
    expect(mostRunning).toBe(16);
  });

  test('what another writer claims in the middle of it stays with that writer; the rest is not stored again', async () => {
    const keys = keysNamed(25_000);
    const others = ['k5', 'k15000', 'k24999'];
    const calls: StoreCall[] = [];
    const log: MemoryClaimLog = new MemoryClaimLog({
      turn: {
        before: async (call) => {
          calls.push(call);
          if (calls.filter(({ operation }) => operation === 'append').length !== 1) return;
          if (call.operation !== 'append') return;
          const claims = await quiet.store([packClaims(listOf('other', others), 0, others.length)]);
          await quiet.append(DAY.name, 1, {
            kind: 'claims',
            claims,
            expiresAtMs: WINDOW_MS,
            writer: 'other',
          });
        },
      },
    });
    const quiet = { store: log.store.bind(log), append: log.append.bind(log) };
    const [verdicts] = await claimKeys(depsWith(log), [wanted('mine', keys)]);
    expect(calls.map(({ operation }) => operation)).toEqual([
      'read',
      'store',
      'append',
      'append',
      'read',
      'append',
    ]);
    expect([...(verdicts?.entries() ?? [])].filter(([, verdict]) => verdict !== Verdict.own)).toEqual([
      [5, Verdict.duplicate],
      [15_000, Verdict.duplicate],
      [24_999, Verdict.duplicate],
    ]);
    expect(await claimKeys(depsWith(log), [wanted('mine', keys)])).toEqual([verdicts]);
    expect(await claimKeys(depsWith(log), [wanted('other', others)])).toEqual([
      Uint8Array.of(Verdict.own, Verdict.own, Verdict.own),
    ]);
  });

  test('who is alone in a bucket only appends; at first, and with others there, large claims are stored apart', async () => {
    const operations: string[] = [];
    const log = new MemoryClaimLog({
      turn: { before: (call) => Promise.resolve(void operations.push(call.operation)) },
    });
    const [mine, other] = [depsWith(log), depsWith(log)];
    const calls = async (deps: ClaimDeps, claimant: string, keys: readonly string[]): Promise<string[]> => {
      await claimKeys(deps, [wanted(claimant, keys)]);
      return operations.splice(0);
    };
    const some = (first: string): string[] => keysNamed(5_000).map((key) => first + key);
    expect(await calls(mine, 'a', some('a'))).toEqual(['read', 'store', 'append']);
    expect(await calls(mine, 'b', some('b'))).toEqual(['append']);
    expect(await calls(mine, 'c', ['ak17'])).toEqual([]);
    expect(await calls(other, 'd', some('d'))).toEqual(['read', 'store', 'append']);
    // It finds out by being refused, and looks from then on.
    expect(await calls(mine, 'e', some('e'))).toEqual(['append', 'read', 'store', 'append']);
    expect(await calls(other, 'f', ['f'])).toEqual(['read', 'append']);
    expect(await calls(mine, 'g', ['ak18', 'g'])).toEqual(['read', 'append']);
    expect(await calls(mine, 'h', ['h'])).toEqual(['read', 'append']);
    expect(await calls(mine, 'i', ['i'])).toEqual(['append']);
  });
});

describe('a bucket that gets too large', () => {
  const limits = { perSlice: 10, withoutTime: 10, perEntry: 0 };

  test('is closed; what it holds counts on, and the rest is claimed in finer slices of event time', async () => {
    const log = new MemoryClaimLog();
    const deps = depsWith(log, { limits });
    const early = keysNamed(12);
    await claimKeys(deps, [wanted('early', early)]);
    // Minutes 0 to 179 of the day: three hours.
    const late = keysNamed(180);
    const [verdicts] = await claimKeys(deps, [wanted('late', late)]);
    expect([...(verdicts ?? [])]).toEqual(late.map((_, i) => (i < 12 ? Verdict.duplicate : Verdict.own)));
    expect(log.buckets()).toEqual([
      DAY.name,
      'events#3600s#1970-01-01T00:00:00',
      'events#3600s#1970-01-01T01:00:00',
      'events#3600s#1970-01-01T02:00:00',
    ]);
    // The hours hold more than 10 claims each: they go on in slices of five minutes, and so on.
    for (const claimant of ['late', 'another'])
      for (const cache of [deps.cache, createClaimCache()]) {
        const [again] = await claimKeys({ ...deps, cache }, [wanted(claimant, late)]);
        expect(new Set(again?.subarray(12))).toEqual(
          new Set([claimant === 'late' ? Verdict.own : Verdict.duplicate]),
        );
      }
    await claimKeys(deps, [
      wanted(
        'new',
        keysNamed(60).map((key) => `${key}b`),
      ),
    ]);
    expect(log.buckets()).toContain('events#300s#1970-01-01T00:55:00');
    expect(log.buckets()).not.toContain('events#300s#1970-01-01T01:00:00');
  });

  test('does not multiply what is read at once, however many buckets are closed', async () => {
    let running = 0;
    let most = 0;
    const claimLog = new MemoryClaimLog({
      turn: {
        before: async () => {
          most = Math.max(most, ++running);
          await Promise.resolve();
        },
        after: () => {
          running--;
          return Promise.resolve(undefined);
        },
      },
    });
    // The whole day, a key in each five minutes, three times: the last claimant finds the day and its hours closed.
    const keys = Array.from({ length: 288 }, (_, i) => `k${String(i * 5)}`);
    for (const claimant of ['a', 'b', 'c']) {
      const own = keys.map((key) => `${key}${claimant}`);
      await claimKeys(depsWith(claimLog, { limits: { perSlice: 1, withoutTime: 1, perEntry: 0 } }), [
        wanted(claimant, own),
      ]);
    }
    expect(claimLog.buckets().length).toBeGreaterThan(288);
    expect(most).toBeLessThanOrEqual(16);
  });

  test('is closed sooner when its claims came a few at a time: every entry takes time to read', async () => {
    const log = new MemoryClaimLog();
    const deps = depsWith(log, { limits: { ...limits, perSlice: 40, perEntry: 9 } });
    for (const key of keysNamed(6)) await claimKeys(deps, [wanted(key, [key])]);
    expect(log.peek(DAY.name).map(({ kind }) => kind)).toEqual([
      'claims',
      'claims',
      'claims',
      'claims',
      'closed',
    ]);
    expect(log.buckets()).toHaveLength(2);
  });

  test('goes on key by key where keys have no time, and where slices can be no finer', async () => {
    for (const bucket of [ALL, { name: 'events#20s#1970-01-01T00:00:00', level: 3 }]) {
      const log = new MemoryClaimLog();
      const deps = depsWith(log, { limits });
      await claimKeys(deps, [wanted('early', keysNamed(11), bucket)]);
      const keys = [...keysNamed(30), 'k29'];
      const [verdicts] = await claimKeys(deps, [wanted('late', keys, bucket)]);
      const expected = keys.map((_, i) => (i < 11 || i === 30 ? Verdict.duplicate : Verdict.own));
      expect([...(verdicts ?? [])]).toEqual(expected);
      expect(log.buckets()).toEqual([bucket.name]);
      expect(log.keyClaims()).toHaveLength(19);
      expect(await claimKeys(depsWith(log, { limits }), [wanted('late', keys, bucket)])).toEqual([verdicts]);
      const [others] = await claimKeys(deps, [wanted('other', keys, bucket)]);
      expect(new Set(others)).toEqual(new Set([Verdict.duplicate]));
    }
  });

  test.each([DAY, ALL])('gives every key to one claimant, whoever meets whom: $name', async (bucket) => {
    for (let seed = 1; seed <= 60; seed++) {
      const log = new MemoryClaimLog({ turn: interleave(seed), maxInlineBytes: 100 });
      const owners = new Map<string, string>();
      const shared = createClaimCache();
      const claimants = Array.from({ length: 6 }, (_, c) => `c${String(c)}`);
      await Promise.all(
        claimants.map(async (claimant, c) => {
          for (let batch = 0; batch < 4; batch++) {
            const keys = keysNamed(40).filter((_, i) => (i * 7 + c * 3 + batch * 5) % 4 === 0);
            const deps = depsWith(log, { limits, ...(c % 2 === 0 && { cache: shared }) });
            const me = `${claimant}.${String(batch)}`;
            for (let delivery = 0; delivery < 2; delivery++) {
              const [verdicts] = await claimKeys(deps, [wanted(me, keys, bucket)]);
              ownersIn(owners, me, keys, verdicts ?? new Uint8Array());
            }
          }
        }),
      );
      expect(owners.size).toBe(40);
    }
  });
});

describe('a view', () => {
  test.each([
    ['is kept while its newest entry counts', WINDOW_MS / 2, [0, 1]],
    ['is not kept when its newest entry may expire: the log may begin anew at any time', WINDOW_MS, [0, 0]],
  ])('%s', async (_name, nowMs, expected) => {
    const readAfter: number[] = [];
    const log = new MemoryClaimLog();
    await claimKeys(depsWith(log), [wanted('owner')]);
    const read = log.read.bind(log);
    log.read = (bucket, after) => {
      readAfter.push(after);
      return read(bucket, after);
    };
    const deps = depsWith(log, { clock: new ManualClock({ startMs: nowMs }) });
    expect(await claimKeys(deps, [wanted('other')])).toEqual([Uint8Array.of(Verdict.duplicate)]);
    await claimKeys(deps, [wanted('other')]);
    expect(readAfter).toEqual(expected);
  });

  test('of a log that began anew while it was read counts for nothing', async () => {
    const clock = new ManualClock({ startMs: 0 });
    let isNew = false;
    const log: MemoryClaimLog = new MemoryClaimLog({
      clock,
      turn: {
        before: async ({ operation }) => {
          if (operation !== 'append' || !isNew) return;
          isNew = false;
          // Between the reading and the appending everything expires, and another writer is first.
          clock.advance(2 * DAY_MS);
          await claimKeys(depsWith(log, { clock }), [wanted('first', ['contested'])]);
        },
      },
    });
    await claimKeys(depsWith(log, { clock }), [wanted('owner', ['old'])]);
    clock.advance(WINDOW_MS - 1);
    isNew = true;
    const [verdicts] = await claimKeys(depsWith(log, { clock }), [wanted('second', ['contested', 'mine'])]);
    expect([...(verdicts ?? [])]).toEqual([Verdict.duplicate, Verdict.own]);
  });
});
