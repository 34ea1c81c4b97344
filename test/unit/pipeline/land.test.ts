import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { readFrame, RecordFlag, writeFrame, type Frame } from '../../../shared/domain/frame.ts';
import { fingerprint, payloadDigest } from '../../../shared/domain/idempotency-key.ts';
import { createClaimCache } from '../../../shared/pipeline/claim-keys.ts';
import { createLaneCache, runLane, type LandDeps, type RunOptions } from '../../../shared/pipeline/land.ts';
import type { LaneEntry, LaneReader } from '../../../shared/pipeline/lane.ts';
import type { CrashPoint } from '../../../shared/pipeline/probe.ts';
import { declareEvents } from '../../support/declare-events.ts';
import { lineTableWriter, readLines } from '../../support/line-table-writer.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const OPTIONS: RunOptions = { owner: 'invocation', deadlineMs: START_MS + 60_000 };

interface Item {
  readonly k: string;
  readonly payload?: string;
  readonly day?: number;
  readonly flag?: RecordFlag;
}

function toFrame(items: readonly Item[], frameId = 'f'): Frame {
  const records = items.map(({ k, payload = 'same', day = 0, flag = RecordFlag.valid }) => {
    const bytes = Buffer.from(JSON.stringify({ k, payload }));
    return {
      bytes,
      flag,
      fingerprint: fingerprint('events', [k]),
      digest: payloadDigest(bytes),
      eventTimeMs: START_MS + day * DAY_MS,
    };
  });
  const header = { source: 'events', frameId, contractVersion: 'c1', receivedAtMs: START_MS };
  return readFrame(writeFrame(header, records));
}

/** A lane whose entry n stands at position n. */
function laneOf(entries: readonly LaneEntry[]): LaneReader {
  return {
    lane: 'test',
    read: ({ position }, maxBytes) => {
      const from = Number(position ?? '0');
      const batch: LaneEntry[] = [];
      let bytes = 0;
      for (const entry of entries.slice(from)) {
        bytes += entry.kind === 'frame' ? entry.frame.payload.length : 0;
        if (batch.length > 0 && bytes > maxBytes) break;
        batch.push(entry);
      }
      if (batch.length === 0) return Promise.resolve(undefined);
      const to = from + batch.length;
      return Promise.resolve({
        from: String(from + 1),
        to: String(to),
        stem: `test-${String(from + 1)}-${String(to)}`,
        entries: batch,
      });
    },
  };
}

function setUp(source = declareEvents()) {
  const clock = new ManualClock({ startMs: START_MS, jump: true });
  const lake = new MemoryLake();
  const ledger = new MemoryLedgerStore();
  const telemetry = new MemoryTelemetry();
  let tokens = 0;
  const deps: LandDeps = {
    ledger,
    claimLog: new MemoryClaimLog(),
    claimCache: createClaimCache(),
    laneCache: createLaneCache(),
    lake,
    tables: lineTableWriter(),
    clock,
    telemetry,
    sources: new Map([[source.name, source]]),
    configVersion: 'v1',
    newToken: () => String(tokens++),
  };
  const entryOf = (
    items: readonly Item[],
    origin: string,
  ): Extract<LaneEntry, { readonly kind: 'frame' }> => ({
    kind: 'frame',
    origin,
    firstIndex: 0,
    source,
    frame: toFrame(items, origin),
  });
  const rows = (prefix: string) =>
    lake
      .list(prefix)
      .filter(({ kind }) => kind === 'data')
      .flatMap(({ key, bytes }) => readLines(bytes).map((line) => ({ key, ...line })));
  return { clock, lake, ledger, telemetry, deps, entryOf, rows };
}

