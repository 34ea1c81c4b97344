import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createBackfillCommand } from '../../../cli/commands/backfill.ts';
import type { OpenReplay } from '../../../cli/open-replay.ts';
import { MemoryFindingStore } from '../../../shared/adapters/memory/memory-finding-store.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { defineConfig } from '../../../shared/config/define-config.ts';
import { runBackfill } from '../../../shared/pipeline/backfill/run-backfill.ts';
import { createTableBackfill } from '../../../shared/pipeline/backfill/table-backfill.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedOrders, orderLookup } from '../../support/orders-lake.ts';
import { OrdersTable } from '../../support/orders-table.ts';

const DAY = 86_400_000_000n;
const cursor = (day: number): string => String(BigInt(day) * DAY);

/** @param lost from which message on they fail for good; nobody works on them any more */
function setUp(answer = true, lost = Infinity) {
  const source = declareOrders({ incremental: { cursor: 'at', initialValue: cursor(100) } });
  const world = new ExtractWorld(undefined, source);
  const table = new OrdersTable(
    Array.from({ length: 60 }, (_, i) => ({
      id: BigInt(i),
      at: BigInt(i) * DAY,
      body: `order ${String(i)}`,
    })),
  );
  const works: PullWork[] = [];
  const steps: string[] = [];
  const out: string[] = [];
  const questions: string[] = [];
  const errors: string[] = [];
  /** The function: it works while the command waits. */
  const invoke = async (work: PullWork): Promise<void> => {
    if (work.task !== 'backfill') throw new Error('only backfills are asked for here');
    const deps = {
      ...world.deps(source, table),
      queue: { send: (next: PullWork) => Promise.resolve(void works.push(next)) },
    };
    const landedRows = orderLookup(world.lake, () => Promise.resolve());
    await runBackfill({ ...deps, mode: createTableBackfill({ ...deps, landedRows }) }, work);
  };
  const clock = new ManualClock({ jump: true });
  let received = 0;
  const sleep = async (ms: number): Promise<void> => {
    const work = works.shift();
    if (work !== undefined && received++ < lost) await invoke(work);
    else if (lost < Infinity) clock.advance(ms);
  };
  const config = defineConfig({
    sources: {
      orders: toInput(source.config),
      rates: {
        ...{ type: 'http', freshness: '1 hour', volume: { gbPerDay: 1 }, key: ['id', 'at'] },
        url: 'https://api.example.com/rates',
        incremental: { cursor: 'at', parameter: 'since', initialValue: '2025-01-01T00:00:00Z' },
        contract: {
          schema: {
            type: 'object',
            properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
          },
        },
      },
      table: { ...toInput(source.config), incremental: undefined },
      lines: {
        ...{ type: 'http', freshness: '1 hour', volume: { gbPerDay: 1 }, key: ['id'] },
        url: 'https://api.example.com/orders/{parent.id}/lines',
        parent: { url: 'https://api.example.com/orders', key: 'id' },
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
      },
      objects: {
        ...{ type: 'files', freshness: '1 hour', volume: { gbPerDay: 1 } },
        location: 's3://partner/exports/',
        format: { type: 'ndjson' },
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
      },
    },
  });
  const command = createBackfillCommand(
    {
      terminal: {
        out: (text) => out.push(text),
        err: (text) => errors.push(text),
        confirm: (question) => {
          questions.push(question);
          return Promise.resolve(answer);
        },
      },
      clock: { nowMs: () => clock.nowMs(), sleep },
      who: 'ada@lab',
      loadConfig: () => Promise.resolve(config),
      openPull: () =>
        Promise.resolve({
          control: new MemoryPullControlStore(),
          ledger: world.ledger,
          perform: invoke,
          start: (work: PullWork) => Promise.resolve(void works.push(work)),
          counts: world.ledger.counts,
          findings: new MemoryFindingStore(),
          tellOfAlarms: () => Promise.resolve(),
          alarmsOf: () => Promise.resolve([]),
          newToken: world.land.newToken,
          close: () => undefined,
        }),
      openReplay: () =>
        Promise.resolve({
          engine: { ...world.land, stage: world.stage },
          close: () => Promise.resolve(),
        } as unknown as OpenReplay),
      progress: {
        update: (done, total, detail) => steps.push(`${String(done)}/${String(total)} ${detail}`),
        stop: () => undefined,
      },
    },
    'headgate.config.ts',
  );
  const runOn = async (name: string, ...args: string[]): Promise<void> => {
    const program = new Command().exitOverride().addCommand(command.exitOverride());
    await program.parseAsync(['backfill', name, ...args], { from: 'user' });
  };
  const run = (...args: string[]): Promise<void> => runOn('orders', ...args);
  return { run, runOn, out, errors, steps, questions, works, world };
}

