import { describe, expect, test } from 'vitest';
import type { Turn } from '../../../shared/adapters/memory/turn.ts';
import { readFrame, writeFrame } from '../../../shared/domain/frame.ts';
import type { QuarantineRow } from '../../../shared/domain/quarantine.ts';
import { judgeRecord } from '../../../shared/pipeline/judge-records.ts';
import {
  replayQuarantine,
  type QuarantineReplay,
} from '../../../shared/pipeline/replay/replay-quarantine.ts';
import {
  createReplayWorld,
  declareClicks,
  dyingAt,
  LANE,
  recordAt,
  START_MS,
} from '../../support/replay-world.ts';

const BAD = { n: 'no integer' };
const asStrings = declareClicks({ n: 'string' });

/** Makes every row valid: the id, and the editor's name. */
const editedBy =
  (editor: string) =>
  ({ raw }: QuarantineRow): Uint8Array => {
    const { id } = JSON.parse(Buffer.from(raw).toString()) as { id: string };
    return Buffer.from(JSON.stringify({ id, day: '2026-01-01', n: 1, editor }));
  };

/** A world with one quarantine file: the members of one stream record that violate the contract. */
async function withQuarantine(...members: readonly Readonly<Record<string, unknown>>[]) {
  const world = createReplayWorld();
  await world.deliver([recordAt(1, ...members)]);
  const [key = ''] = world.quarantineKeys();
  return { world, key };
}

const idsOf = (lines: readonly { readonly id: string }[]): string[] => lines.map(({ id }) => id).sort();
const countOf = (outcome: QuarantineReplay) => outcome.counts.get('clicks');

