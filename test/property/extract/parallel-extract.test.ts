import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createParallelExtractReader, runSplit } from '../../../shared/pipeline/extract/run-extract.ts';
import { runLane } from '../../../shared/pipeline/land.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { parseTablePosition } from '../../../shared/domain/table-position.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { Crowd } from '../../support/crowd.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedOrders } from '../../support/orders-lake.ts';
import { OrdersTable } from '../../support/orders-table.ts';

const DAY_MS = 86_400_000;
const SLOTS = 3;
/** A run has some hundred calls of stores. */
const TROUBLE = { kill: 0.004, fail: 0.008 };

const orders = (count: number, days = 1) =>
  Array.from({ length: count }, (_, i) => ({
    id: BigInt(i),
    at: BigInt(Date.UTC(2026, 0, 1 + (i % days))) * 1000n,
    body: `order ${String(i)}`,
  }));

/** `rowsPerSplit` is 10,000 at least in a configuration; the table in memory takes a thousandth of it. */
function createTable(count: number, days?: number): OrdersTable {
  const table = new OrdersTable(orders(count, days));
  const planBoundaries = table.planBoundaries.bind(table);
  table.planBoundaries = ({ rowsPerSplit }) => planBoundaries({ rowsPerSplit: rowsPerSplit / 1000 });
  return table;
}

function createRun(seed: number, rates: { kill: number; fail: number }, rows = 95, days = 1) {
  const crowd = new Crowd(seed, rates);
  const source = declareOrders({
    rowsPerSplit: 10_000,
    tasksMax: SLOTS,
    ...(days > 1 && { eventTime: { path: 'at' } }),
  });
  const world = new ExtractWorld(crowd, source);
  const table = createTable(rows, days);
  table.beforeBatch = () => crowd.pause();
  const invoke = async (work: PullWork): Promise<void> => {
    const deps = world.deps(source, table);
    if (work.task === 'split') await runSplit(deps, work);
    else await runLane(deps.land, await createParallelExtractReader(deps), deps.options);
  };
  const fire = (): void => {
    crowd.start(
      () => invoke({ source: source.name }),
      () => undefined,
    );
  };
  const committed = (): number =>
    parseTablePosition(source.name, 'extract', world.ledger.peek('pull/orders').position)?.number ?? 0;
  return { crowd, world, table, invoke, fire, committed };
}

describe('a large extract that is read in parallel', () => {
  test('lands once and complete, whoever dies, fails, comes twice or gets lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(1, 4), async (seed, days) => {
        const { crowd, world, table, invoke, fire, committed } = createRun(seed, TROUBLE, 95, days);
        for (let extract = 1; extract <= 2; extract++) {
          crowd.rates = TROUBLE;
          for (let runs = 0; runs < 4 && committed() < extract; runs++) {
            fire();
            if (crowd.chance(0.4)) fire();
            for (let i = crowd.draw(300); i > 0 && (await crowd.step()); i--) world.deliver(invoke);
            if (crowd.chance(0.2)) world.loseMessages();
            await world.settle(invoke);
            world.clock.advance(200_000);
          }
          crowd.rates = { kill: 0, fail: 0 };
          for (let runs = 0; runs < 2 && committed() < extract; runs++) {
            fire();
            await world.settle(invoke);
          }
          expect(committed()).toBe(extract);
          world.clock.advance(DAY_MS);
        }
        const landed = landedOrders(world.lake);
        expect(new Set(landed.map(({ rowId }) => rowId)).size).toBe(landed.length);
        const times = [...new Set(landed.map(({ receivedAtMs }) => receivedAtMs))];
        expect(times).toHaveLength(2);
        const all = [...table.rows.keys()].map(String).sort();
        for (const time of times) {
          const ofExtract = landed.filter(({ receivedAtMs }) => receivedAtMs === time);
          expect(ofExtract.map(({ id }) => String(id)).sort()).toEqual(all);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('one run is enough where nothing fails, and no more than tasksMax read at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { world, table, invoke, fire, committed } = createRun(seed, { kill: 0, fail: 0 });
        table.batchRows = 1;
        fire();
        fire();
        await world.settle(invoke);
        expect(committed()).toBe(1);
        expect(landedOrders(world.lake)).toHaveLength(95);
        expect(table.mostReading).toBeLessThanOrEqual(SLOTS);
      }),
      { numRuns: 30 },
    );
  });

  test('a split that fails is repeated alone', async () => {
    const { world, table, invoke, fire, committed } = createRun(1, { kill: 0, fail: 0 });
    const read = table.read.bind(table);
    const reads = new Map<string, number>();
    let failures = 2;
    table.read = (request) => {
      const from = request.keys?.from?.[0] ?? '';
      reads.set(from, (reads.get(from) ?? 0) + 1);
      if (from === '29' && failures-- > 0) throw new TransientError('DB_CONNECTION', 'lost');
      return read(request);
    };
    fire();
    await world.settle(invoke);
    expect(committed()).toBe(1);
    expect(reads.get('29')).toBe(3);
    expect([...reads].filter(([from]) => from !== '29').map(([, count]) => count)).toEqual(
      Array.from({ length: 9 }, () => 1),
    );
  });

  test('a run that fires again while an extract is being landed leaves it alone', async () => {
    const { crowd, world, invoke, fire, committed } = createRun(5, { kill: 0, fail: 0 });
    fire();
    for (let i = 0; i < 20_000 && committed() === 0; i++) {
      const isLanding = world.ledger.peek('pull/orders').intent !== undefined;
      world.clock.advance(isLanding ? 500 : 20);
      if (isLanding && i % 5 === 0) fire();
      world.deliver(invoke);
      await crowd.step();
    }
    await world.settle(invoke);
    expect(world.lake.list('raw/').map(({ kind }) => kind)).not.toContain('tombstone');
    expect(committed()).toBe(1);
  });
});
