import { describe, expect, test } from 'vitest';
import { encodeIntent } from '../../../shared/adapters/aws/intent-attribute.ts';
import type { LakeObject } from '../../../shared/ports/lake.ts';
import { parseTablePosition } from '../../../shared/domain/table-position.ts';
import { createParallelExtractReader, runSplit } from '../../../shared/pipeline/extract/run-extract.ts';
import { readSettled, runLane } from '../../../shared/pipeline/land.ts';
import { createTableReader } from '../../../shared/pipeline/table/create-table-reader.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedOrders } from '../../support/orders-lake.ts';
import { OrdersTable } from '../../support/orders-table.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LANE = 'pull/orders';
/** See `create-extract-reader.ts`. */
const MAX_FILES = 30_000;

/** A source whose rows fall into a partition each, in two splits. */
function createWorld(rows: number, settings: Parameters<typeof declareOrders>[0] = {}) {
  const source = declareOrders({ partition: 'hour', eventTime: { path: 'at' }, ...settings });
  const table = new OrdersTable(
    Array.from({ length: rows }, (_, i) => ({
      id: BigInt(i),
      at: BigInt(Date.UTC(2020, 0, 1) + i * HOUR_MS) * 1000n,
      body: `order ${String(i)}`,
    })),
  );
  table.batchRows = 5_000;
  table.planBoundaries = () => Promise.resolve([[String(Math.floor(rows / 2) - 1)]]);
  const world = new ExtractWorld(undefined, source);
  const times: { putMs: number; puts: number; onPut?: (puts: number) => Promise<void> } = {
    putMs: 0,
    puts: 0,
  };
  const put = world.lake.putIfAbsent.bind(world.lake);
  world.lake.putIfAbsent = async (key: string, object: LakeObject) => {
    world.clock.advance(times.putMs);
    if (object.kind === 'data') {
      times.puts++;
      await times.onPut?.(times.puts);
    }
    return await put(key, object);
  };
  const run = async (stayHere?: () => Promise<undefined>) => {
    const deps = { ...world.deps(source, table), ...(stayHere && { stayHere }) };
    return await runLane(deps.land, createTableReader(deps), deps.options);
  };
  const invoke = async (work: PullWork): Promise<void> => {
    const deps = world.deps(source, table);
    if (work.task === 'split') await runSplit(deps, work);
    else await runLane(deps.land, await createParallelExtractReader(deps), deps.options);
  };
  /** A run that dies when it has put 60 files. */
  const runAndDie = async (): Promise<void> => {
    times.onPut = (puts) => (puts === 60 ? Promise.reject(new Error('killed')) : Promise.resolve());
    await expect(run()).rejects.toThrow('killed');
    times.onPut = undefined;
  };
  const number = (): number | undefined =>
    parseTablePosition('orders', 'extract', world.ledger.peek(LANE).position)?.number;
  return { source, table, world, times, run, runAndDie, invoke, number };
}

const kinds = (world: ExtractWorld) => new Set(world.lake.list('raw/').map(({ kind }) => kind));