describe('replaying a quarantine file', () => {
  test('a mended contract lands the rows under their original identities, once', async () => {
    const { world, key } = await withQuarantine({ id: 'a', n: 1 }, { id: 'b', ...BAD }, { id: 'c', ...BAD });
    const deps = world.depsFor(asStrings);
    const outcome = await replayQuarantine(deps, key, world.options('a'));
    // The number in the row that landed first is none of the new contract's strings, and is not asked again.
    expect(outcome).toMatchObject({
      finished: true,
      selected: 2,
      done: 2,
      alreadyDone: 0,
      stillViolating: [],
    });
    expect(countOf(outcome)).toMatchObject({ landed: 2 });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/1/1`, `${LANE}/1/2`]);
    const again = await replayQuarantine(deps, key, world.options('b'));
    expect(again).toMatchObject({ finished: true, done: 2, alreadyDone: 2, commits: 0 });
    expect(world.landed()).toHaveLength(3);
  });

  test('rows that still violate the contract stay, and each says why; the others land', async () => {
    const { world, key } = await withQuarantine({ id: 'a', n: {} }, { id: 'b', ...BAD });
    const outcome = await replayQuarantine(world.depsFor(asStrings), key, world.options('a'));
    expect(outcome).toMatchObject({ finished: true, selected: 2, done: 1 });
    expect(outcome.stillViolating).toMatchObject([
      { number: 0, id: `${LANE}/1/0`, problems: [expect.stringContaining('n ') as string] },
    ]);
    expect(world.quarantineKeys()).toEqual([key]);
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/1`]);
  });

  test('only selected rows are replayed', async () => {
    const { world, key } = await withQuarantine(
      { id: 'a', ...BAD },
      { id: 'b', ...BAD },
      { id: 'c', ...BAD },
    );
    const options = { ...world.options('a'), select: (_row: QuarantineRow, number: number) => number !== 1 };
    const outcome = await replayQuarantine(world.depsFor(asStrings), key, options);
    expect(outcome).toMatchObject({ selected: 2, done: 2 });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/1/2`]);
    await replayQuarantine(world.depsFor(asStrings), key, world.options('a'));
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/1/1`, `${LANE}/1/2`]);
  });

  test('an edited payload lands instead of the original', async () => {
    const { world, key } = await withQuarantine({ id: 'a', ...BAD });
    await replayQuarantine(world.deps, key, { ...world.options('a'), edit: editedBy('me') });
    expect(world.landed()).toMatchObject([
      { id: `${LANE}/1/0`, raw: expect.stringContaining('"me"') as string },
    ]);
  });

  test('a row whose corrected resend has landed is a duplicate, or moves to a file of its own as a conflict', async () => {
    const { world, key } = await withQuarantine({ id: 'a', ...BAD }, { id: 'b', ...BAD });
    const resent = [editedBy('me'), editedBy('somebody else')].map((edit, i) => {
      const raw = Buffer.from(JSON.stringify({ id: ['a', 'b'][i] }));
      return JSON.parse(Buffer.from(edit({ raw } as unknown as QuarantineRow)).toString()) as Record<
        string,
        unknown
      >;
    });
    await world.deliver([
      { ...recordAt(2), data: Buffer.from(resent.map((member) => JSON.stringify(member)).join('\n')) },
    ]);
    const options = { ...world.options('a'), edit: editedBy('me') };
    const outcome = await replayQuarantine(world.deps, key, options);
    expect(outcome).toMatchObject({ finished: true, done: 2 });
    expect(countOf(outcome)).toMatchObject({ landed: 0, duplicates: 1, quarantined: 1 });
    const moved = world.quarantined().filter((row) => row.key !== key);
    expect(moved).toMatchObject([{ id: `${LANE}/1/1`, reason: 'KEY_CONFLICT' }]);
    const again = await replayQuarantine(world.deps, key, options);
    expect(again).toMatchObject({ done: 2, alreadyDone: 2, commits: 0 });
    // The row is replayed from where it is now; as it is, it would only move from file to file.
    const unchanged = await replayQuarantine(world.deps, moved[0]?.key ?? '', world.options('a'));
    expect(unchanged).toMatchObject({ finished: true, done: 0, commits: 0 });
    expect(unchanged.stillViolating).toMatchObject([
      { problems: [expect.stringContaining('same key (id)') as string] },
    ]);
    const rekeyed = (): Uint8Array => Buffer.from('{"id":"b2","day":"2026-01-01"}');
    await replayQuarantine(world.deps, moved[0]?.key ?? '', { ...world.options('a'), edit: rekeyed });
    expect(idsOf(world.landed())).toContain(`${LANE}/1/1`);
  });

  test('a row that a replay moves says which attempt that was, and when it began', async () => {
    const { world, key } = await withQuarantine({ id: 'a', ...BAD }, { id: 'b', ...BAD });
    await world.deliver([recordAt(2, { id: 'taken', n: 1 })]);
    const taken = (n: number) => ({
      ...world.options('a'),
      edit: (): Uint8Array => Buffer.from(JSON.stringify({ id: 'taken', day: '2026-01-01', n })),
    });
    world.clock.advance(3_600_000);
    const firstMs = world.clock.nowMs();
    await replayQuarantine(world.deps, key, { ...taken(2), select: (_row, number) => number === 0 });
    const movedOf = (from: readonly string[]) => world.quarantined().filter((row) => !from.includes(row.key));
    const [moved] = movedOf([key]);
    expect(moved).toMatchObject({ id: `${LANE}/1/0`, replayed: { number: 2, atMs: firstMs } });
    world.clock.advance(60_000);
    const secondMs = world.clock.nowMs();
    await replayQuarantine(world.deps, moved?.key ?? '', taken(3));
    expect(movedOf([key, moved?.key ?? ''])).toMatchObject([
      { id: `${LANE}/1/0`, receivedAtMs: START_MS, replayed: { number: 3, atMs: secondMs } },
    ]);
  });

  test('two rows of one stream record are two records, also when they are replayed one by one', async () => {
    const { world, key } = await withQuarantine(
      { id: 'z', n: 1 },
      { id: 'a', ...BAD },
      { id: 'b', ...BAD },
      {
        id: 'c',
        ...BAD,
      },
    );
    const payloads = ['one', 'one', 'other'];
    const replay = async (number: number): Promise<QuarantineReplay> =>
      await replayQuarantine(world.deps, key, {
        ...world.options('a'),
        select: (_row, candidate) => candidate === number,
        edit: (_row, candidate) =>
          Buffer.from(JSON.stringify({ id: 'same', day: '2026-01-01', payload: payloads[candidate] })),
      });
    expect(countOf(await replay(1))).toMatchObject({ landed: 1 });
    expect(countOf(await replay(0))).toMatchObject({ landed: 0, duplicates: 1 });
    expect(countOf(await replay(2))).toMatchObject({ landed: 0, quarantined: 1 });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/1/2`]);
    const moved = world.quarantined().filter((row) => row.key !== key);
    expect(moved).toMatchObject([{ id: `${LANE}/1/3`, reason: 'KEY_CONFLICT' }]);
  });

  test('of two operators with different edits one decides, wherever the other one stops in between', async () => {
    for (let stop = 0; ; stop++) {
      const { world, key } = await withQuarantine({ id: 'a', ...BAD }, { id: 'b', ...BAD });
      let calls = 0;
      const state = { slept: false };
      let wake = (): void => undefined;
      const asleep = new Promise<void>((done) => (wake = done));
      const turn: Turn = {
        before: async () => {
          if (calls++ !== stop) return;
          state.slept = true;
          await asleep;
        },
      };
      const replay = (who: string): Promise<QuarantineReplay> =>
        replayQuarantine(world.deps, key, { ...world.options(who), edit: editedBy(who) });
      const first = world.under(turn, () => replay('first'));
      while (!state.slept) {
        const isOver = await Promise.race([first.then(() => true), nextTick().then(() => false)]);
        if (isOver) break;
      }
      const second = await replay('second');
      wake();
      const outcomes = [await first, second];
      const landed = world.landed();
      expect(idsOf(landed), `stop ${String(stop)}`).toEqual([`${LANE}/1/0`, `${LANE}/1/1`]);
      const editors = landed.map(({ raw }) => (JSON.parse(raw) as { editor: string }).editor);
      expect(new Set(editors).size).toBe(1);
      // Whose edit did not land hears that the rows were done by somebody else.
      const decided = outcomes.map(({ done, alreadyDone }) => done - alreadyDone);
      expect(decided, `stop ${String(stop)}`).toEqual(editors[0] === 'first' ? [2, 0] : [0, 2]);
      expect(world.quarantineKeys()).toEqual([key]);
      if (!state.slept) {
        expect(stop).toBeGreaterThan(8);
        return;
      }
    }
  });

  test.each(['before', 'after'] as const)(
    'a process that dies %s any store call, and another edit after it, land each row once with one payload',
    async (when) => {
      for (let call = 0; ; call++) {
        const { world, key } = await withQuarantine({ id: 'a', ...BAD }, { id: 'b', ...BAD });
        const turn = dyingAt(call, when);
        // The second edit gives the records other keys: what the first has claimed must not be lost for it.
        const rekeyed = (row: QuarantineRow): Uint8Array =>
          Buffer.from(Buffer.from(editedBy('second')(row)).toString().replace('"id":"', '"id":"new '));
        const died = await world
          .under(turn, () =>
            replayQuarantine(world.deps, key, { ...world.options('a'), edit: editedBy('first') }),
          )
          .then(
            () => false,
            () => true,
          );
        // Before the second operator the producer resends what was meant, corrected in the first way.
        await world.deliver([
          {
            ...recordAt(2),
            data: Buffer.from(
              ['a', 'b']
                .map((id) => JSON.stringify({ id, day: '2026-01-01', n: 1, editor: 'first' }))
                .join('\n'),
            ),
          },
        ]);
        await replayQuarantine(world.deps, key, { ...world.options('b'), edit: rekeyed });
        const landed = world.landed();
        const payloads = landed.map(({ raw }) => (JSON.parse(raw) as { id: string }).id);
        // A key that was claimed has landed: a claim whose record is not there would have swallowed the resend.
        for (const id of ['a', 'b']) expect(payloads, `call ${String(call)}`).toContain(id);
        expect(new Set(idsOf(landed)).size).toBe(landed.length);
        expect(world.quarantineKeys()).toEqual([key]);
        if (!died) {
          expect(call).toBeGreaterThan(8);
          return;
        }
      }
    },
  );

  test('a contract that changes between staging and commit judges the staged rows: they land or move', async () => {
    const { world, key } = await withQuarantine({ id: 'a', ...BAD });
    const dying: Turn = {
      before: ({ operation }) =>
        operation === 'announce' ? Promise.reject(new Error('died')) : Promise.resolve(),
    };
    const strings = world.depsFor(asStrings);
    const died = world.under(dying, () => replayQuarantine(strings, key, world.options('a')));
    await expect(died).rejects.toThrow('died');
    // The contract is changed back: the staged row violates it, and may have claimed its key.
    const outcome = await replayQuarantine(world.deps, key, world.options('b'));
    expect(outcome).toMatchObject({ finished: true, done: 1, alreadyDone: 1, commits: 1 });
    expect(world.landed()).toEqual([]);
    const moved = world.quarantined().filter((row) => row.key !== key);
    expect(moved).toMatchObject([{ id: `${LANE}/1/0`, reason: 'CONTRACT' }]);
  });

  test('a file whose announcement is pending is settled first: what is withdrawn is not replayed', async () => {
    const world = createReplayWorld();
    const record = recordAt(1, { id: 'a', ...BAD }, { id: 'b', n: 1 });
    // The function dies after its quarantine file and before its data file, or the other way round.
    const dying: Turn = {
      before: ({ operation, subject }) =>
        operation === 'putIfAbsent' && subject.startsWith('raw/')
          ? Promise.reject(new Error('died'))
          : Promise.resolve(),
    };
    await expect(world.under(dying, () => world.deliver([record]))).rejects.toThrow('died');
    const [key = ''] = world.quarantineKeys();
    expect(key).not.toBe('');
    const deps = world.depsFor(asStrings);
    const outcome = await replayQuarantine(deps, key, world.options('a'));
    expect(outcome).toMatchObject({ finished: true, selected: 0 });
    // The redelivery meets the new contract: both land, once.
    await world.deliver([record], deps);
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`]);
    expect(world.quarantined()).toMatchObject([{ id: `${LANE}/1/1` }]);
  });

  test('a file of an unfinished lane that nobody can resolve in time is left for later', async () => {
    const world = createReplayWorld();
    const dying: Turn = {
      before: ({ operation }) =>
        operation === 'commit' ? Promise.reject(new Error('died')) : Promise.resolve(),
    };
    const record = recordAt(1, { id: 'a', ...BAD });
    await expect(world.under(dying, () => world.deliver([record]))).rejects.toThrow('died');
    const [key = ''] = world.quarantineKeys();
    // The lease of the announcement lasts longer than this operator has time.
    const options = { owner: 'a', deadlineMs: START_MS + 6_000 };
    const outcome = await replayQuarantine(world.depsFor(asStrings), key, options);
    expect(outcome).toMatchObject({ finished: false, done: 0, commits: 0 });
    expect(world.landed()).toEqual([]);
  });

  test('many rows are replayed in several commits, at most 500 partitions each', async () => {
    const members = Array.from({ length: 1_201 }, (_, i) => ({
      id: String(i),
      day: new Date(START_MS - i * 86_400_000).toISOString().slice(0, 10),
      ...BAD,
    }));
    const { world, key } = await withQuarantine(...members);
    const outcome = await replayQuarantine(world.depsFor(asStrings), key, world.options('a'));
    expect(outcome).toMatchObject({ finished: true, done: 1_201, commits: 3 });
    expect(new Set(idsOf(world.landed())).size).toBe(1_201);
  });

  test('a source whose requests are claimed as a whole claims nothing again', async () => {
    const world = createReplayWorld({ dedupe: 'request' });
    await world.deliver([
      recordAt(1, { id: 'a', n: 1 }, { id: 'b', ...BAD }, { id: 'c', n: 2 }, { id: 'd', ...BAD }),
    ]);
    const [key = ''] = world.quarantineKeys();
    const deps = world.depsFor(declareClicks({ n: 'string', dedupe: 'request' }));
    const outcome = await replayQuarantine(deps, key, world.options('a'));
    expect(countOf(outcome)).toMatchObject({ landed: 2, duplicates: 0 });
    expect(idsOf(world.landed())).toEqual([0, 1, 2, 3].map((i) => `${LANE}/1/${String(i)}`));
  });

  test('records of an unknown source are replayed once somebody says which one it is', async () => {
    const world = createReplayWorld();
    const source = declareClicks().get('clicks');
    if (source === undefined) throw new Error('no source');
    const texts = ['{"id":"a","day":"2026-01-01"}', '{"id":"b","day":"2026-01-01"}'].map((text) =>
      Buffer.from(text),
    );
    const header = { source: 'gone', frameId: 'f', contractVersion: 'c0', receivedAtMs: START_MS };
    const records = texts.map((text) => judgeRecord(source, text, START_MS));
    await world.deliver([{ ...recordAt(1), data: writeFrame(header, records) }]);
    const [key = ''] = world.quarantineKeys();
    const without = await replayQuarantine(world.deps, key, world.options('a'));
    expect(without.stillViolating).toMatchObject([{ number: 0 }, { number: 1 }]);
    const outcome = await replayQuarantine(world.deps, key, { ...world.options('a'), source: 'clicks' });
    expect(countOf(outcome)).toMatchObject({ landed: 2 });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/1/1`]);
    const wrong = replayQuarantine(world.deps, key, { ...world.options('a'), source: 'klicks' });
    await expect(wrong).rejects.toMatchObject({
      code: 'REPLAY_SOURCE_UNKNOWN',
      message: expect.stringContaining('there are: clicks') as string,
    });
  });

  test('a frame that was unreadable is replayed whole once it can be read, with all its records', async () => {
    const world = createReplayWorld();
    const source = declareClicks().get('clicks');
    if (source === undefined) throw new Error('no source');
    const texts = [
      { id: 'a', n: 1 },
      { id: 'b', ...BAD },
    ].map((member) => Buffer.from(JSON.stringify({ day: '2026-01-01', ...member })));
    const header = {
      source: 'clicks',
      frameId: 'f',
      contractVersion: source.contract.version,
      receivedAtMs: START_MS,
    };
    const frame = writeFrame(
      header,
      texts.map((text) => judgeRecord(source, text, START_MS)),
    );
    expect(readFrame(frame).count).toBe(2);
    const broken = Buffer.from(frame);
    broken[4] = (broken[4] ?? 0) ^ 1;
    await world.deliver([{ ...recordAt(1), data: broken }]);
    const [key = ''] = world.quarantineKeys();
    const still = await replayQuarantine(world.deps, key, world.options('a'));
    expect(still.stillViolating).toMatchObject([
      { problems: [expect.stringContaining('checksum') as string] },
    ]);
    await replayQuarantine(world.deps, key, { ...world.options('a'), edit: () => frame });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`]);
    expect(world.quarantined()).toContainEqual(
      expect.objectContaining({ id: `${LANE}/1/1`, reason: 'CONTRACT' }),
    );
  });

  test('what is no quarantine file is refused', async () => {
    const world = createReplayWorld();
    for (const key of ['quarantine/clicks/nothing.parquet', 'raw/clicks/x.parquet']) {
      await expect(replayQuarantine(world.deps, key, world.options('a'))).rejects.toMatchObject({
        code: 'QUARANTINE_FILE_MISSING',
        disposition: 'reject',
      });
    }
  });
});

const nextTick = (): Promise<void> => new Promise((done) => setImmediate(done));
