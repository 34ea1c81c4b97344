import { describe, expect, test } from 'vitest';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { runPart } from '../../../shared/pipeline/runs/run-source.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

function setUp() {
  const source = declareHttp({ pauseAfterFailures: 3 });
  const { clock, deps } = createPullWorld([source]);
  const control = new MemoryPullControlStore();
  const all = {
    ...{ ...deps, control, queue: new MemoryWorkQueue({ clock }) },
    ...{ schedule: new MemoryPollSchedule(), stage: new MemoryBatchStage() },
  };
  let parts = 0;
  const part = (work: () => Promise<void>, owner = `part-${String(++parts)}`): Promise<void> =>
    runPart(all, { source, owner }, work);
  const fail = async (ms = 1_000): Promise<void> => {
    await clock.sleep(ms);
    throw new TransientError('DB_UNREACHABLE', 'the database does not answer');
  };
  const paused = () => control.peek('items').paused;
  return { clock, control, part, fail, paused };
}

describe('parts of a source', () => {
  test('that are at work while the database is away count as one failure', async () => {
    const { control, part, fail, paused } = setUp();
    const parts = await Promise.allSettled(Array.from({ length: 8 }, () => part(() => fail())));
    expect(parts.every(({ status }) => status === 'rejected')).toBe(true);
    expect(control.peek('items').failures).toBe(1);
    expect(paused()).toBeUndefined();
  });

  test('that keep failing one after the other pause it', async () => {
    const { part, fail, paused } = setUp();
    for (let i = 0; i < 3; i++) {
      expect(paused()).toBeUndefined();
      await expect(part(() => fail())).rejects.toThrow('does not answer');
    }
    expect(paused()?.by).toBe('failures');
  });

  test('that Lambda repeats by itself count once', async () => {
    const { part, fail, paused, control } = setUp();
    for (let i = 0; i < 6; i++) await expect(part(() => fail(), 'one')).rejects.toThrow('does not answer');
    expect(control.peek('items').failures).toBe(1);
    expect(paused()).toBeUndefined();
  });

  test('that succeed between others that fail keep it going', async () => {
    const { part, fail, paused, control } = setUp();
    for (let i = 0; i < 6; i++) {
      await expect(part(() => fail())).rejects.toThrow('does not answer');
      await part(() => Promise.resolve());
    }
    expect(paused()).toBeUndefined();
    expect(control.peek('items').failures).toBe(0);
  });

  test('that hold deletes back pause it at once, and say why', async () => {
    const { part, paused } = setUp();
    const held = new BlockedError('DELETES_HELD_BACK', '9 of 10 rows would be marked as deleted');
    await expect(part(() => Promise.reject(held))).rejects.toThrow('9 of 10');
    expect(paused()).toMatchObject({
      by: 'failures',
      reason: 'DELETES_HELD_BACK: 9 of 10 rows would be marked as deleted',
    });
  });
});
