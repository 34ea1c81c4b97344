import type { Context } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/pull/create-handler.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { MemoryLake } from '../../../shared/adapters/memory/memory-lake.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { PullOutcome } from '../../../shared/pipeline/runs/run-source.ts';
import type { ObjectSource } from '../../../shared/ports/object-source.ts';
import { Rng } from '../../simulation/rng.ts';
import { declareFiles } from '../../support/declare-files.ts';
import { createPullWorld } from '../../support/pull-world.ts';
import { landedLines } from '../../support/landed-lines.ts';

/* Events of buckets, from the queue that rules put them into to what lands, without any schedule. */

/** A message of the queue of events. */
const eventOf = (source: string) => ({
  messageId: 'm',
  eventSource: 'aws:sqs',
  receiptHandle: 'r',
  body: JSON.stringify({ source, task: 'wake' }),
  attributes: { ApproximateReceiveCount: '1' },
});

interface Options {
  /** Called while a run lists or reads. */
  readonly during?: () => Promise<void>;
  /** How long the ledger takes. */
  readonly ledgerMs?: () => number;
  /** Called before a run reads the ledger. */
  readonly onLedger?: () => Promise<void>;
}

const NOTHING = () => Promise.resolve();

function setUp({ during = NOTHING, ledgerMs = () => 0, onLedger = NOTHING }: Options = {}) {
  const source = declareFiles({ notifications: true, freshness: '10 seconds', pauseAfterFailures: 5 });
  const world = createPullWorld([]);
  const { clock } = world;
  const control = new MemoryPullControlStore();
  const queue = new MemoryWorkQueue({ clock });
  const stored = new MemoryObjectSource({ pageSize: 5 });
  const ledger = new MemoryLedgerStore({
    turn: {
      before: async ({ operation }) => {
        if (operation !== 'read') return;
        clock.advance(ledgerMs());
        await onLedger();
      },
    },
  });
  let invocations = 0;
  let listings = 0;
  let isFailing = false;
  const objects: ObjectSource = {
    list: async (after) => {
      if (after === '') listings++;
      if (isFailing) throw new TransientError('FAULT', 'no listing');
      const page = await stored.list(after);
      await during();
      return page;
    },
    open: async function* (object, offset) {
      await during();
      yield* stored.open(object, offset);
    },
  };
  const handler = createHandler({
    ...world.deps,
    ledger,
    sources: new Map([['items', source]]),
    ...{ control, queue, schedule: new MemoryPollSchedule(), stage: new MemoryBatchStage() },
    openSource: () => {
      throw new Error('no pages here');
    },
    landedKeys: landedLines(new MemoryLake()),
    openObjects: () => ({
      objects,
      parquet: {
        read: () => {
          throw new Error('no Parquet here');
        },
      },
    }),
  });
  const invoke = (event: unknown): Promise<PullOutcome | undefined> =>
    handler(event, {
      awsRequestId: `r${String(++invocations)}`,
      getRemainingTimeInMillis: () => 900_000,
    } as Context);
  /** Does the work that can be seen now; what fails is postponed by the function. @returns what came of each */
  async function work(): Promise<string[]> {
    const outcomes: string[] = [];
    for (let taken = queue.receive(); taken !== undefined; taken = queue.receive()) {
      const { receipt } = taken;
      const message = {
        ...eventOf(''),
        receiptHandle: receipt,
        body: JSON.stringify(taken.work),
        attributes: { ApproximateReceiveCount: String(taken.receives) },
      };
      try {
        const outcome = await invoke({ Records: [message] });
        outcomes.push(outcome?.left ?? 'ran');
        queue.delete(receipt);
      } catch {
        outcomes.push('failed');
      }
    }
    return outcomes;
  }
  let next = 0;
  return {
    world,
    ...{ clock, control, queue, invoke, work },
    wake: (...sources: string[]) => invoke({ Records: sources.map(eventOf) }),
    put: (): void => {
      stored.put(String(next), Buffer.from(JSON.stringify({ id: next, body: 'b' })));
      next++;
    },
    putCount: () => next,
    landed: () =>
      world
        .rows('raw')
        .map(({ raw }) => (JSON.parse(raw) as { id: number }).id)
        .sort((a, b) => a - b),
    listings: () => listings,
    fail: (failing: boolean): void => {
      isFailing = failing;
    },
  };
}