describe('an extract of more files than a run can put', () => {
  test('holds its source while files are put', async () => {
    const { world, times, run } = createWorld(400);
    times.putMs = 1_000;
    let lastMs = 0;
    let longestMs = 0;
    await run(() => {
      const nowMs = world.clock.nowMs();
      if (times.puts > 0) longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
      return Promise.resolve(undefined);
    });
    expect(times.puts).toBeGreaterThan(100);
    expect(longestMs).toBeGreaterThan(0);
    expect(Math.max(longestMs, world.clock.nowMs() - lastMs)).toBeLessThan(60_000);
  });

  test('lands over several runs with one commit, each file put once', async () => {
    const { world, times, run, number } = createWorld(400);
    times.putMs = 1_000;
    for (let runs = 1; number() === undefined; runs++) {
      const { finished } = await run();
      expect(finished).toBe(number() !== undefined);
      expect(runs).toBeLessThan(6);
    }
    expect(times.puts).toBe(400);
    expect(world.ledger.peek(LANE).commits).toBe(1);
    expect(kinds(world)).toEqual(new Set(['data']));
    expect(new Set(landedOrders(world.lake).map(({ id }) => id)).size).toBe(400);
    expect(world.telemetry.total('RecordsLanded', 'orders')).toBe(400);
  });

  test('is gone on with by messages where it is read in parallel, and no failure is noted', async () => {
    const { world, times, invoke, number } = createWorld(400, { tasksMax: 2 });
    times.putMs = 1_000;
    await world.settleOn(() => invoke({ source: 'orders' }));
    await world.settle(invoke);
    expect(number()).toBe(1);
    expect(times.puts).toBe(400);
    expect(kinds(world)).toEqual(new Set(['data']));
  });

  test('a message that comes late begins no other extract, though one is due', async () => {
    const { source, table, world, invoke, number } = createWorld(20, { tasksMax: 2, freshness: '1 minute' });
    await world.settleOn(() => invoke({ source: 'orders' }));
    const find = world.stage.find.bind(world.stage);
    let hasLanded = false;
    // Somebody else lands it between what the message looks up and what it reads then.
    world.ledger.read = ((read) => async (lane: string) => {
      if (lane === 'extract/orders/landing' && !hasLanded) {
        hasLanded = true;
        const deps = world.deps(source, table);
        await runLane(deps.land, createTableReader(deps), deps.options);
        world.clock.advance(40_000);
      }
      return await read(lane);
    })(world.ledger.read.bind(world.ledger));
    await world.settle(invoke);
    expect(hasLanded).toBe(true);
    expect(number()).toBe(1);
    expect(await find('pull/orders/extract', 2)).toBeUndefined();
  });

  test('a run that fails on the way leaves what it has put to the next one', async () => {
    const { world, times, run, runAndDie, number } = createWorld(100);
    await runAndDie();
    await run();
    expect(number()).toBe(1);
    expect(times.puts).toBeLessThanOrEqual(101);
    expect(landedOrders(world.lake)).toHaveLength(100);
  });

  test('is given up when somebody settles the lane without it, and lands anew', async () => {
    const { source, table, world, run, runAndDie, number } = createWorld(100);
    await runAndDie();
    const { land, options } = world.deps(source, table);
    expect(await readSettled(land, LANE, options)).toMatchObject({ intent: undefined, position: undefined });
    expect(landedOrders(world.lake)).toHaveLength(0);
    await run();
    expect(number()).toBe(1);
    expect(landedOrders(world.lake)).toHaveLength(100);
  });

  test.each([
    ['is gone on with after two days', 2.5, 1],
    ['is withdrawn after three days, when its files may be gone, and begun anew', 3, 2],
  ])('%s', async (_, days, expected) => {
    const { world, run, runAndDie, number } = createWorld(100);
    await runAndDie();
    world.clock.advance(days * DAY_MS);
    await run();
    expect(number()).toBe(expected);
    expect(landedOrders(world.lake)).toHaveLength(100);
  });

  test('is withdrawn when its files would stand in other partitions by now', async () => {
    const { table, world, runAndDie, number } = createWorld(100);
    await runAndDie();
    world.clock.advance(11_000);
    const changed = declareOrders({ partition: 'day', eventTime: { path: 'at' } });
    const deps = world.deps(changed, table);
    await runLane(deps.land, createTableReader(deps), deps.options);
    expect(number()).toBe(2);
    const landed = world.lake.list('raw/').filter(({ kind }) => kind === 'data');
    expect(landed.filter(({ key }) => key.includes('hour='))).toEqual([]);
    expect(landedOrders(world.lake)).toHaveLength(100);
  });
});

describe('the files of one commit', () => {
  test('30,000 land together, 30,001 are refused before the first is put', async () => {
    const { table, world, times, run, number } = createWorld(MAX_FILES);
    expect(await run()).toMatchObject({ finished: true, commits: 1 });
    expect(number()).toBe(1);
    expect(times.puts).toBe(MAX_FILES);
    world.clock.advance(DAY_MS);
    table.rows.set(-1n, { id: -1n, at: 0n, body: 'one more' });
    await expect(run()).rejects.toMatchObject({ code: 'EXTRACT_TOO_MANY_FILES', disposition: 'block' });
    expect(times.puts).toBe(MAX_FILES);
  });

  test('as many fit into an item of the ledger, also with long names and in no order', () => {
    const source = 'a_source_whose_name_is_as_long_as_a_name_may_be_in_this_project';
    let random = 7;
    const draw = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below;
    const objects = Array.from({ length: MAX_FILES }, (_, i) => {
      const [dt, hour] = new Date(Date.UTC(1996, 0, 1) + draw(30 * 365 * 24) * HOUR_MS)
        .toISOString()
        .split('T');
      const partition = `dt=${dt ?? ''}/hour=${hour?.slice(0, 2) ?? ''}`;
      return {
        key: `raw/${source}/${partition}/extract-1234-${String(i)}-v98765.parquet`,
        ...{ source, zone: 'raw' as const },
      };
    });
    const stored = encodeIntent({
      ...{ from: 'x'.repeat(200), to: 'x'.repeat(200), objects, records: 1e12, configVersion: 'c' },
      ...{ owner: 'o', leaseUntilMs: 0 },
    });
    expect(stored.B?.length).toBeGreaterThan(100_000);
  });
});
