import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBackfill, parseWindow } from '../../../shared/domain/backfill.ts';
import { RejectedError } from '../../../shared/domain/errors.ts';
import { askBackfill, cancelBackfill, readBackfill } from '../../../shared/pipeline/backfill/ask-backfill.ts';
import { runBackfill } from '../../../shared/pipeline/backfill/run-backfill.ts';
import { createTableBackfill } from '../../../shared/pipeline/backfill/table-backfill.ts';
import { createWindowReader } from '../../../shared/pipeline/backfill/table-window-reader.ts';
import { runLane } from '../../../shared/pipeline/land.ts';
import { createTableReader } from '../../../shared/pipeline/table/create-table-reader.ts';
import type { LedgerState } from '../../../shared/ports/ledger-store.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { Crowd, type CrowdRates } from '../../support/crowd.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedOrders, orderLookup } from '../../support/orders-lake.ts';
import { OrdersTable, type OrderRow } from '../../support/orders-table.ts';

const TROUBLE: CrowdRates = { kill: 0.004, fail: 0.008 };
const CALM: CrowdRates = { kill: 0, fail: 0 };
const SECOND = 1_000_000n;
/** The incremental runs begin here; what is before it is only read by backfills. */
const INITIAL = 1_000n;

const cursor = (second: bigint): string => String(second * SECOND);
/** One row per second, with a second that several share now and then. */
const row = (id: number, second: number): OrderRow => ({
  id: BigInt(id),
  at: BigInt(second) * SECOND,
  body: `order ${String(id)}`,
});

function createRun(seed: number, rates: CrowdRates) {
  const crowd = new Crowd(seed, rates);
  const source = declareOrders({ incremental: { cursor: 'at', initialValue: cursor(INITIAL) } });
  const world = new ExtractWorld(crowd, source);
  const table = new OrdersTable();
  table.beforeBatch = () => crowd.pause();
  const deps = () => {
    const own = {
      ...world.deps(source, table),
      landedRows: orderLookup(world.lake, () => crowd.pause()),
    };
    return { ...own, mode: createTableBackfill(own) };
  };
  const invoke = async (work: PullWork): Promise<void> => {
    const own = deps();
    if (work.task === 'backfill') await runBackfill(own, work);
    else await runLane(own.land, createTableReader(own), own.options);
  };
  const fire = (): void => {
    crowd.start(
      () => invoke({ source: source.name }),
      () => undefined,
    );
  };
  /** Somebody at the command line, whom nothing befalls. */
  const operate = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    let result: { readonly value: Result } | { readonly error: unknown } | undefined;
    void work().then(
      (value) => (result = { value }),
      (error: unknown) => (result = { error }),
    );
    while (result === undefined) {
      await crowd.step();
      world.clock.advance(20);
      world.deliver(invoke);
    }
    if ('error' in result) throw result.error as Error;
    return result.value;
  };
  const ask = async (from: bigint, to: bigint, step = 20n): Promise<void> => {
    await operate(async () => {
      const request = { from: cursor(from), to: cursor(to), step: `${String(step)} seconds`, parallel: 3 };
      const { number } = await askBackfill(world.land, source.name, request);
      await world.queue.send({ source: source.name, task: 'backfill', backfill: number });
    });
  };
  const cancel = () =>
    operate(() =>
      cancelBackfill({ ...world.land, stage: world.stage }, source.name, {
        owner: 'operator',
        deadlineMs: Infinity,
      }),
    );
  const latest = () => parseBackfill(source.name, world.ledger.peek('backfill/orders').position);
  return { crowd, source, world, table, invoke, fire, ask, cancel, latest, deps };
}

const versions = (rows: Iterable<OrderRow>): string[] =>
  [...rows].map(({ id, at }) => `${String(id)} ${String(at)}`).sort();