/** The configuration as it was written: `contract` follows from the columns. */
function toInput(config: ReturnType<typeof declareOrders>['config']) {
  const input: Partial<typeof config> & Omit<typeof config, 'contract'> = { ...config };
  delete input.contract;
  if (input.type !== 'postgres') throw new Error('orders is a postgres source');
  return input;
}

const RANGE = ['--from', cursor(10), '--to', cursor(30)];

describe('headgate backfill', () => {
  test('asks, shows how far it is, and says what has landed', async () => {
    const { run, out, steps, questions, world } = setUp();
    await run(...RANGE, '--window', '5 days', '--parallel', '2');
    expect(questions[0]).toContain('5 days, 2 at a time');
    expect(steps[0]).toContain('waiting for the function');
    expect(steps.some((step) => step.startsWith('2/4 windows'))).toBe(true);
    expect(out[0]).toContain('is done');
    expect(out[0]).toContain('20 rows were read, 20 of them landed');
    expect(landedOrders(world.lake)).toHaveLength(20);
  });

  test('prints JSON, also for how it stands, and lands nothing twice', async () => {
    const { run, out, world } = setUp();
    await run(...RANGE, '--yes', '--json');
    await run(...RANGE, '--yes', '--json');
    await run('--status', '--json');
    const [first, second, status] = out.map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(first).toMatchObject({ number: 1, status: 'done', rows: 20, windows: { done: 20, total: 20 } });
    expect(second).toMatchObject({ number: 2, status: 'done', rows: 0, rowsRead: 20 });
    expect(status).toEqual(second);
    expect(landedOrders(world.lake)).toHaveLength(20);
  });

  test('says when nobody goes on with it, and goes on when it is asked for again', async () => {
    const { run, out, works, world } = setUp(true, 3);
    await expect(run(...RANGE, '--window', '5 days', '--yes')).rejects.toThrow(
      /nobody has gone on with backfill 1 of orders for 20 minutes.*headgate backfill orders --from .* --window "5 days"/,
    );
    expect(works).toHaveLength(0);
    expect(landedOrders(world.lake)).toHaveLength(10);
    await run(...RANGE, '--window', '5 days', '--yes', '--detach');
    expect(works).toMatchObject([{ task: 'backfill', backfill: 1 }]);
    expect(out.at(-1)).toContain('2 of 4 windows are done');
  });

  test('ends the one that is on its way when it is cancelled, and what has landed stays', async () => {
    const { run, out, works, world } = setUp();
    await run(...RANGE, '--yes', '--detach');
    expect(works).toHaveLength(1);
    await run('--cancel', '--yes');
    expect(out.at(-1)).toContain('was cancelled');
    await expect(run('--cancel', '--yes')).rejects.toThrow('no backfill of orders is on its way');
    expect(landedOrders(world.lake)).toHaveLength(0);
  });

  test('refuses what every run reads anyway, and says so', async () => {
    const { runOn, works } = setUp();
    await expect(runOn('table', ...RANGE, '--yes')).rejects.toThrow(
      /table cannot be backfilled: it is not read incrementally, so every run reads all of it/,
    );
    await expect(runOn('lines', ...RANGE, '--yes')).rejects.toThrow('every run reads all of it');
    await expect(runOn('objects', ...RANGE, '--yes')).rejects.toThrow('each object that has not landed');
    expect(works).toHaveLength(0);
  });

  test('says of an API how it can be asked for a range', async () => {
    const { runOn, errors, works } = setUp();
    await runOn('rates', ...RANGE, '--yes', '--detach');
    expect(errors).toEqual([expect.stringContaining('in one window')]);
    expect(works).toMatchObject([{ source: 'rates', task: 'backfill', backfill: 1 }]);
  });

  test('says what is wrong with a range, and does nothing without consent', async () => {
    const { run } = setUp();
    await expect(run('--from', cursor(10))).rejects.toThrow('--from and --to are required');
    await expect(run('--from', cursor(30), '--to', cursor(10), '--yes')).rejects.toThrow('is not before');
    await expect(run('--from', cursor(200), '--to', cursor(210), '--yes')).rejects.toThrow(
      'have not come beyond',
    );
    await expect(run(...RANGE, '--parallel', '0')).rejects.toThrow('from 1 to 100');
    const refusing = setUp(false);
    await expect(refusing.run(...RANGE)).rejects.toThrow('nothing was done');
    expect(refusing.works).toHaveLength(0);
  });
});
