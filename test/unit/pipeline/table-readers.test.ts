import { describe, expect, test } from 'vitest';
import { TransientError } from '../../../shared/domain/errors.ts';
import { parseTablePosition } from '../../../shared/domain/table-position.ts';
import { TableWorld } from '../../support/table-world.ts';

const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

describe('by cursor', () => {
  const byTime = (settings = {}): TableWorld =>
    new TableWorld({ incremental: { cursor: 'at' }, ...settings });

  test('rows below the horizon land, the others when their turn comes, and a run at rest commits nothing', async () => {
    const world = byTime();
    world.rows.put(1, 10, 'a');
    world.rows.put(2, 20, 'b');
    world.rows.begin(1, 20);
    expect(await world.run()).toMatchObject({ finished: true, commits: 1 });
    expect(world.versions()).toEqual(['a']);
    world.rows.put(3, 20, 'late');
    world.rows.open = [];
    expect(await world.run()).toMatchObject({ commits: 1 });
    expect(world.landed()).toEqual({
      'pull/orders/0/0': 'a',
      'pull/orders/1/0': 'b',
      'pull/orders/1/1': 'late',
    });
    const { version } = await world.ledger.read(world.lane);
    expect(await world.run()).toMatchObject({ finished: true, commits: 0 });
    expect((await world.ledger.read(world.lane)).version).toBe(version);
  });

  test.each([
    ['by a horizon', { cursor: 'at' }],
    ['with a look-back', { cursor: 'at', lookback: '1 hour' }],
  ])('a table whose key is not unique is not followed %s', async (_name, incremental) => {
    const world = byTime({ incremental });
    world.rows.put(1, 10, 'a');
    const description = await world.table.describe();
    world.table.describe = () => Promise.resolve({ ...description, isKeyUnique: false });
    await expect(world.run()).rejects.toMatchObject({ code: 'DB_KEY_NOT_UNIQUE', disposition: 'block' });
    expect(world.versions()).toEqual([]);
  });

  test('what waits for the oldest transaction is told as the lag of the source', async () => {
    const world = byTime();
    world.rows.put(1, 10, 'a');
    world.rows.begin(1, world.clock.nowMs() - 5 * MINUTE_MS);
    const reader = world.reader();
    await reader.read(await world.ledger.read(world.lane), GIB);
    expect(reader.sourceLagMs()).toBe(5 * MINUTE_MS);
    expect(reader.checkpointAgeMs()).toBe(0);
  });

  test('the first run begins at initialValue, inclusive', async () => {
    const world = byTime({ incremental: { cursor: 'at', initialValue: '000000000000000020' } });
    world.rows.put(1, 10, 'before');
    world.rows.put(2, 20, 'there');
    await world.run();
    expect(world.versions()).toEqual(['there']);
  });

  test('a run goes no further than the horizon that it found first', async () => {
    const world = byTime();
    world.rows.put(1, 10, 'a');
    world.rows.now = 15n;
    world.onTurn = () => {
      world.rows.now += 10n;
      world.rows.put(Number(world.rows.now), Number(world.rows.now) - 5, 'new');
      return Promise.resolve();
    };
    expect((await world.run()).commits).toBe(1);
  });

  test('held rows are bounded, and each commit goes on behind the last row', async () => {
    const world = byTime();
    for (let id = 1; id <= 7; id++) world.rows.put(id, 10, `v${String(id)}`);
    const { commits } = await world.run({ maxBatchBytes: 200 });
    expect(commits).toBe(4);
    expect(world.versions()).toEqual(['v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7']);
  });

  test('what was read before the database broke off is committed, and the run fails', async () => {
    const world = byTime();
    for (let id = 1; id <= 5; id++) world.rows.put(id, id, `v${String(id)}`);
    let turns = 0;
    world.onTurn = () =>
      ++turns >= 3 ? Promise.reject(new TransientError('DB_LOST', 'connection lost')) : Promise.resolve();
    await expect(world.run()).rejects.toThrow('connection lost');
    expect(world.versions()).toEqual(['v1', 'v2']);
  });

  test('without time it says that there may be more', async () => {
    const world = byTime();
    world.rows.put(1, 10, 'a');
    expect(await world.run({ runMs: 10_000 })).toMatchObject({ finished: false, commits: 0 });
  });

  test('asked again for the same state it offers fewer rows', async () => {
    const world = byTime();
    for (let id = 1; id <= 8; id++) world.rows.put(id, id, `v${String(id)}`);
    const reader = world.reader();
    const state = await world.ledger.read(world.lane);
    const rowsOf = async (): Promise<number> => {
      const batch = await reader.read(state, GIB);
      if (typeof batch !== 'object') throw new Error('there are rows');
      return batch.entries.reduce((sum, entry) => sum + (entry.kind === 'table' ? entry.rows : 0), 0);
    };
    expect([await rowsOf(), await rowsOf(), await rowsOf(), await rowsOf()]).toEqual([8, 4, 2, 1]);
  });

  test('the horizon of a sequence is remembered while rows wait for it, and only then', async () => {
    const world = new TableWorld({ incremental: { cursor: 'id' } }, 'sequence');
    world.rows.begin(1, 5);
    world.rows.now = 1n;
    expect((await world.run()).commits).toBe(0);
    world.rows.put(1, 1, 'a');
    world.rows.now = 2n;
    expect((await world.run()).commits).toBe(1);
    expect(world.versions()).toEqual([]);
    world.rows.open = [];
    world.rows.begin(2, 9);
    expect((await world.run()).commits).toBe(1);
    expect(world.versions()).toEqual(['a']);
    expect((await world.run()).commits).toBe(0);
  });

  test('rows before initialValue do not wait for anything', async () => {
    const initialValue = '000000000000000050';
    const world = new TableWorld({ incremental: { cursor: 'id', initialValue } }, 'sequence');
    world.rows.put(1, 1, 'old');
    for (let run = 0; run < 3; run++) {
      world.rows.open = [];
      world.rows.begin(run + 1, 5);
      world.rows.now = BigInt(run + 2);
      expect((await world.run()).commits).toBe(0);
    }
  });

  test('a position of another mode or cursor stops the source', async () => {
    const world = byTime();
    world.rows.put(1, 10, 'a');
    await world.run();
    const state = await world.ledger.read(world.lane);
    const read = (settings: ConstructorParameters<typeof TableWorld>[0]): Promise<unknown> =>
      new TableWorld(settings).reader().read(state, GIB);
    await expect(read({})).rejects.toMatchObject({ code: 'POSITION_MODE_CHANGED', disposition: 'block' });
    await expect(read({ incremental: { cursor: 'id' } })).rejects.toMatchObject({ code: 'CURSOR_CHANGED' });
  });
});

