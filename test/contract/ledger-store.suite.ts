import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Commit, Intent, LedgerStore } from '../../shared/ports/ledger-store.ts';
import type { Subject } from './subject.ts';

const WRITERS = 20;

/** What the engine relies on, whatever the ledger is made of. */
export function ledgerStoreContract(subject: Subject<LedgerStore>): void {
  describe('ledger store', () => {
    test('an unknown lane has version 0, no position, no commits and no intent', async () => {
      const store = await subject.open();
      expect(await store.read(newLane())).toEqual({
        position: undefined,
        commits: 0,
        version: 0,
        intent: undefined,
      });
    });

    test('an announced intent is read back exactly, and the position stays', async () => {
      const store = await subject.open();
      const lane = newLane();
      const intent = intentOf({ owner: 'é "quoted" \u{1F98B}' });
      expect(await store.announce(lane, 0, intent, newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: undefined, commits: 0, version: 1, intent });
    });

    test('an intent with thousands of objects is read back exactly', async () => {
      const store = await subject.open();
      const lane = newLane();
      const objects = Array.from({ length: 5_000 }, (_, i) => ({
        key: `raw/orders/dt=2024-01-01/hour=${String(i % 24)}/shard-0-4960${String(i * 7919)}-v1.parquet`,
        source: 'orders',
        zone: 'raw' as const,
      }));
      const intent = intentOf({ objects });
      expect(await store.announce(lane, 0, intent, newWriter())).toBe('ok');
      expect((await store.read(lane)).intent).toEqual(intent);
    });

    test('a commit moves the position, counts and removes the intent', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.announce(lane, 0, intentOf({}), newWriter());
      expect(await store.commit(lane, 1, commitOf('1', '20'), newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '20', commits: 1, version: 2, intent: undefined });
      expect(await store.commit(lane, 2, commitOf('21', '30'), newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '30', commits: 2, version: 3, intent: undefined });
    });

    test('an empty range is committed without an intent, also on a new lane', async () => {
      const store = await subject.open();
      const lane = newLane();
      expect(await store.commit(lane, 0, { ...commitOf('1', '9'), keys: 0 }, newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '9', commits: 1, version: 1, intent: undefined });
    });

    test('positions that are no numbers are kept as they are', async () => {
      const store = await subject.open();
      const lane = newLane();
      const cursor = '["2024-01-01T00:00:00.123456Z","ä/7"]';
      expect(await store.commit(lane, 0, commitOf('', cursor), newWriter())).toBe('ok');
      expect((await store.read(lane)).position).toBe(cursor);
      expect(await store.rangesOverlapping(lane, cursor, cursor)).toEqual([]);
    });

    test('an abort removes the intent and leaves position and commits', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.commit(lane, 0, commitOf('1', '5'), newWriter());
      await store.announce(lane, 1, intentOf({}), newWriter());
      expect(await store.abort(lane, 2, newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '5', commits: 1, version: 3, intent: undefined });
    });

    test('a new intent replaces an older one completely, long or short', async () => {
      const store = await subject.open();
      const lane = newLane();
      const objects = Array.from({ length: 500 }, (_, i) => ({
        key: `raw/orders/dt=2024-01-01/${String(i)}-v1.parquet`,
        source: 'orders',
        zone: 'raw' as const,
      }));
      await store.announce(lane, 0, intentOf({ objects }), newWriter());
      const short = intentOf({ owner: 'second' });
      await store.announce(lane, 1, short, newWriter());
      expect((await store.read(lane)).intent).toEqual(short);
    });

    test('every write with another version than the current one conflicts and changes nothing', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.announce(lane, 0, intentOf({}), newWriter());
      const before = await store.read(lane);
      for (const version of [0, 2, 7]) {
        expect(await store.announce(lane, version, intentOf({ owner: 'other' }), newWriter())).toBe(
          'conflict',
        );
        expect(await store.commit(lane, version, commitOf('1', '99'), newWriter())).toBe('conflict');
        expect(await store.abort(lane, version, newWriter())).toBe('conflict');
      }
      expect(await store.read(lane)).toEqual(before);
      expect(await store.rangesOverlapping(lane, '50', '50')).toEqual([]);
    });

    test('of many simultaneous announcements exactly one wins, and its intent stands', async () => {
      const store = await subject.open();
      const lane = newLane();
      const results = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          store.announce(lane, 0, intentOf({ owner: `writer ${String(i)}` }), newWriter()),
        ),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      const state = await store.read(lane);
      expect(state.version).toBe(1);
      expect(state.intent?.owner).toBe(`writer ${String(results.indexOf('ok'))}`);
    });

    test('of many simultaneous commits exactly one wins, and only its range is recorded', async () => {
      const store = await subject.open();
      const lane = newLane();
      const results = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          store.commit(lane, 0, commitOf('1', String(100 + i)), newWriter()),
        ),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      const winner = String(100 + results.indexOf('ok'));
      expect(await store.read(lane)).toMatchObject({ position: winner, commits: 1, version: 1 });
      expect(await store.rangesOverlapping(lane, '1', '1000')).toEqual([commitOf('1', winner)]);
    });

    test('of simultaneous commits and aborts of one intent exactly one wins', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.announce(lane, 0, intentOf({}), newWriter());
      const results = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          i % 2 === 0
            ? store.commit(lane, 1, commitOf('1', '20'), newWriter())
            : store.abort(lane, 1, newWriter()),
        ),
      );
      expect(results.filter((result) => result === 'ok')).toHaveLength(1);
      const committed = results.indexOf('ok') % 2 === 0;
      expect(await store.read(lane)).toMatchObject({
        position: committed ? '20' : undefined,
        version: 2,
        intent: undefined,
      });
    });

    test('simultaneous writers of different lanes do not disturb each other', async () => {
      const store = await subject.open();
      const lanes = Array.from({ length: WRITERS }, newLane);
      const results = await Promise.all(
        lanes.map((lane) => store.commit(lane, 0, commitOf('1', '2'), newWriter())),
      );
      expect(results).toEqual(lanes.map(() => 'ok'));
    });

    test('writers that read again after each conflict all get through, one version each', async () => {
      const store = await subject.open();
      const lane = newLane();
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (;;) {
            const { version } = await store.read(lane);
            const from = String(version * 10 + 1);
            const to = String(version * 10 + 10);
            if ((await store.commit(lane, version, commitOf(from, to), newWriter())) === 'ok') return;
          }
        }),
      );
      expect(await store.read(lane)).toMatchObject({ position: '80', commits: 8, version: 8 });
    });

    test('a write whose answer was lost and that is repeated answers ok and has its effect once', async () => {
      const store = await subject.openLosingAnswers();
      const lane = newLane();
      expect(await store.announce(lane, 0, intentOf({}), newWriter())).toBe('ok');
      expect(await store.abort(lane, 1, newWriter())).toBe('ok');
      expect(await store.announce(lane, 2, intentOf({}), newWriter())).toBe('ok');
      expect(await store.commit(lane, 3, commitOf('1', '20'), newWriter())).toBe('ok');
      expect(await store.commit(lane, 4, commitOf('["a"]', '["b"]'), newWriter())).toBe('ok');
      expect(await store.read(lane)).toMatchObject({ position: '["b"]', commits: 2, version: 5 });
    });

    test('of many simultaneous writers that lose their answers exactly one is told ok', async () => {
      const store = await subject.openLosingAnswers();
      for (const write of ['announce', 'commit'] as const) {
        const lane = newLane();
        const results = await Promise.all(
          Array.from({ length: 8 }, () =>
            write === 'announce'
              ? store.announce(lane, 0, intentOf({}), newWriter())
              : store.commit(lane, 0, commitOf('1', '20'), newWriter()),
          ),
        );
        expect(results.filter((result) => result === 'ok')).toHaveLength(1);
        expect((await store.read(lane)).version).toBe(1);
      }
    });

    test('a repetition is recognised by writer and operation, not by the version alone', async () => {
      const store = await subject.open();
      const lane = newLane();
      const writer = newWriter();
      await store.announce(lane, 0, intentOf({}), writer);
      expect(await store.announce(lane, 0, intentOf({}), writer)).toBe('ok');
      expect(await store.announce(lane, 0, intentOf({}), newWriter())).toBe('conflict');
      expect(await store.commit(lane, 0, commitOf('1', '2'), writer)).toBe('conflict');
      expect(await store.commit(lane, 1, commitOf('1', '2'), writer)).toBe('ok');
      expect(await store.abort(lane, 1, writer)).toBe('conflict');
      expect(await store.read(lane)).toMatchObject({ position: '2', version: 2 });
    });

    test('a late repetition after another writer has moved on conflicts', async () => {
      const store = await subject.open();
      const lane = newLane();
      const writer = newWriter();
      await store.announce(lane, 0, intentOf({}), writer);
      await store.abort(lane, 1, newWriter());
      expect(await store.announce(lane, 0, intentOf({}), writer)).toBe('conflict');
      expect((await store.read(lane)).intent).toBeUndefined();
    });

    test('the ranges of a span are those that share a position with it, in order', async () => {
      const store = await subject.open();
      const lane = newLane();
      // Replays commit what is missing, whatever its order.
      await store.commit(lane, 0, commitOf('200', '1000'), newWriter());
      await store.commit(lane, 1, commitOf('5', '9'), newWriter());
      await store.commit(lane, 2, commitOf('10', '100'), newWriter());
      const [first, second, third] = [commitOf('5', '9'), commitOf('10', '100'), commitOf('200', '1000')];
      const expected = [
        ['5', '5', [first]],
        ['9', '9', [first]],
        ['9', '10', [first, second]],
        ['99', '99', [second]],
        ['100', '200', [second, third]],
        ['1000', '1000', [third]],
        ['0', '20000', [first, second, third]],
        ['0', '4', []],
        ['101', '199', []],
        ['1001', '20000', []],
      ] as const;
      for (const [from, to, ranges] of expected) {
        expect(await store.rangesOverlapping(lane, from, to), `${from} to ${to}`).toEqual(ranges);
      }
      expect(await store.rangesOverlapping(newLane(), '5', '5')).toEqual([]);
    });

    test('the ranges of a long span are found all', async () => {
      const store = await subject.open();
      const lane = newLane();
      for (let i = 0; i < 120; i++) {
        await store.commit(lane, i, commitOf(String(i * 10 + 1), String(i * 10 + 5)), newWriter());
      }
      const ranges = await store.rangesOverlapping(lane, '15', '1186');
      expect(ranges.map(({ from }) => from)).toEqual(
        Array.from({ length: 118 }, (_, i) => String((i + 1) * 10 + 1)),
      );
    });

    test('neighbouring sequence numbers of Kinesis are told apart', async () => {
      const store = await subject.open();
      const lane = newLane();
      const at = (last: string): string => `495900000000000000000000000000000000000000000000000000${last}`;
      await store.commit(lane, 0, commitOf(at('01'), at('02')), newWriter());
      await store.commit(lane, 1, commitOf(at('03'), at('07')), newWriter());
      expect(await store.rangesOverlapping(lane, at('02'), at('02'))).toEqual([commitOf(at('01'), at('02'))]);
      expect(await store.rangesOverlapping(lane, at('03'), at('04'))).toEqual([commitOf(at('03'), at('07'))]);
      expect((await store.read(lane)).position).toBe(at('07'));
    });

    test('ceding moves the position, writes no range and counts no commit, also on a new lane', async () => {
      const store = await subject.open();
      const lane = newLane();
      expect(await store.cede(lane, 0, '9', newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '9', commits: 0, version: 1, intent: undefined });
      await store.commit(lane, 1, commitOf('10', '20'), newWriter());
      // As a text, "100" comes before "20".
      expect(await store.cede(lane, 2, '100', newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '100', commits: 1, version: 3, intent: undefined });
      expect(await store.rangesOverlapping(lane, '0', '1000')).toEqual([commitOf('10', '20')]);
    });

    test('ceding never moves a position back or leaves it where it is', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.commit(lane, 0, commitOf('90', '100'), newWriter());
      for (const to of ['100', '99', '20']) {
        await expect(store.cede(lane, 1, to, newWriter()), to).rejects.toThrow(RangeError);
      }
      for (const to of ['', '0101', '["x"]']) {
        await expect(store.cede(lane, 1, to, newWriter()), to).rejects.toThrow(RangeError);
      }
      expect(await store.read(lane)).toMatchObject({ position: '100', version: 1 });
    });

    test('a lane with a pending intent is not ceded', async () => {
      const store = await subject.open();
      const lane = newLane();
      const intent = intentOf({});
      await store.announce(lane, 0, intent, newWriter());
      await expect(store.cede(lane, 1, '50', newWriter())).rejects.toThrow(RangeError);
      expect(await store.read(lane)).toMatchObject({ position: undefined, version: 1, intent });
    });

    test('after ceding, whoever read the lane before commits and announces nothing', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.commit(lane, 0, commitOf('1', '5'), newWriter());
      expect(await store.cede(lane, 1, '20', newWriter())).toBe('ok');
      expect(await store.announce(lane, 1, intentOf({}), newWriter())).toBe('conflict');
      expect(await store.commit(lane, 1, commitOf('6', '10'), newWriter())).toBe('conflict');
      expect(await store.cede(lane, 1, '30', newWriter())).toBe('conflict');
      expect(await store.rangesOverlapping(lane, '6', '20')).toEqual([]);
    });

    test('repositioning moves the position anywhere, counts as a commit and writes no range', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.commit(lane, 0, commitOf('10', '20'), newWriter());
      expect(await store.reposition(lane, 1, '5', newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({ position: '5', commits: 2, version: 2, intent: undefined });
      expect(await store.reposition(lane, 2, '["2024-01-01","ä"]', newWriter())).toBe('ok');
      expect((await store.read(lane)).position).toBe('["2024-01-01","ä"]');
      expect(await store.rangesOverlapping(lane, '0', '100')).toEqual([commitOf('10', '20')]);
    });

    test('repositioning to the beginning forgets the position and goes on counting, also on a new lane', async () => {
      const store = await subject.open();
      const lane = newLane();
      expect(await store.reposition(lane, 0, undefined, newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({
        position: undefined,
        commits: 1,
        version: 1,
        intent: undefined,
      });
      await store.commit(lane, 1, commitOf('1', '5'), newWriter());
      expect(await store.reposition(lane, 2, undefined, newWriter())).toBe('ok');
      expect(await store.read(lane)).toEqual({
        position: undefined,
        commits: 3,
        version: 3,
        intent: undefined,
      });
    });

    test('a lane with a pending intent is not repositioned', async () => {
      const store = await subject.open();
      const lane = newLane();
      const intent = intentOf({});
      await store.announce(lane, 0, intent, newWriter());
      await expect(store.reposition(lane, 1, '50', newWriter())).rejects.toThrow(RangeError);
      await expect(store.reposition(lane, 1, undefined, newWriter())).rejects.toThrow(RangeError);
      expect(await store.read(lane)).toMatchObject({ position: undefined, commits: 0, version: 1, intent });
    });

    test('after repositioning, whoever read the lane before commits and announces nothing', async () => {
      const store = await subject.open();
      const lane = newLane();
      await store.commit(lane, 0, commitOf('1', '5'), newWriter());
      expect(await store.reposition(lane, 1, '2', newWriter())).toBe('ok');
      expect(await store.announce(lane, 1, intentOf({}), newWriter())).toBe('conflict');
      expect(await store.commit(lane, 1, commitOf('6', '10'), newWriter())).toBe('conflict');
      expect(await store.reposition(lane, 1, '3', newWriter())).toBe('conflict');
      expect((await store.read(lane)).position).toBe('2');
    });

    test('repositioning whose answer was lost answers ok, once', async () => {
      const store = await subject.openLosingAnswers();
      const lane = newLane();
      expect(await store.reposition(lane, 0, '9', newWriter())).toBe('ok');
      expect(await store.reposition(lane, 1, undefined, newWriter())).toBe('ok');
      expect(await store.reposition(lane, 1, '7', newWriter())).toBe('conflict');
      expect(await store.read(lane)).toMatchObject({ position: undefined, commits: 2, version: 2 });
    });

    test('ceding whose answer was lost answers ok, and another writer with that version does not', async () => {
      const store = await subject.openLosingAnswers();
      const lane = newLane();
      expect(await store.cede(lane, 0, '9', newWriter())).toBe('ok');
      expect(await store.cede(lane, 1, '12', newWriter())).toBe('ok');
      expect(await store.cede(lane, 1, '12', newWriter())).toBe('conflict');
      expect(await store.read(lane)).toMatchObject({ position: '12', version: 2 });
    });
  });
}

function newLane(): string {
  return `kinesis/ingest/shardId-${randomUUID()}`;
}

function newWriter(): string {
  return randomUUID();
}

function commitOf(from: string, to: string): Commit {
  return { from, to, records: 12, keys: 3 };
}

function intentOf(changed: Partial<Intent>): Intent {
  return {
    from: '1',
    to: '20',
    objects: [
      { key: 'raw/orders/dt=2024-01-01/hour=03/s-1-20-v1.parquet', source: 'orders', zone: 'raw' },
      {
        key: 'quarantine/orders/reason=CONTRACT/dt=2024-01-02/s-1-20-v1.parquet',
        source: 'orders',
        zone: 'quarantine',
      },
    ],
    records: 12,
    configVersion: 'c0ffee',
    owner: 'invocation 1',
    leaseUntilMs: 1_704_067_200_000,
    ...changed,
  };
}
