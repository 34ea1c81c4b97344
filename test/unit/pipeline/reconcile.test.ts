import { describe, expect, test, vi } from 'vitest';
import { TransientError } from '../../../shared/domain/errors.ts';
import { TableWorld } from '../../support/table-world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Cursors begin here: a look-back leads before them, and stays a time. */
const START = 10 ** 13;

function withDeletes(more = {}, incremental = {}): TableWorld {
  const world = new TableWorld({
    changes: 'upserts-and-deletes',
    probe: false,
    incremental: { cursor: 'at', ...incremental },
    deletes: { reconcile: { every: '1 day', holdBackAbove: { rows: 2, share: 0.5 }, ...more } },
  });
  world.rows.now = BigInt(START + 1_000);
  return world;
}

/** Some rows, read and compared for the first time. */
async function landed(world: TableWorld, rows = 6): Promise<TableWorld> {
  for (let id = 1; id <= rows; id++) world.rows.put(id, START + 10 * id, `v${String(id)}`);
  await world.run();
  return world;
}

describe.each([
  ['by a horizon', {}],
  ['with a look-back', { lookback: '1 hour' }],
])('deletes of a source that is read by cursor %s', (_name, incremental) => {
  test('are found when it is time, land once, and are not looked for in between', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.rows.delete(2);
    world.rows.delete(5);
    expect(await world.run()).toMatchObject({ finished: true, commits: 0 });
    expect(world.deletes()).toEqual([]);
    world.clock.advance(DAY_MS);
    expect(await world.run()).toMatchObject({ finished: true, commits: 2 });
    expect(world.deletes()).toEqual(['2', '5']);
    expect(world.alive()).toEqual({ 1: 'v1', 3: 'v3', 4: 'v4', 6: 'v6' });
    world.clock.advance(DAY_MS);
    await world.run();
    expect(world.deletes()).toEqual(['2', '5']);
  });

  test('of rows that came and went between two inventories are found', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.rows.put(7, START + 500, 'short');
    await world.run();
    world.rows.delete(7);
    world.clock.advance(DAY_MS);
    await world.run();
    expect(world.deletes()).toEqual(['7']);
  });

  test('a row that comes back is alive, whatever clocks say, and can be deleted again', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.rows.delete(2);
    world.clock.advance(DAY_MS);
    await world.run();
    world.clock.advance(-HOUR_MS);
    world.rows.put(2, START + 600, 'again');
    await world.run();
    expect(world.alive()).toMatchObject({ 2: 'again' });
    world.clock.advance(DAY_MS + HOUR_MS);
    await world.run();
    expect(world.alive()).toMatchObject({ 2: 'again' });
    world.rows.delete(2);
    world.clock.advance(DAY_MS);
    await world.run();
    expect(world.deletes()).toEqual(['2', '2']);
    expect(world.alive()).not.toHaveProperty('2');
  });

  test('a row that lands while keys are read is not taken for one that is gone', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.clock.advance(DAY_MS);
    world.rows.delete(3);
    let turns = 0;
    // The keys are read without it; it lands before the deletes do.
    world.onTurn = async () => {
      if (++turns !== 12) return;
      world.onTurn = () => Promise.resolve();
      world.rows.put(3, START + 700, 'back');
      await world.run({ owner: 'another' });
    };
    await world.run();
    await world.run();
    expect(turns).toBeGreaterThanOrEqual(12);
    expect(world.alive()).toMatchObject({ 3: 'back' });
  });

  test('a run that has no time left is gone on with by the next one, wherever it stopped', async () => {
    const world = await landed(withDeletes({}, incremental), 20);
    for (const id of [1, 8, 20]) world.rows.delete(id);
    world.clock.advance(DAY_MS);
    let failures = 0;
    for (let turn = 1; world.deletes().length === 0; turn++) {
      let turns = 0;
      world.onTurn = () => {
        if (++turns !== turn) return Promise.resolve();
        failures++;
        return Promise.reject(new TransientError('LOST', 'the connection is lost'));
      };
      await world.run().catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'LOST' });
      });
    }
    expect(failures).toBeGreaterThan(5);
    expect(world.deletes()).toEqual(['1', '20', '8']);
  });

  test('more of them than may be are held back until somebody has looked', async () => {
    const world = await landed(withDeletes({}, incremental));
    for (const id of [1, 2, 3, 4]) world.rows.delete(id);
    world.clock.advance(DAY_MS);
    await expect(world.run()).rejects.toMatchObject({
      code: 'DELETES_HELD_BACK',
      disposition: 'block',
      message: expect.stringMatching(/^4 of 6 rows would be marked as deleted \(67 %\)/) as string,
    });
    expect(world.deletes()).toEqual([]);
    // Mended: the keys are read again.
    for (const id of [1, 2, 3]) world.rows.put(id, START + 10 * id, `v${String(id)}`);
    await world.run();
    expect(world.deletes()).toEqual(['4']);
  });

  test('an empty table is never taken for one whose rows were deleted', async () => {
    const world = await landed(withDeletes({ holdBackAbove: { rows: 1_000, share: 1 } }, incremental), 1);
    world.rows.delete(1);
    world.clock.advance(DAY_MS);
    await expect(world.run()).rejects.toMatchObject({ code: 'DELETES_HELD_BACK' });
    await expect(world.run()).rejects.toMatchObject({ code: 'DELETES_HELD_BACK' });
    await world.acceptDeletes();
    await world.run();
    expect(world.deletes()).toEqual(['1']);
    expect(world.alive()).toEqual({});
  });

  test('wait until a backfill has come to its end', async () => {
    const world = await landed(withDeletes({}, incremental));
    await world.noteBackfill('running');
    world.rows.delete(2);
    world.clock.advance(DAY_MS);
    expect(await world.run()).toMatchObject({ finished: true });
    expect(world.deletes()).toEqual([]);
    await world.noteBackfill('done');
    await world.run();
    expect(world.deletes()).toEqual(['2']);
  });

  test('are looked for with all files of the lake after the checkpoint was reset', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.rows.delete(2);
    world.clock.advance(DAY_MS);
    await world.run();
    await world.reset();
    world.rows.delete(3);
    await world.run();
    expect(world.deletes()).toEqual(['2', '3']);
    expect(world.alive()).toEqual({ 1: 'v1', 4: 'v4', 5: 'v5', 6: 'v6' });
  });

  test('of a table that is declared otherwise are looked for anew', async () => {
    const world = await landed(withDeletes({}, incremental));
    world.rows.delete(2);
    world.clock.advance(DAY_MS);
    // Half of it is read, then another table is deployed.
    let turns = 0;
    world.onTurn = () =>
      ++turns === 9 ? Promise.reject(new TransientError('LOST', 'lost')) : Promise.resolve();
    await expect(world.run()).rejects.toMatchObject({ code: 'LOST' });
    world.onTurn = () => Promise.resolve();
    const { position: before } = await world.ledger.read(world.lane);
    world.deploy({
      changes: 'upserts-and-deletes',
      incremental: { cursor: 'at', ...incremental },
      deletes: { reconcile: { holdBackAbove: { rows: 2, share: 0.5 } } },
      table: 'public.other',
    });
    await world.run();
    expect(before).toContain('"begun"');
    expect(world.deletes()).toEqual(['2']);
  });
});

