import { describe, expect, test } from 'vitest';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { runSource, settleSource, type SourceReader } from '../../../shared/pipeline/runs/run-source.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

function setUp(read: SourceReader['read'], close: () => Promise<void> = () => Promise.resolve()) {
  const source = declareHttp({});
  const { clock, deps } = createPullWorld([source]);
  const all = {
    ...{ ...deps, control: new MemoryPullControlStore(), queue: new MemoryWorkQueue({ clock }) },
    ...{ schedule: new MemoryPollSchedule(), stage: new MemoryBatchStage() },
  };
  let closed = 0;
  const open = (): SourceReader => ({
    lane: 'pull/items',
    read,
    close: () => {
      closed++;
      return close();
    },
  });
  const request = { source, open, owner: 'run', deadlineMs: clock.nowMs() + 900_000 };
  return {
    run: () => runSource(all, request),
    settle: () => settleSource(all, request),
    closed: () => closed,
  };
}

const READS = [
  ['finds nothing', () => Promise.resolve(undefined)],
  ['is interrupted', () => Promise.resolve('interrupted')],
  ['fails', () => Promise.reject(new TransientError('FAULT', 'no answer'))],
] as const satisfies readonly (readonly [string, SourceReader['read']])[];

describe('the reader of a run is closed once', () => {
  test.each(READS)('when it %s', async (_, read) => {
    const { run, closed } = setUp(read);
    await run().catch(() => undefined);
    expect(closed()).toBe(1);
  });

  test('when a run lands only what was decided before', async () => {
    const { settle, closed } = setUp(() => Promise.resolve(undefined));
    await settle();
    expect(closed()).toBe(1);
  });

  test.each(READS)('and what comes of that hides neither result nor error, when it %s', async (_, read) => {
    const outcome = (world: ReturnType<typeof setUp>): Promise<unknown> =>
      world.run().catch((error: unknown) => error);
    const broken = setUp(read, () => Promise.reject(new Error('the connection hangs')));
    expect(await outcome(broken)).toEqual(await outcome(setUp(read)));
    expect(broken.closed()).toBe(1);
  });
});