describe('events of a bucket', () => {
  test('a thousand of them are one run, which lands what is there', async () => {
    const { put, wake, work, landed, listings } = setUp();
    for (let i = 0; i < 12; i++) put();
    await wake(...Array.from({ length: 1_000 }, () => 'items'));
    expect(await work()).toEqual(['ran']);
    expect(landed()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(listings()).toBe(1);
  });

  test('one that comes twice, or for nothing, lands nothing twice', async () => {
    const { put, wake, work, landed } = setUp();
    put();
    await wake('items');
    await wake('items');
    expect(await work()).toEqual(['ran', 'ran']);
    await wake('items');
    await work();
    expect(landed()).toEqual([0]);
  });

  test('those of sources that are not declared any more are left out, the others are not', async () => {
    const { put, wake, work, landed, world } = setUp();
    put();
    await wake('gone', 'items');
    await work();
    expect(landed()).toEqual([0]);
    expect(world.telemetry.logs.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('what is no event of a source fails, and is not taken for one', async () => {
    const { invoke, queue } = setUp();
    const message = { ...eventOf('items'), body: '{"source":"items","task":"wake","key":"a.csv"}' };
    await expect(invoke({ Records: [message, message] })).rejects.toThrow('the event must be');
    expect(queue.waiting()).toEqual([]);
  });

  test('a paused source is left alone', async () => {
    const { put, wake, work, landed, control } = setUp();
    put();
    const { version, ...state } = control.peek('items');
    const paused = { sinceMs: 0, by: 'operator', who: 'me', reason: 'a test' } as const;
    await control.write('items', version, { ...state, paused }, 'test');
    await wake('items');
    expect(await work()).toEqual(['paused']);
    expect(landed()).toEqual([]);
  });
});

describe('an object that comes behind the listing of a long run', () => {
  test('lands by one more run, however many events there were', async () => {
    let isFirst = true;
    const left: string[] = [];
    const world = setUp({
      ledgerMs: () => 25_000,
      during: async () => {
        if (!isFirst) return;
        isFirst = false;
        // It has said by now that it is at work.
        for (let event = 0; event < 5; event++) {
          world.put();
          await world.wake('items');
          left.push(...(await world.work()));
        }
      },
    });
    for (let i = 0; i < 3; i++) world.put();
    await world.invoke({ source: 'items' });
    expect(left).toEqual(['busy', 'busy', 'busy', 'busy', 'busy']);
    expect(world.queue.waiting()).toEqual([{ source: 'items', task: 'run', woken: true }]);
    await world.work();
    expect(world.landed()).toEqual(Array.from({ length: world.putCount() }, (_, id) => id));
    expect(world.queue.waiting()).toEqual([]);
    expect(world.control.peek('items').isWoken).toBe(false);
  });
});

describe('a run that something new has asked for, which meets another one half-way', () => {
  const other = async ({ control, clock }: ReturnType<typeof setUp>, more: object = {}): Promise<void> => {
    const { version, ...state } = control.peek('items');
    const running = { owner: 'another', untilMs: clock.nowMs() + 100_000 };
    await control.write('items', version, { ...state, running, ...more }, 'test');
  };

  test('leaves the source to it, and has one more run follow', async () => {
    let begins = 0;
    const world = setUp({
      ledgerMs: () => 25_000,
      onLedger: async () => {
        if (++begins === 1) await other(world);
      },
    });
    world.put();
    await world.wake('items');
    expect(await world.work()).toEqual(['busy']);
    expect(world.control.peek('items')).toMatchObject({ isWoken: true, running: { owner: 'another' } });
    world.clock.advance(200_000);
    // The other one has died: whoever comes next tells nobody to wait any longer.
    await world.invoke({ source: 'items' });
    await world.work();
    expect([world.landed(), world.control.peek('items').isWoken]).toEqual([[0], false]);
  });

  test('does not take what the other one was told for itself', async () => {
    let begins = 0;
    const world = setUp({
      ledgerMs: () => 1_000,
      onLedger: async () => {
        if (++begins === 1) await other(world, { isWoken: true });
      },
    });
    world.put();
    await world.wake('items');
    await world.work();
    expect(world.control.peek('items')).toMatchObject({ isWoken: true, running: { owner: 'another' } });
    expect(world.queue.waiting()).toEqual([]);
  });
});

describe('a source that fails', () => {
  test('is not made to fail by each event: the run that failed comes again, and lands all', async () => {
    const { put, wake, work, landed, fail, clock, control } = setUp();
    fail(true);
    for (let event = 0; event < 20; event++) {
      put();
      await wake('items');
      await work();
      clock.advance(1_000);
    }
    expect(control.peek('items')).toMatchObject({ failures: 1, paused: undefined });
    fail(false);
    clock.advance(30_000);
    expect(await work()).toEqual(['ran']);
    expect(landed()).toHaveLength(20);
  });

  test('is read again by an event after five minutes, if nothing else did', async () => {
    const { put, wake, work, invoke, landed, fail, clock } = setUp();
    fail(true);
    await expect(invoke({ source: 'items' })).rejects.toThrow('no listing');
    fail(false);
    put();
    await wake('items');
    expect(await work()).toEqual(['failing']);
    clock.advance(300_000);
    await wake('items');
    expect(await work()).toEqual(['ran']);
    expect(landed()).toEqual([0]);
  });
});

test('whenever objects come and however long runs take, every object whose event arrives lands without a schedule', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const rng = new Rng(seed);
      let depth = 0;
      let left = 25;
      const world = setUp({
        ledgerMs: () => rng.int(40_000),
        during: async () => {
          world.clock.advance(rng.int(30_000));
          if (depth > 2 || left <= 0 || !rng.chance(0.4)) return;
          depth++;
          left--;
          // Something comes while a run is somewhere inside, and its event may be worked on at once, or later.
          world.put();
          await world.wake('items');
          if (rng.chance(0.7)) await world.work();
          depth--;
        },
      });
      for (let round = 0; round < 6; round++) {
        for (let objects = rng.int(4); objects > 0; objects--) {
          world.put();
          await world.wake('items');
        }
        world.clock.advance(rng.int(100_000));
        if (rng.chance(0.7)) await world.work();
      }
      for (let i = 0; i < 20 && world.queue.waiting().length > 0; i++) {
        world.clock.advance(400_000);
        await world.work();
      }
      expect(world.queue.waiting()).toEqual([]);
      expect(world.landed()).toEqual(Array.from({ length: world.putCount() }, (_, id) => id));
    }),
    { numRuns: 25, endOnFailure: true },
  );
});