describe('runLane', () => {
  test('writes one file per partition, named after its range and announcement', async () => {
    const { deps, entryOf, lake } = setUp();
    const lane = laneOf([entryOf([{ k: 'a' }, { k: 'b', day: 1 }], 'o1'), entryOf([{ k: 'c' }], 'o2')]);
    expect(await runLane(deps, lane, OPTIONS)).toMatchObject({ finished: true, commits: 1 });
    expect(lake.list().map(({ key, rows }) => [key, rows])).toEqual([
      ['raw/events/dt=2026-01-01/test-1-2-v1.parquet', 2],
      ['raw/events/dt=2026-01-02/test-1-2-v1.parquet', 1],
    ]);
  });

  test('lands a key once, counts duplicates and keeps conflicting payloads in quarantine', async () => {
    const { deps, entryOf, rows, telemetry } = setUp();
    const lane = laneOf([
      entryOf([{ k: 'a' }, { k: 'a' }], 'o1'),
      entryOf([{ k: 'a' }, { k: 'a', payload: 'other' }, { k: 'b' }], 'o2'),
    ]);
    await runLane(deps, lane, OPTIONS);
    expect(rows('raw/').map(({ id }) => id)).toEqual(['o1/0', 'o2/2']);
    expect(rows('quarantine/')).toMatchObject([{ id: 'o2/1', reason: 'KEY_CONFLICT' }]);
    expect(telemetry.total('RecordsLanded', 'events')).toBe(2);
    expect(telemetry.total('RecordsDuplicate', 'events')).toBe(2);
    expect(telemetry.total('RecordsQuarantined', 'events')).toBe(1);
  });

  test('a violation goes to quarantine and does not suppress its corrected resend', async () => {
    const { deps, entryOf, rows } = setUp();
    const lane = laneOf([
      entryOf([{ k: 'a', flag: RecordFlag.violation }], 'o1'),
      entryOf([{ k: 'a' }], 'o2'),
    ]);
    await runLane(deps, lane, OPTIONS);
    expect(rows('quarantine/')).toMatchObject([
      {
        id: 'o1/0',
        reason: 'CONTRACT',
        key: 'quarantine/events/reason=CONTRACT/dt=2026-01-01/test-1-2-v1.parquet',
      },
    ]);
    expect(rows('raw/').map(({ id }) => id)).toEqual(['o2/0']);
  });

  test('a record that cannot be written goes to quarantine and the others land', async () => {
    const { deps, entryOf, rows } = setUp();
    await runLane(deps, laneOf([entryOf([{ k: 'a' }, { k: 'b', payload: 'unwritable' }], 'o1')]), OPTIONS);
    expect(rows('raw/').map(({ id }) => id)).toEqual(['o1/0']);
    expect(rows('quarantine/')).toMatchObject([{ id: 'o1/1', reason: 'UNWRITABLE' }]);
  });

  test('claims whole requests when the source says so', async () => {
    const { deps, entryOf, rows } = setUp(declareEvents('request'));
    const first = entryOf([{ k: 'a' }, { k: 'a', day: 1 }], 'request 1');
    const again = { ...entryOf([{ k: 'a' }, { k: 'a', day: 1 }], 'request 1'), origin: 'o2' };
    await runLane(deps, laneOf([first, again, entryOf([{ k: 'a' }], 'request 2')]), OPTIONS);
    expect(
      rows('raw/')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['request 1/0', 'request 1/1', 'request 2/0']);
  });

  test('a repeated request is a duplicate with everything in it, violations too', async () => {
    const { deps, entryOf, rows, telemetry } = setUp(declareEvents('request'));
    const items = [{ k: 'a' }, { k: 'b', flag: RecordFlag.violation }];
    const onlyViolations = [{ k: 'c', flag: RecordFlag.violation }];
    const lane = laneOf([
      entryOf(items, 'request 1'),
      { ...entryOf(items, 'request 1'), origin: 'o2' },
      entryOf(onlyViolations, 'request 2'),
      { ...entryOf(onlyViolations, 'request 2'), origin: 'o4' },
    ]);
    await runLane(deps, lane, OPTIONS);
    expect(rows('raw/').map(({ id }) => id)).toEqual(['request 1/0']);
    expect(rows('quarantine/').map(({ id }) => id)).toEqual(['request 1/1', 'request 2/0']);
    expect(telemetry.total('RecordsDuplicate', 'events')).toBe(3);
    expect(telemetry.total('RecordsQuarantined', 'events')).toBe(2);
  });

  test('claims nothing when the source says so', async () => {
    const { deps, entryOf, rows } = setUp(declareEvents('none'));
    await runLane(deps, laneOf([entryOf([{ k: 'a' }], 'o1'), entryOf([{ k: 'a' }], 'o2')]), OPTIONS);
    expect(rows('raw/').map(({ id }) => id)).toEqual(['o1/0', 'o2/0']);
  });

  test('cuts a batch of more than a thousand partitions, and commits a single frame that has more', async () => {
    const { deps, entryOf, ledger, rows } = setUp();
    const spread = (name: string, firstDay: number, days: number): Item[] =>
      Array.from({ length: days }, (_, i) => ({ k: `${name}${String(i)}`, day: firstDay + i }));
    const lane = laneOf([
      entryOf(spread('a', 0, 700), 'o1'),
      entryOf(spread('b', 700, 700), 'o2'),
      entryOf(spread('c', 0, 1100), 'o3'),
    ]);
    expect(await runLane(deps, lane, OPTIONS)).toMatchObject({ finished: true, commits: 3 });
    expect(ledger.ranges('test').map(({ from, to }) => `${from}-${to}`)).toEqual(['1-1', '2-2', '3-3']);
    expect(rows('raw/')).toHaveLength(2500);
  });

  test('what stands at one position and needs too many files lands in part; the rest is in quarantine', async () => {
    const { deps, entryOf, rows } = setUp();
    const items = Array.from({ length: 10_003 }, (_, i) => ({ k: String(i), day: i - 5_000 }));
    const lane = laneOf([entryOf(items, 'o')]);
    expect(await runLane(deps, lane, OPTIONS)).toMatchObject({ finished: true, commits: 1 });
    expect(rows('raw/')).toHaveLength(10_000);
    expect(rows('quarantine/').map(({ id, reason }) => [id, reason])).toEqual(
      ['o/10000', 'o/10001', 'o/10002'].map((id) => [id, 'SCATTERED']),
    );
  });

  test('stops before its deadline and says that it has not finished', async () => {
    const { deps, entryOf, clock, ledger } = setUp();
    const lane = laneOf([entryOf([{ k: 'a' }], 'o1')]);
    clock.advance(56_000);
    expect(await runLane(deps, lane, OPTIONS)).toMatchObject({ finished: false, commits: 0 });
    expect(ledger.peek('test').version).toBe(0);
  });

  test('a sink that denies access stops the lane with the position unchanged, and the lane recovers', async () => {
    const { deps, entryOf, lake, ledger, rows } = setUp();
    const denied: LandDeps = {
      ...deps,
      lake: {
        putIfAbsent: () => Promise.reject(new BlockedError('ACCESS_DENIED', 'denied')),
        overwrite: (key, object) => lake.overwrite(key, object),
        kindOf: (key) => lake.kindOf(key),
      },
    };
    const lane = laneOf([entryOf([{ k: 'a' }], 'o1')]);
    await expect(runLane(denied, lane, OPTIONS)).rejects.toMatchObject({ disposition: 'block' });
    expect(ledger.peek('test').position).toBeUndefined();
    await runLane(deps, lane, { ...OPTIONS, owner: 'next invocation' });
    expect(rows('raw/').map(({ id }) => id)).toEqual(['o1/0']);
  });

  test('waits for the lease of a live owner, and not after its own crash', async () => {
    const { deps, entryOf, clock } = setUp();
    const crashing: LandDeps = {
      ...deps,
      probe: (point) => {
        if (point === 'B.3') throw new Error('crash');
      },
    };
    const lane = laneOf([entryOf([{ k: 'a' }], 'o1')]);
    await expect(runLane(crashing, lane, OPTIONS)).rejects.toThrow('crash');
    await expect(runLane(crashing, lane, OPTIONS)).rejects.toThrow('crash');
    expect(clock.nowMs()).toBe(START_MS);
    await runLane(deps, lane, { ...OPTIONS, owner: 'another' });
    expect(clock.nowMs()).toBeGreaterThanOrEqual(START_MS + 10_000);
  });

  const POINTS: readonly CrashPoint[] = ['A.1', 'A.2', 'A.3', 'B.1', 'B.2', 'B.3', 'B.4', 'B.5', 'B.6'];
  test.each(POINTS)('after a crash at %s the next run lands everything once', async (point) => {
    const { deps, entryOf, rows } = setUp();
    const entries = [
      entryOf([{ k: 'a' }, { k: 'b', day: 1 }], 'o1'),
      entryOf([{ k: 'a' }, { k: 'c' }], 'o2'),
    ];
    let reached = false;
    const crashing: LandDeps = {
      ...deps,
      probe: (at) => {
        if (at !== point) return;
        reached = true;
        throw new Error('crash');
      },
    };
    await expect(runLane(crashing, laneOf(entries), OPTIONS)).rejects.toThrow('crash');
    expect(reached).toBe(true);
    await runLane(deps, laneOf(entries), { ...OPTIONS, owner: 'next invocation' });
    expect(
      rows('raw/')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['o1/0', 'o1/1', 'o2/1']);
  });

  test.each(['R.1', 'R.2', 'R.3'] as const)(
    'after a crash at %s of a resolver the next run lands everything once',
    async (point) => {
      const { deps, entryOf, lake, rows } = setUp();
      const lane = laneOf([entryOf([{ k: 'a' }, { k: 'b', day: 1 }, { k: 'c', day: 2 }], 'o1')]);
      // The owner dies after its first file, so that a resolver finds data as well as free keys.
      let puts = 0;
      const dying: LandDeps = {
        ...deps,
        lake: {
          putIfAbsent: (key, object) =>
            puts++ === 0 ? lake.putIfAbsent(key, object) : Promise.reject(new Error('crash')),
          overwrite: (key, object) => lake.overwrite(key, object),
          kindOf: (key) => lake.kindOf(key),
        },
      };
      await expect(runLane(dying, lane, OPTIONS)).rejects.toThrow('crash');
      const crashing: LandDeps = {
        ...deps,
        probe: (at) => {
          if (at === point) throw new Error('crash');
        },
      };
      await expect(runLane(crashing, lane, { ...OPTIONS, owner: 'resolver' })).rejects.toThrow('crash');
      await runLane(deps, lane, { ...OPTIONS, owner: 'another resolver' });
      expect(
        rows('raw/')
          .map(({ id }) => id)
          .sort(),
      ).toEqual(['o1/0', 'o1/1', 'o1/2']);
    },
  );
});