describe('a backfill', () => {
  test('lands every row once, beside the incremental runs, whoever dies, fails, comes twice, is cancelled or asked again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const run = createRun(seed, CALM);
        const { crowd, world, table, invoke, fire, ask, cancel, latest } = run;
        let id = 0;
        for (let second = 900; second < 1_100; second++) {
          const count = crowd.chance(0.2) ? 3 : 1;
          for (let i = 0; i < count; i++, id++) table.rows.set(BigInt(id), row(id, second));
        }
        fire();
        await world.settle(invoke);
        crowd.rates = TROUBLE;
        for (let round = 0; round < 4; round++) {
          // New rows, and old ones that change, which moves their cursor: what the incremental runs are for.
          for (let i = 0; i < 5; i++, id++) table.rows.set(BigInt(id), row(id, 1_100 + round * 10 + i));
          if (crowd.chance(0.7)) fire();
          await ask(900n, BigInt(980 + crowd.draw(200))).catch((error: unknown) => {
            expect(error).toBeInstanceOf(RejectedError);
          });
          for (let i = crowd.draw(400); i > 0 && (await crowd.step()); i--) {
            world.clock.advance(20);
            world.deliver(invoke);
            if (crowd.chance(0.01)) fire();
          }
          if (crowd.chance(0.3)) await cancel();
          if (crowd.chance(0.2)) world.loseMessages();
        }
        crowd.rates = CALM;
        await world.settle(invoke);
        world.clock.advance(200_000);
        await cancel();
        await ask(900n, 2_000n);
        fire();
        await world.settle(invoke);
        expect(latest()?.status).toBe('done');
        const landed = landedOrders(world.lake);
        expect(versions(landed)).toEqual(versions(table.rows.values()));
        expect(new Set(landed.map(({ rowId }) => rowId)).size).toBe(landed.length);
      }),
      { numRuns: 40 },
    );
  });

  test('resumes where it was when its messages are lost, and says what it has come to', async () => {
    const { crowd, world, table, invoke, fire, ask, latest, source } = createRun(7, CALM);
    for (let id = 0; id < 150; id++) table.rows.set(BigInt(id), row(id, 900 + id));
    fire();
    await world.settle(invoke);
    await ask(900n, 1_000n);
    while (world.ledger.peek('backfill/orders/slot-0').commits === 0) {
      await crowd.step();
      world.deliver(invoke);
    }
    do world.loseMessages();
    while (await crowd.step());
    const before = await world.settleOn(() => readBackfill(world.land, source.name));
    expect(before?.backfill.status).toBe('running');
    expect(before?.progress?.done.size).toBeGreaterThan(0);
    expect(before?.progress?.done.size).toBeLessThan(5);
    await ask(900n, 1_000n);
    await world.settle(invoke);
    expect(latest()).toMatchObject({
      number: 1,
      status: 'done',
      plan: { from: cursor(900n), to: cursor(1_000n), windows: 5 },
      totals: { read: 100, landed: 100 },
    });
    await ask(900n, 1_000n);
    await world.settle(invoke);
    expect(latest()).toMatchObject({ number: 2, status: 'done', totals: { read: 100, landed: 0 } });
  });

  test('ends where the incremental runs have come to, and another range has to wait', async () => {
    const { world, table, invoke, fire, ask, latest } = createRun(7, CALM);
    for (let id = 0; id < 150; id++) table.rows.set(BigInt(id), row(id, 900 + id));
    fire();
    await world.settle(invoke);
    await ask(950n, 5_000n, 500n);
    await expect(ask(900n, 950n)).rejects.toMatchObject({ code: 'BACKFILL_RUNNING' });
    await world.settle(invoke);
    expect(latest()).toMatchObject({ status: 'done', plan: { to: cursor(1_049n), windows: 1 } });
    expect(landedOrders(world.lake)).toHaveLength(100);
  });

  test('is refused with a reason where the runs have read nothing yet, and the next one can be asked for', async () => {
    const { world, invoke, ask, latest } = createRun(7, CALM);
    await ask(1_200n, 1_300n);
    await world.settle(invoke);
    expect(latest()?.status).toBe('refused');
    expect(latest()?.problem).toContain('have not come beyond 1000000000');
    await ask(900n, 950n);
    await world.settle(invoke);
    expect(latest()?.status).toBe('done');
  });

  test('asked again for the same state, a window offers fewer rows, and is not done before all are read', async () => {
    const { table, world, deps } = createRun(7, CALM);
    table.batchRows = 1;
    table.beforeBatch = () => Promise.resolve();
    for (let id = 0; id < 8; id++) table.rows.set(BigInt(id), row(id, 900 + id));
    const lane = 'backfill/orders/1/0';
    const reader = createWindowReader(
      { ...deps(), landedRows: orderLookup(world.lake, () => Promise.resolve()) },
      { lane, from: cursor(900n), until: cursor(1_000n) },
    );
    const start = { position: undefined, commits: 0, version: 0, intent: undefined };
    const offer = async (state: LedgerState): Promise<{ rows: number; to: string; status: string }> => {
      const batch = await reader.read(state, 1e9);
      if (typeof batch !== 'object') throw new Error('there are rows');
      const rows = batch.entries.reduce((sum, entry) => sum + (entry.kind === 'table' ? entry.rows : 0), 0);
      return { rows, to: batch.to, status: parseWindow(lane, batch.to).status };
    };
    expect(await offer(start)).toMatchObject({ rows: 8, status: 'done' });
    const half = await offer(start);
    expect(half).toMatchObject({ rows: 4, status: 'open' });
    const next = { position: half.to, commits: 1, version: 2, intent: undefined };
    const rest = await offer(next);
    // As many as it has asked for: there may be more.
    expect(rest).toMatchObject({ rows: 4, status: 'open' });
    expect(await offer({ ...next, position: rest.to, commits: 2, version: 4 })).toMatchObject({
      ...{ rows: 0, status: 'done' },
    });
  });

  test('lands nothing any more once it is cancelled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { crowd, world, table, invoke, ask, cancel, latest } = createRun(seed, CALM);
        for (let id = 0; id < 100; id++) table.rows.set(BigInt(id), row(id, 900 + id));
        await ask(900n, 1_000n);
        for (let i = crowd.draw(300); i > 0 && (await crowd.step()); i--) world.deliver(invoke);
        const cancelled = await cancel();
        const landed = landedOrders(world.lake).length;
        await world.settle(invoke);
        expect(landedOrders(world.lake)).toHaveLength(landed);
        if (cancelled === undefined) return;
        expect(cancelled.totals?.landed).toBe(landed);
        expect(latest()?.status).toBe('cancelled');
      }),
      { numRuns: 30 },
    );
  });
});
