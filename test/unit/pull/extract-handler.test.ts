import type { Context } from 'aws-lambda';
import { expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/extract/create-handler.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { reconciledOf } from '../../../shared/domain/table-position.ts';
import { TableWorld } from '../../support/table-world.ts';

const DAY_MS = 86_400_000;

test('deletes that are held back pause the source at once, and land when exactly they are accepted', async () => {
  const world = new TableWorld({
    changes: 'upserts-and-deletes',
    incremental: { cursor: 'at' },
    deletes: { reconcile: { holdBackAbove: { rows: 0, share: 0.5 } } },
  });
  const { clock } = world;
  const control = new MemoryPullControlStore();
  const handler = createHandler({
    ...world.functionDeps(),
    ...{ control, queue: new MemoryWorkQueue({ clock }), schedule: new MemoryPollSchedule() },
    landedRows: { find: () => Promise.reject(new Error('nothing is backfilled here')) },
    openTable: () => world.table,
  });
  let invocations = 0;
  const invoke = (work: object): Promise<unknown> =>
    handler({ source: 'orders', ...work }, {
      awsRequestId: `r${String(++invocations)}`,
      getRemainingTimeInMillis: () => 900_000,
    } as Context);
  for (let id = 1; id <= 4; id++) world.rows.put(id, 10 * id, `v${String(id)}`);
  await invoke({});
  for (const id of [1, 2, 3]) world.rows.delete(id);
  clock.advance(DAY_MS);
  await expect(invoke({})).rejects.toMatchObject({ code: 'DELETES_HELD_BACK' });
  expect(control.peek('orders').paused?.reason).toMatch(/^DELETES_HELD_BACK: 3 of 4 rows/);
  expect(await invoke({})).toMatchObject({ left: 'paused' });
  const inventory = reconciledOf((await world.ledger.read(world.lane)).position)?.begun;
  await expect(invoke({ task: 'accept-deletes', inventory: 99 })).rejects.toMatchObject({
    code: 'NOTHING_HELD_BACK',
  });
  await invoke({ task: 'accept-deletes', inventory });
  expect(world.deletes()).toEqual([]);
  const { version, ...held } = control.peek('orders');
  await control.write('orders', version, { ...held, paused: undefined }, 'resumed');
  expect(await invoke({})).toMatchObject({ finished: true });
  expect(world.deletes()).toEqual(['1', '2', '3']);
  expect(world.alive()).toEqual({ 4: 'v4' });
});
