import { describe, expect, test } from 'vitest';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { runSource, type PullOutcome } from '../../../shared/pipeline/runs/run-source.ts';
import { createTableReader } from '../../../shared/pipeline/table/create-table-reader.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedOrders } from '../../support/orders-lake.ts';
import { OrdersTable } from '../../support/orders-table.ts';

const MINUTE_MS = 60_000;
/** Batches of each of the three splits, and how long each takes. */
const BATCHES = 5;
const BATCH_MS = MINUTE_MS / 2;

/** A source whose extract takes seven minutes and a half, read by one run. */
function setUp() {
  const source = declareOrders();
  const table = new OrdersTable(
    Array.from({ length: 3 * BATCHES }, (_, i) => ({ id: BigInt(i), at: 0n, body: String(i) })),
  );
  table.batchRows = 1;
  table.planBoundaries = () => Promise.resolve([['4'], ['9']]);
  const world = new ExtractWorld(undefined, source);
  const control = new MemoryPullControlStore();
  const queue = new MemoryWorkQueue({ clock: world.clock });
  let batches = 0;
  const onBatch: ((batch: number) => Promise<void>)[] = [];
  table.beforeBatch = async () => {
    world.clock.advance(BATCH_MS);
    batches++;
    for (const hook of onBatch) await hook(batches);
  };
  let runs = 0;
  const run = (): Promise<PullOutcome> => {
    const request = { owner: `run-${String(++runs)}`, deadlineMs: world.clock.nowMs() + 15 * MINUTE_MS };
    const { land, ...deps } = world.deps(source, table);
    return runSource(
      { ...land, control, queue, schedule: new MemoryPollSchedule(), stage: world.stage },
      {
        ...{ ...request, source },
        open: (stayHere) => createTableReader({ ...deps, ...request, stayHere }),
      },
    );
  };
  const pause = async (isPaused: boolean): Promise<void> => {
    const { version, ...state } = await control.read('orders');
    const paused = { sinceMs: world.clock.nowMs(), by: 'operator' as const, who: undefined, reason: 'test' };
    await control.write(
      'orders',
      version,
      { ...state, paused: isPaused ? paused : undefined },
      String(version),
    );
  };
  return { world, queue, onBatch, run, pause, batches: () => batches };
}

describe('a run that reads a large extract', () => {
  test('holds its source all the time: schedules that fire meanwhile read nothing', async () => {
    const { world, onBatch, run, batches } = setUp();
    const others: PullOutcome[] = [];
    let isNested = false;
    onBatch.push(async (batch) => {
      if (batch < 2 || isNested) return;
      isNested = true;
      others.push(await run());
      isNested = false;
    });
    expect(await run()).toMatchObject({ finished: true, commits: 1 });
    expect(others).toHaveLength(3 * BATCHES - 1);
    expect(new Set(others.map(({ left }) => left))).toEqual(new Set(['busy']));
    expect(batches()).toBe(3 * BATCHES);
    expect(landedOrders(world.lake)).toHaveLength(3 * BATCHES);
  });

  test('ends with the range that it is at when the source is paused, and the next run goes on', async () => {
    const { world, queue, onBatch, run, pause, batches } = setUp();
    let isPaused = false;
    onBatch.push(async (batch) => {
      if (batch !== BATCHES + 2 || isPaused) return;
      isPaused = true;
      await pause(true);
    });
    expect(await run()).toMatchObject({ finished: false, commits: 0, left: 'paused' });
    expect(batches()).toBe(2 * BATCHES);
    // Nobody is asked to go on.
    expect(queue.waiting()).toEqual([]);
    expect(landedOrders(world.lake)).toEqual([]);
    await pause(false);
    expect(await run()).toMatchObject({ finished: true, commits: 1 });
    expect(batches()).toBe(3 * BATCHES);
  });
});
