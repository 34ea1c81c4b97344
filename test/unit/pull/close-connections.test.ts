import type { Context } from 'aws-lambda';
import { expect, test } from 'vitest';
import { createWorkHandler } from '../../../lambdas/composition/create-work-handler.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import type { HttpSourceConfig } from '../../../shared/config/schema.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

test('a connection that cannot be closed changes neither what a run came to nor what it failed with', async () => {
  const { clock, deps } = createPullWorld([declareHttp()]);
  let isDenied = false;
  const handler = createWorkHandler<HttpSourceConfig>({
    ...{ ...deps, control: new MemoryPullControlStore(), queue: new MemoryWorkQueue({ clock }) },
    ...{ schedule: new MemoryPollSchedule(), stage: new MemoryBatchStage(), types: ['http'] },
    openReader: () => {
      if (isDenied) throw new BlockedError('DB_PERMISSION', 'the role may not read the table');
      return { lane: 'pull/items', read: () => Promise.resolve(undefined) };
    },
    afterwards: () => Promise.reject(new Error('socket hang up')),
  });
  const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 } as Context;
  expect(await handler({ source: 'items' }, context)).toMatchObject({ finished: true });
  isDenied = true;
  await expect(handler({ source: 'items' }, context)).rejects.toThrow('may not read the table');
});