describe('with a look-back', () => {
  const lookingBack = (): TableWorld =>
    new TableWorld({ incremental: { cursor: 'at', lookback: '1 second' } }, 'application');
  const SECOND = 1_000_000;

  test('rows that appear behind the cursor are found, those that landed land once, a changed one lands again', async () => {
    const world = lookingBack();
    world.rows.put(1, 10 * SECOND, 'a');
    await world.run();
    world.rows.put(2, 9.5 * SECOND, 'late');
    world.rows.put(1, 10 * SECOND, 'changed');
    await world.run();
    expect(world.versions()).toEqual(['a', 'changed', 'late']);
    expect((await world.run()).commits).toBe(0);
    expect(world.versions()).toEqual(['a', 'changed', 'late']);
  });

  test('what appeared while a long reading went on is found by the next one', async () => {
    const world = lookingBack();
    for (let id = 1; id <= 6; id++) world.rows.put(id, id * SECOND, `v${String(id)}`);
    let turns = 0;
    world.onTurn = () => {
      world.clock.advance(1000);
      // Behind the place that the reading has reached, by less than the look-back when it began.
      if (++turns === 4) world.rows.put(9, 1.5 * SECOND, 'late');
      return Promise.resolve();
    };
    await world.run({ maxBatchBytes: 1 });
    expect(world.versions()).not.toContain('late');
    await world.run();
    expect(world.versions()).toEqual(['late', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6']);
  });
});

describe('a deployment that adds a column, with a look-back', () => {
  const SECOND = 1_000_000;
  const before = {
    columns: { id: 'bigint', at: 'timestamp', version: 'text' },
    incremental: { cursor: 'at', lookback: '1 second' },
  } as const;
  const after = { ...before, columns: { ...before.columns, processed: 'boolean' } } as const;

  /** The column that is added is null in some rows. */
  const readWithNulls = ({ table }: TableWorld, isNull: (id: bigint) => boolean): void => {
    const read = table.read.bind(table);
    table.read = async function* (request) {
      for await (const batch of read(request)) {
        const [ids] = batch.rows.columns;
        if (ids?.kind !== 'int64') throw new Error('ids are numbers');
        const nulls = Uint8Array.from(ids.values, (id) => (isNull(id) ? 1 : 0));
        const columns = batch.rows.columns.map((column, i) => (i === 3 ? { ...column, nulls } : column));
        yield { ...batch, rows: { ...batch.rows, columns } };
      }
    };
  };

  test('lands those rows of the look-back again that have a value in it, and no others', async () => {
    const world = new TableWorld(before, 'application');
    world.rows.put(1, SECOND, 'a');
    world.rows.put(2, SECOND, 'b');
    await world.run();
    readWithNulls(world, (id) => id === 2n);
    world.deploy(after);
    await world.run();
    expect(world.versions()).toEqual(['a', 'a', 'b']);
    expect((await world.run()).commits).toBe(0);
  });

  test('lands what was staged before it under the claims that it is recognised by later', async () => {
    const world = new TableWorld(before, 'application');
    // More than a position marks: those that were read first are known by their claims alone.
    const count = 2_100;
    for (let id = 1; id <= count; id++) world.rows.put(id, SECOND, String(id));
    const decide = world.stage.decide.bind(world.stage);
    world.stage.decide = async (...batch) => {
      await decide(...batch);
      throw new TransientError('FAULT', 'the process is killed');
    };
    await expect(world.run()).rejects.toThrow('killed');
    world.stage.decide = decide;
    readWithNulls(world, () => true);
    world.deploy(after);
    await world.run();
    await world.run();
    expect(new Set(world.versions()).size).toBe(count);
    expect(world.versions()).toHaveLength(count);
  });
});

describe('rows dated ahead of their time, with a look-back', () => {
  test.each(['timestamp', 'local-timestamp'])(
    'they land, and hide none that comes after them (%s)',
    async (at) => {
      const world = new TableWorld(
        {
          columns: { id: 'bigint', at, version: 'text', processed: 'boolean' },
          incremental: { cursor: 'at', lookback: '1 second' },
        },
        'application',
      );
      const put = (id: number, ms: number, version: string): void => {
        world.rows.put(id, ms * 1000, version);
      };
      put(1, world.clock.nowMs() + 400 * 24 * 60 * MINUTE_MS, 'of next year');
      put(2, world.clock.nowMs(), 'a');
      await world.run();
      expect(world.telemetry.logs.filter(({ level }) => level !== 'info')).toHaveLength(1);
      world.clock.advance(10 * MINUTE_MS);
      put(3, world.clock.nowMs(), 'b');
      await world.run();
      world.clock.advance(10 * MINUTE_MS);
      put(4, world.clock.nowMs(), 'c');
      await world.run();
      expect((await world.run()).commits).toBe(0);
      expect(world.versions()).toEqual(['a', 'b', 'c', 'of next year']);
    },
  );
});

describe('a change log that is marked', () => {
  const marking = (): TableWorld =>
    new TableWorld({ changeLog: { id: 'id', processed: 'processed' } }, 'sequence');

  test('entries are marked after their commit, once, and exactly those', async () => {
    const world = marking();
    world.rows.put(1, 1, 'a');
    world.rows.put(3, 3, 'b');
    await world.run({ maxBatchBytes: 1 });
    expect(world.rows.marks).toEqual([['1', '3']]);
    expect(world.versions()).toEqual(['a', 'b']);
    world.rows.put(2, 2, 'committed late');
    await world.run();
    await world.run();
    expect(world.rows.marks).toEqual([['1', '3'], ['2']]);
    expect(world.versions()).toEqual(['a', 'b', 'committed late']);
  });

  test('entries that have landed and could not be marked do not land again', async () => {
    const world = marking();
    world.rows.put(1, 1, 'a');
    const mark = world.rows.markProcessed;
    world.rows.markProcessed = () => {
      throw new TransientError('DB_LOST', 'connection lost');
    };
    await expect(world.run()).rejects.toThrow('connection lost');
    world.rows.markProcessed = mark;
    world.rows.put(2, 2, 'b');
    await world.run();
    expect(world.versions()).toEqual(['a', 'b']);
  });

  test('no commit has more entries than the run after it can hold and mark', async () => {
    const world = marking();
    const MOST = 200_000;
    const limits: (number | undefined)[] = [];
    const read = world.table.read.bind(world.table);
    world.table.read = (request) => {
      limits.push(request.maxRows);
      return read(request);
    };
    world.rows.put(1, 1, 'a');
    await world.run();
    expect(limits[0]).toBe(MOST);
    // One entry has landed and may not be marked yet.
    expect(limits[1]).toBe(MOST + 1);
  });

  test('a mark that does not last stops the source', async () => {
    const world = marking();
    world.rows.put(1, 1, 'a');
    world.rows.markProcessed = () => undefined;
    await expect(world.run()).rejects.toMatchObject({ code: 'DB_NOT_MARKED', disposition: 'block' });
    expect(world.versions()).toEqual(['a']);
  });
});

describe('as a whole', () => {
  const HALF_DAY_MS = 43_200_000;

  test('each extract that is due is a snapshot of its own, and none is begun before', async () => {
    const world = new TableWorld();
    const startedAtMs = world.clock.nowMs();
    world.rows.put(1, 1, 'a');
    expect(await world.run()).toMatchObject({ finished: true, commits: 1 });
    expect((await world.run()).commits).toBe(0);
    world.clock.advance(HALF_DAY_MS);
    world.rows.put(2, 2, 'b');
    expect((await world.run()).commits).toBe(1);
    const [first, second] = [0, HALF_DAY_MS].map((ms) => String(startedAtMs + ms));
    expect(world.landed()).toEqual({
      [`pull/orders/extract/1-${first ?? ''}/0/0`]: 'a',
      [`pull/orders/extract/2-${second ?? ''}/0/0`]: 'a',
      [`pull/orders/extract/2-${second ?? ''}/0/1`]: 'b',
    });
  });

  test('a table of several splits appears at once, with the run that reads the last one', async () => {
    const world = new TableWorld();
    for (let id = 1; id <= 10; id++) world.rows.put(id, id, `v${String(id)}`);
    let turns = 0;
    world.onTurn = () => {
      // Time is up in the second split.
      if (++turns === 7) world.clock.advance(MINUTE_MS);
      return Promise.resolve();
    };
    expect(await world.run({ runMs: MINUTE_MS })).toMatchObject({ finished: false, commits: 0 });
    expect(world.versions()).toEqual([]);
    expect(await world.run()).toMatchObject({ finished: true, commits: 1 });
    expect(world.versions()).toHaveLength(10);
    const { position } = await world.ledger.read(world.lane);
    expect(parseTablePosition('orders', 'extract', position)).toMatchObject({ number: 1 });
  });

  test('an empty table is an extract without rows', async () => {
    const world = new TableWorld();
    expect(await world.run()).toMatchObject({ finished: true, commits: 1 });
    expect((await world.run()).commits).toBe(0);
  });

  test('a large table without a key to divide it is staged in parts, by one statement', async () => {
    const world = new TableWorld({ key: [] });
    world.rowBytes = 40 * 1024 * 1024;
    world.table.planBoundaries = () => Promise.resolve([]);
    for (let id = 1; id <= 6; id++) world.rows.put(id, id, `v${String(id)}`);
    expect((await world.run()).commits).toBe(1);
    expect(world.versions()).toHaveLength(6);
  });

  test('a range that needs more than a run stops the source and says what to change', async () => {
    const world = new TableWorld({ key: [] });
    world.table.planBoundaries = () => Promise.resolve([]);
    for (let id = 1; id <= 5; id++) world.rows.put(id, id, 'a');
    let turns = 0;
    world.onTurn = () => {
      if (++turns > 1) world.clock.advance(MINUTE_MS);
      return Promise.resolve();
    };
    await expect(world.run({ runMs: MINUTE_MS })).rejects.toMatchObject({
      code: 'SPLIT_TOO_LARGE',
      message: expect.stringContaining('sources.orders.key') as string,
    });
  });

  test('an extract that stood still for days is begun anew', async () => {
    const world = new TableWorld();
    for (let id = 1; id <= 10; id++) world.rows.put(id, id, `v${String(id)}`);
    let turns = 0;
    world.onTurn = () =>
      ++turns === 7 ? Promise.reject(new TransientError('DB_LOST', 'connection lost')) : Promise.resolve();
    await expect(world.run()).rejects.toThrow('connection lost');
    world.clock.advance(4 * HALF_DAY_MS);
    world.rows.put(1, 1, 'new');
    expect((await world.run()).commits).toBe(1);
    expect(world.versions()).toContain('new');
    expect(Object.keys(world.landed()).every((id) => id.startsWith('pull/orders/extract/2-'))).toBe(true);
  });

  const stageHalf = async (
    settings: ConstructorParameters<typeof TableWorld>[0] = {},
  ): Promise<TableWorld> => {
    const world = new TableWorld(settings);
    for (let id = 1; id <= 10; id++) world.rows.put(id, id, `v${String(id)}`);
    let turns = 0;
    world.onTurn = () =>
      ++turns === 7 ? Promise.reject(new TransientError('DB_LOST', 'connection lost')) : Promise.resolve();
    await expect(world.run()).rejects.toThrow('connection lost');
    world.rows.put(1, 1, 'new');
    return world;
  };

  test('an extract that was begun goes on after a deployment that changes nothing of it', async () => {
    const world = await stageHalf();
    world.deploy({ rowsPerSplit: 20_000, tasksMax: 2 });
    await world.run();
    expect(world.versions()).not.toContain('new');
  });

  test.each([
    ['partitions', { partition: 'day' }],
    ['columns', { columns: { id: 'bigint', at: 'timestamp', version: 'text' } }],
    ['table', { table: 'public.orders_2' }],
  ] as const)(
    'after a deployment with other %s nothing that was staged before it lands',
    async (_, settings) => {
      const world = await stageHalf();
      world.deploy(settings);
      expect((await world.run()).commits).toBe(1);
      expect(world.versions()).toContain('new');
      expect(world.versions()).toHaveLength(10);
    },
  );

  test('after the position was reset the table is read again, not what was staged of it before', async () => {
    const world = await stageHalf();
    await world.run();
    const { version } = await world.ledger.read(world.lane);
    await world.ledger.reposition(world.lane, version, undefined, 'by hand');
    world.rows.put(2, 2, 'newer');
    expect((await world.run()).commits).toBe(1);
    expect(Object.keys(world.landed())).toHaveLength(20);
    expect(world.versions()).toContain('newer');
  });
});
