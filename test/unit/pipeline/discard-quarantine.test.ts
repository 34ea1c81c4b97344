import { describe, expect, test } from 'vitest';
import type { QuarantineRow } from '../../../shared/domain/quarantine.ts';
import { discardQuarantine } from '../../../shared/pipeline/replay/discard-quarantine.ts';
import { previewQuarantine } from '../../../shared/pipeline/replay/preview-quarantine.ts';
import { replayQuarantine } from '../../../shared/pipeline/replay/replay-quarantine.ts';
import { createReplayWorld, declareClicks, dyingAt, recordAt } from '../../support/replay-world.ts';

const BAD = { n: 'no integer' };
const asStrings = declareClicks({ n: 'string' });
const onlyRow = (wanted: number) => ({ select: (_row: QuarantineRow, number: number) => number === wanted });

/** A world with one quarantine file of three rows, and the deps of a configuration that accepts them. */
async function withQuarantine() {
  const world = createReplayWorld();
  await world.deliver([recordAt(1, { id: 'a', ...BAD }, { id: 'b', ...BAD }, { id: 'c', ...BAD })]);
  const [key = ''] = world.quarantineKeys();
  return { world, key, deps: world.depsFor(asStrings) };
}

describe('discarding rows of the quarantine', () => {
  test('what is given up lands no more, and the file stays', async () => {
    const { world, key, deps } = await withQuarantine();
    const discarded = await discardQuarantine(deps, key, { ...world.options('a'), ...onlyRow(1) });
    expect(discarded).toEqual({ finished: true, selected: 1, discarded: 1, alreadyDone: 0 });
    expect(await discardQuarantine(deps, key, { ...world.options('b'), ...onlyRow(1) })).toEqual({
      finished: true,
      selected: 1,
      discarded: 0,
      alreadyDone: 1,
    });
    const replayed = await replayQuarantine(deps, key, world.options('a'));
    expect(replayed).toMatchObject({ selected: 3, done: 3, alreadyDone: 1 });
    expect(world.landed().map(({ raw }) => raw)).not.toContainEqual(expect.stringContaining('"b"'));
    expect(world.landed()).toHaveLength(2);
    expect(world.quarantineKeys()).toEqual([key]);
  });

  test('a row that has landed is not given up', async () => {
    const { world, key, deps } = await withQuarantine();
    await replayQuarantine(deps, key, { ...world.options('a'), ...onlyRow(0) });
    const discarded = await discardQuarantine(deps, key, world.options('b'));
    expect(discarded).toMatchObject({ selected: 3, discarded: 2, alreadyDone: 1 });
  });

  test('of a replay and a discard that is cut off anywhere, each row gets one, and is counted by it alone', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let call = 0; ; call++) {
        const { world, key, deps } = await withQuarantine();
        const dying = dyingAt(call, when);
        const died = await world
          .under(dying, () => replayQuarantine(deps, key, world.options('a')))
          .then(
            () => false,
            () => true,
          );
        if (!died) break;
        const { finished, discarded, alreadyDone } = await discardQuarantine(deps, key, world.options('b'));
        expect(finished).toBe(true);
        expect(discarded + alreadyDone).toBe(3);
        const after = await replayQuarantine(deps, key, world.options('c'));
        expect(after).toMatchObject({ done: 3, alreadyDone: 3 });
        expect(world.landed()).toHaveLength(3 - discarded);
      }
    }
  });

  test('of a discard that is cut off anywhere and a replay, each row gets one', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let call = 0; ; call++) {
        const { world, key, deps } = await withQuarantine();
        const died = await world
          .under(dyingAt(call, when), () => discardQuarantine(deps, key, world.options('a')))
          .then(
            () => false,
            () => true,
          );
        if (!died) break;
        const replayed = await replayQuarantine(deps, key, world.options('b'));
        expect(replayed).toMatchObject({ finished: true, done: 3 });
        // Rows that are not decided by the discard's batch are landed by the replay.
        expect([0, 3]).toContain(world.landed().length);
        expect(world.landed()).toHaveLength(3 - replayed.alreadyDone);
      }
    }
  });
});

describe('what a replay would do', () => {
  test('rows that land, are done, are duplicates, are conflicts, and stay; nothing happens', async () => {
    const world = createReplayWorld();
    const members = ['lands', 'done', 'twice', 'conflict', 'stays'].map((id) => ({ id, ...BAD }));
    await world.deliver([recordAt(1, ...members)]);
    const [key = ''] = world.quarantineKeys();
    const edit = ({ raw }: QuarantineRow): Uint8Array => {
      const { id } = JSON.parse(Buffer.from(raw).toString()) as { id: string };
      return Buffer.from(JSON.stringify({ id, day: '2026-01-01', n: id === 'stays' ? 'x' : 1 }));
    };
    await world.deliver([
      { ...recordAt(2), data: Buffer.from('{"id":"twice","day":"2026-01-01","n":1}') },
      { ...recordAt(3), data: Buffer.from('{"id":"conflict","day":"2026-01-01","n":2}') },
    ]);
    await replayQuarantine(world.deps, key, { ...world.options('a'), edit, ...onlyRow(1) });
    const before = [world.landed(), world.quarantined()];
    const preview = await previewQuarantine(world.deps, key, { edit });
    expect(preview).toMatchObject({
      selected: 5,
      done: 1,
      begun: 0,
      landing: 1,
      duplicates: 1,
      conflicts: 1,
    });
    expect(preview.staying).toMatchObject([{ number: 4 }]);
    expect([world.landed(), world.quarantined()]).toEqual(before);
    const replayed = await replayQuarantine(world.deps, key, { ...world.options('b'), edit });
    expect(replayed.counts.get('clicks')).toMatchObject({ landed: 1, duplicates: 1, quarantined: 1 });
  });

  test('a replay that was cut off has begun with its rows', async () => {
    const { world, key, deps } = await withQuarantine();
    const calls: string[] = [];
    const dies = {
      before: ({ port, operation }: { port: string; operation: string }) => {
        calls.push(`${port}.${operation}`);
        return operation === 'announce' ? Promise.reject(new Error('died')) : Promise.resolve();
      },
    };
    await expect(
      world.under(dies, () => replayQuarantine(deps, key, { ...world.options('a'), ...onlyRow(2) })),
    ).rejects.toThrow('died');
    expect(await previewQuarantine(deps, key, {})).toMatchObject({ done: 0, begun: 1, landing: 2 });
  });
});