test('a key that is null in the table is no reason to take a row for gone', async () => {
  const world = await landed(withDeletes());
  world.clock.advance(DAY_MS);
  const read = world.table.read.bind(world.table);
  world.table.read = async function* (request) {
    for await (const batch of read(request)) {
      const [key] = batch.rows.columns;
      if (request.keysOnly !== true || key?.kind !== 'int64') yield batch;
      else yield { ...batch, rows: { ...batch.rows, columns: [{ ...key, nulls: new Uint8Array([1, 0]) }] } };
    }
  };
  await expect(world.run()).rejects.toMatchObject({ code: 'DB_KEY_NULL', disposition: 'block' });
  expect(world.deletes()).toEqual([]);
});

/** Keys that count as so many that all comparisons but the first one have two shares. */
function inTwoShares(
  world: TableWorld,
  onDeletes: () => Promise<void> = () => Promise.resolve(),
  moreGone = 0,
): void {
  world.toKeys = (keys) => ({
    ...keys,
    compare: async (...args) => {
      const { alive, gone } = await keys.compare(...args);
      return {
        gone: { ...gone, rows: gone.rows + moreGone },
        alive: { ...alive, rows: alive.rows + 1_500_000 },
      };
    },
    rowsOf: async (...args) => {
      await onDeletes();
      return await keys.rowsOf(...args);
    },
  });
}

test('what has landed since an inventory was begun is fetched once, however many shares of keys there are', async () => {
  const world = withDeletes();
  inTwoShares(world);
  await landed(world, 20);
  world.clock.advance(DAY_MS);
  for (const id of [2, 3, 5]) world.rows.delete(id);
  let turns = 0;
  world.onTurn = async () => {
    if (++turns !== 12) return;
    world.onTurn = () => Promise.resolve();
    world.rows.put(3, START + 700, 'back');
    await world.run({ owner: 'another' });
  };
  const before = new Set(world.lake.list().map(({ key }) => key));
  const peek = vi.spyOn(world.lake, 'peek');
  await world.run();
  await world.run();
  expect(world.deletes()).toEqual(['2', '5']);
  const since = world.lake.list().find(({ key }) => !before.has(key))?.key;
  expect(peek.mock.calls.filter(([key]) => key === since)).toHaveLength(1);
});

test.each([
  ['many', 100_000, false],
  ['few, of a process that stood still', 0, true],
])('deletes that are not put together within the time of a run: %s', async (_, moreGone, isLater) => {
  const world = withDeletes();
  const standStill = (): Promise<void> => {
    world.clock.advance(500_000);
    return Promise.resolve();
  };
  inTwoShares(world, standStill, moreGone);
  await landed(world, 20);
  world.clock.advance(DAY_MS);
  for (const id of [2, 3]) world.rows.delete(id);
  const run = world.run();
  if (isLater) await expect(run).resolves.toMatchObject({ finished: false });
  else await expect(run).rejects.toMatchObject({ code: 'DELETES_TOO_MANY', disposition: 'block' });
  expect(world.deletes()).toEqual([]);
});

test('deletes that a run begins late are left to the next one', async () => {
  const world = withDeletes();
  inTwoShares(world, () => {
    world.clock.advance(100_000);
    return Promise.resolve();
  });
  await landed(world, 20);
  world.clock.advance(DAY_MS);
  for (const id of [2, 3]) world.rows.delete(id);
  expect(await world.run({ runMs: 150_000 })).toMatchObject({ finished: false });
  expect(world.deletes()).toEqual([]);
  expect(await world.run()).toMatchObject({ finished: true });
  expect(world.deletes()).toEqual(['2', '3']);
});
