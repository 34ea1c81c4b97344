import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/pull/create-handler.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryPollSchedule } from '../../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryWorkQueue } from '../../../shared/adapters/memory/memory-work-queue.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import { parseBackfill } from '../../../shared/domain/backfill.ts';
import { RateLimitedError } from '../../../shared/domain/rate-limited-error.ts';
import { askBackfill } from '../../../shared/pipeline/backfill/ask-backfill.ts';
import { INITIAL_CONTROL, type PullControlState } from '../../../shared/ports/pull-control.ts';
import type { Budgets } from '../../../shared/pipeline/budget/create-budgets.ts';
import type { PageRequest, PullSource } from '../../../shared/ports/pull-source.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { landedLines } from '../../support/landed-lines.ts';
import { createPullWorld } from '../../support/pull-world.ts';

const MINUTE_MS = 60_000;

function setUp(
  fetchPage: PullSource['fetchPage'],
  overrides: Partial<HttpSourceInput> = {},
  budgets?: Budgets,
) {
  const source = declareHttp({
    incremental: { cursor: 'ts', parameter: 'since', initialValue: '0' },
    ...overrides,
  });
  const world = createPullWorld([source]);
  const { clock } = world;
  const control = new MemoryPullControlStore();
  const queue = new MemoryWorkQueue({ clock });
  const schedule = new MemoryPollSchedule();
  const stage = new MemoryBatchStage();
  let opened = 0;
  let shareNow: (() => number) | undefined;
  let invocations = 0;
  const handler = createHandler({
    ...world.deps,
    ...(budgets && { budgets }),
    control,
    queue,
    schedule,
    stage,
    openSource: (_, budgetShare) => {
      opened++;
      shareNow = budgetShare;
      return { fetchPage };
    },
    landedKeys: landedLines(world.lake),
    openObjects: () => {
      throw new Error('no objects here');
    },
  });
  return {
    world,
    clock,
    control,
    queue,
    schedule,
    stage,
    opened: () => opened,
    shareNow: () => shareNow?.(),
    invoke: (event: unknown, remainingMs = 900_000) =>
      handler(event, {
        awsRequestId: `r${String(++invocations)}`,
        getRemainingTimeInMillis: () => remainingMs,
      } as Context),
    write: (change: Partial<PullControlState>) =>
      control.write('items', control.peek('items').version, { ...control.peek('items'), ...change }, 'test'),
  };
}

const record = (id: number): Buffer =>
  Buffer.from(`{"id":${String(id)},"version":1,"ts":${String(id)},"body":"x"}`);
const onePage = () => Promise.resolve({ records: [record(5)], next: undefined });
const nothing = () => Promise.resolve({ records: [], next: undefined });
const failing = () => Promise.reject(new BlockedError('PULL_REFUSED', 'the API refuses the credentials'));

const queueEvent = (work: unknown, receipt: string, receives = 1) => ({
  Records: [
    {
      messageId: 'm',
      eventSource: 'aws:sqs',
      receiptHandle: receipt,
      body: JSON.stringify(work),
      attributes: { ApproximateReceiveCount: String(receives) },
    },
  ],
});

describe('the pull function', () => {
  test('reads the source that the event names, and opens it once per process', async () => {
    const { world, invoke, opened } = setUp(onePage);
    expect(await invoke({ source: 'items' })).toEqual({ source: 'items', commits: 1, finished: true });
    expect(await invoke({ source: 'items' })).toEqual({ source: 'items', commits: 0, finished: true });
    expect(world.rows('raw')).toHaveLength(1);
    expect(world.telemetry.values('CheckpointAge', 'items')).toHaveLength(2);
    expect(world.telemetry.flushes).toBe(2);
    expect(opened()).toBe(1);
  });

  test('a schedule that fires twice at once lands once', async () => {
    const { world, invoke } = setUp(onePage);
    await Promise.all([invoke({ source: 'items' }), invoke({ source: 'items' })]);
    expect(world.rows('raw')).toHaveLength(1);
  });

  test.each([
    [{ source: 'itmes' }, 'source "itmes" is not declared; sources of type http or files: items'],
    [{}, 'the event must be {"source": "<name>"}; sources of type http or files: items'],
    ['items', 'the event must be {"source": "<name>"}'],
    [{ source: 'items', task: 'split', extract: 1, slot: 2 }, 'source items is not read in parts'],
  ])('the event %j blocks with what is allowed', async (event, message) => {
    const { invoke } = setUp(onePage);
    await expect(invoke(event)).rejects.toMatchObject({
      disposition: 'block',
      message: expect.stringContaining(message) as string,
    });
  });

  test('a run that fails is counted, noted with what to do, and fails the invocation', async () => {
    const { world, invoke, control } = setUp(failing);
    await expect(invoke({ source: 'items' })).rejects.toThrow('refuses');
    expect(world.telemetry.total('Errors', 'items')).toBe(1);
    expect(world.telemetry.flushes).toBe(1);
    expect(control.peek('items')).toMatchObject({
      failures: 1,
      paused: undefined,
      lastRun: {
        finished: false,
        error: { code: 'PULL_REFUSED', message: 'the API refuses the credentials' },
      },
    });
  });
});

describe('a source that keeps failing', () => {
  test('pauses itself with the failure that is one too many, and says so until it is resumed', async () => {
    const { world, invoke, control } = setUp(failing, { pauseAfterFailures: 3 });
    for (let run = 0; run < 3; run++) await expect(invoke({ source: 'items' })).rejects.toThrow('refuses');
    const { paused } = control.peek('items');
    expect(paused).toMatchObject({
      by: 'failures',
      reason: expect.stringContaining('PULL_REFUSED') as string,
    });
    expect(world.telemetry.total('SourcePaused', 'items')).toBe(1);
    expect(await invoke({ source: 'items' })).toMatchObject({ commits: 0, left: 'paused' });
    expect(world.telemetry.total('SourcePaused', 'items')).toBe(2);
    expect(world.telemetry.total('Errors', 'items')).toBe(3);
  });

  test('is as good as new after one run that succeeds', async () => {
    let isDown = true;
    const { invoke, control } = setUp(() => (isDown ? failing() : onePage()), { pauseAfterFailures: 3 });
    for (let round = 0; round < 3; round++) {
      isDown = true;
      for (let run = 0; run < 2; run++) await expect(invoke({ source: 'items' })).rejects.toThrow('refuses');
      isDown = false;
      await invoke({ source: 'items' });
      expect(control.peek('items')).toMatchObject({
        failures: 0,
        paused: undefined,
        lastRun: { error: undefined },
      });
    }
  });

  test('fails with its own error also where that cannot be noted', async () => {
    const { invoke, control } = setUp(failing);
    control.read = () => Promise.resolve(INITIAL_CONTROL);
    control.write = () => Promise.reject(new TransientError('AWS_UNAVAILABLE', 'no table'));
    await expect(invoke({ source: 'items' })).rejects.toThrow('refuses');
  });
});

describe('a paused source', () => {
  const paused = { sinceMs: 1, by: 'operator', who: 'ada', reason: 'maintenance' } as const;

  test('is not asked, and raises no alarm of its own', async () => {
    const { world, invoke, write, opened } = setUp(onePage);
    await write({ paused });
    expect(await invoke({ source: 'items' })).toEqual({
      source: 'items',
      commits: 0,
      finished: false,
      left: 'paused',
    });
    expect(opened()).toBe(0);
    expect(world.telemetry.total('SourcePaused', 'items')).toBe(0);
  });

  test('ends a long run that is at work, at its next batch', async () => {
    const { world, invoke, write, clock, queue } = setUp(
      endless(() => clock.sleep(5_000)),
      {
        incremental: { cursor: 'ts', parameter: 'since', initialValue: '0', order: 'ascending' },
        paginator: { type: 'cursor', parameter: 'page', path: 'next' },
        pagesPerCommit: 1,
      },
    );
    const running = invoke({ source: 'items' });
    while (world.rows('raw').length < 3) await Promise.resolve();
    await write({ paused });
    expect(await running).toMatchObject({ finished: false, left: 'paused' });
    expect(queue.waiting()).toEqual([]);
  });

  test('lands what was decided before when it is asked to settle, and reads nothing', async () => {
    let calls = 0;
    const { world, invoke, write, stage } = setUp(() => {
      calls++;
      return onePage();
    });
    // A run decides a batch and dies before it announces it.
    world.ledger.announce = () => Promise.reject(new TransientError('AWS_UNAVAILABLE', 'died'));
    await expect(invoke({ source: 'items' })).rejects.toThrow('died');
    Reflect.deleteProperty(world.ledger, 'announce');
    expect(await stage.find('pull/items', 0)).toBeDefined();
    await write({ paused });
    expect(await invoke({ source: 'items', task: 'settle' })).toEqual({
      source: 'items',
      commits: 1,
      finished: true,
    });
    expect(world.rows('raw')).toHaveLength(1);
    expect(calls).toBe(1);
    expect(await invoke({ source: 'items', task: 'settle' })).toMatchObject({ commits: 0, finished: true });
  });
});

/** An API that always has another page. */
function endless(wait: () => Promise<void>): PullSource['fetchPage'] {
  return async ({ since, token }: PageRequest) => {
    await wait();
    const id = Number(token ?? since ?? 0) + 1;
    return { records: [record(id)], next: String(id) };
  };
}

const ENDLESS: Partial<HttpSourceInput> = {
  incremental: { cursor: 'ts', parameter: 'since', initialValue: '0', order: 'ascending' },
  paginator: { type: 'cursor', parameter: 'page', path: 'next' },
  pagesPerCommit: 1,
};

describe('a run that does not get done', () => {
  test('is followed by another one at once', async () => {
    const { invoke, queue, clock } = setUp(
      endless(() => clock.sleep(1_000)),
      ENDLESS,
    );
    const outcome = await invoke({ source: 'items' }, 60_000);
    expect(outcome).toMatchObject({ finished: false });
    expect(outcome?.commits).toBeGreaterThan(5);
    expect(queue.waiting()).toEqual([{ source: 'items', task: 'run' }]);
  });

  test('is not, where it got nowhere: runs must not call each other for ever', async () => {
    const { invoke, queue, clock } = setUp(
      endless(() => clock.sleep(100_000)),
      ENDLESS,
    );
    expect(await invoke({ source: 'items' }, 4_000)).toMatchObject({ commits: 0, finished: false });
    expect(queue.waiting()).toEqual([]);
  });

  test('goes on from where it was', async () => {
    const { world, invoke, queue, clock } = setUp(
      endless(() => clock.sleep(1_000)),
      ENDLESS,
    );
    await invoke({ source: 'items' }, 40_000);
    const landed = world.rows('raw').length;
    const delivery = queue.receive();
    await invoke(queueEvent(delivery?.work, delivery?.receipt ?? ''), 40_000);
    const ids = world.rows('raw').map(({ raw }) => raw);
    expect(ids.length).toBeGreaterThan(landed);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('stays alone at its source: a schedule that fires meanwhile leaves it to the one at work', async () => {
    const { world, invoke, clock } = setUp(
      endless(() => clock.sleep(5_000)),
      ENDLESS,
    );
    const running = invoke({ source: 'items' }, 300_000);
    while (world.rows('raw').length < 8) await Promise.resolve();
    expect(await invoke({ source: 'items' })).toMatchObject({ commits: 0, left: 'busy' });
    expect((await running)?.left).toBeUndefined();
  });

  test('is not waited for longer than its lease when it has died', async () => {
    const { invoke, write, clock } = setUp(onePage);
    await write({ running: { owner: 'dead', untilMs: clock.nowMs() + 5 * MINUTE_MS } });
    expect(await invoke({ source: 'items' })).toMatchObject({ left: 'busy' });
    await clock.sleep(5 * MINUTE_MS);
    expect(await invoke({ source: 'items' })).toMatchObject({ commits: 1, finished: true });
  });
});

describe('what is noted of runs', () => {
  test('is written once an hour where nothing happens', async () => {
    const { invoke, control, clock } = setUp(nothing);
    for (let minute = 0; minute < 180; minute++) {
      await invoke({ source: 'items' });
      await clock.sleep(MINUTE_MS);
    }
    expect(control.writes).toBeLessThanOrEqual(4);
    expect(control.peek('items').lastRun).toMatchObject({ landed: 0, finished: true });
  });
});

describe('work from the queue', () => {
  test('that fails comes again after a pause that doubles, and fails the invocation', async () => {
    const { invoke, queue, clock } = setUp(failing);
    await queue.send({ source: 'items', task: 'run' });
    const pausesMs: number[] = [];
    for (let n = 0; n < 5; n++) {
      let delivery = queue.receive();
      const sinceMs = clock.nowMs();
      while (delivery === undefined) {
        await clock.sleep(1_000);
        delivery = queue.receive();
      }
      pausesMs.push(clock.nowMs() - sinceMs);
      const { work, receipt, receives } = delivery;
      await expect(invoke(queueEvent(work, receipt, receives))).rejects.toThrow('refuses');
    }
    expect(pausesMs).toEqual([0, 30_000, 60_000, 120_000, 240_000]);
    await clock.sleep(900_000);
    expect(queue.receive()).toBeUndefined();
    expect(queue.deadLetters).toEqual([{ source: 'items', task: 'run' }]);
  });

  test.each(['no JSON', '{"task":"run"}', '[]'])('that is %s is refused', async (body) => {
    const { invoke } = setUp(onePage);
    const event = queueEvent({}, 'r');
    await expect(invoke({ Records: [{ ...event.Records[0], body }] })).rejects.toMatchObject({
      code: 'BAD_EVENT',
    });
  });
});

describe('a run that fails', () => {
  const budgeted = { apiBudget: { requests: 1, per: '1 hour' } } as const;

  test('says what it has landed before', async () => {
    let pages = 0;
    const { invoke, control } = setUp(
      () => {
        if (++pages > 1) return failing();
        return Promise.resolve({ records: [record(5)], next: 'more' });
      },
      { pagesPerCommit: 1, incremental: undefined },
    );
    await expect(invoke({ source: 'items' })).rejects.toThrow('refuses the credentials');
    expect(control.peek('items').lastRun).toMatchObject({ landed: 1, error: { code: 'PULL_REFUSED' } });
  });

  test('is not forgotten because the next one was not allowed to ask', async () => {
    let fetchPage: PullSource['fetchPage'] = failing;
    const { invoke, control } = setUp((request) => fetchPage(request), budgeted);
    await expect(invoke({ source: 'items' })).rejects.toThrow();
    fetchPage = () => Promise.reject(new RateLimitedError('used up', { by: 'budget', untilMs: undefined }));
    await invoke({ source: 'items' });
    expect(control.peek('items')).toMatchObject({
      failures: 1,
      lastRun: { error: { code: 'PULL_REFUSED' } },
    });
    fetchPage = nothing;
    await invoke({ source: 'items' });
    expect(control.peek('items')).toMatchObject({ failures: 0, lastRun: { finished: true } });
  });
});

describe('a backfill', () => {
  const BUDGET = { apiBudget: { requests: 100, per: '1 minute' } } as const;
  const take = ({ queue }: ReturnType<typeof setUp>): PullWork | undefined => {
    const delivery = queue.receive();
    if (delivery !== undefined) queue.delete(delivery.receipt);
    return delivery?.work;
  };
  const ask = async (run: ReturnType<typeof setUp>): Promise<void> => {
    const { world, invoke } = run;
    const request = { from: '0', to: '3', step: '1 day', parallel: 4 };
    const { number } = await askBackfill(world.deps, 'items', request);
    await invoke({ source: 'items', task: 'backfill', backfill: number });
    for (let work = take(run); work !== undefined; work = take(run)) await invoke(work);
  };

  test('shares the budget of its API with the runs of the source, half and half', async () => {
    const seen: (number | undefined)[] = [];
    const run = setUp(
      () => {
        seen.push(run.shareNow());
        return onePage();
      },
      { ...BUDGET, incremental: { cursor: 'ts', parameter: 'since', initialValue: '3', order: 'ascending' } },
    );
    await ask(run);
    expect(seen).toEqual([0.5]);
    await run.invoke({ source: 'items' });
    expect(seen.slice(1), 'it has ended').toEqual([1]);
    await askBackfill(run.world.deps, 'items', { from: '0', to: '3', step: '1 day', parallel: 4 });
    await run.invoke({ source: 'items' });
    expect(seen.slice(2)).toEqual([0.5]);
  });

  test('leaves an API that says that it is asked too often to the runs, and comes again later', async () => {
    let pages = 0;
    const run = setUp(
      ({ since }) => {
        pages++;
        return Promise.resolve({ records: [record(Number(since))], next: 'more', rateLimited: true });
      },
      { incremental: { cursor: 'ts', parameter: 'since', initialValue: '3' } },
    );
    const { number } = await askBackfill(run.world.deps, 'items', {
      ...{ from: '0', to: '3', step: '1 day', parallel: 1 },
    });
    await run.invoke({ source: 'items', task: 'backfill', backfill: number });
    const first = take(run);
    await run.invoke(first);
    expect(pages).toBe(1);
    expect(take(run), 'not now').toBeUndefined();
    run.clock.advance(MINUTE_MS);
    expect(take(run)).toEqual(first);
    expect(run.control.peek('items').failures).toBe(0);
  });

  test('of a source that is read as a whole is none', async () => {
    const { invoke, world } = setUp(onePage, { incremental: undefined });
    const { number } = await askBackfill(world.deps, 'items', {
      ...{ from: '0', to: '3', step: '1 day', parallel: 1 },
    });
    await invoke({ source: 'items', task: 'backfill', backfill: number });
    expect(parseBackfill('items', world.ledger.peek('backfill/items').position)).toMatchObject({
      status: 'refused',
      problem: expect.stringContaining('every run reads all of it') as string,
    });
  });
});

describe('polling', () => {
  const polling: Partial<HttpSourceInput> = { freshness: '1 hour', polling: { floor: '2 minutes' } };

  test('speeds up while records are found and slows down while there are none, and says why', async () => {
    let id = 0;
    let isQuiet = false;
    const { invoke, schedule, control } = setUp(
      () => Promise.resolve({ records: isQuiet ? [] : [record(++id)], next: undefined }),
      polling,
    );
    schedule.deploy('items', 60);
    const minutes: (number | undefined)[] = [];
    for (let run = 0; run < 6; run++) {
      await invoke({ source: 'items' });
      minutes.push(await schedule.read('items'));
    }
    expect(minutes).toEqual([30, 15, 8, 4, 2, 2]);
    expect(control.peek('items').polling).toEqual({ everyMinutes: 2, reason: 'the last run found records' });
    isQuiet = true;
    for (let run = 0; run < 12; run++) await invoke({ source: 'items' });
    expect(await schedule.read('items')).toBe(32);
    expect(schedule.calls.filter((call) => call.startsWith('set')).length).toBe(9);
  });

  test('goes to six times the freshness while the source is over its budget, and back', async () => {
    let isOver = true;
    let id = 0;
    const budgets: Budgets = {
      look: () => Promise.resolve({ isOver, landedAtMs: undefined }),
      isOver: () => isOver,
      spend: () => undefined,
      noteLanded: () => undefined,
      settle: () => Promise.resolve(),
    };
    const { invoke, schedule, control, world } = setUp(
      () => Promise.resolve({ records: [record(++id)], next: undefined }),
      polling,
      budgets,
    );
    schedule.deploy('items', 4);
    await invoke({ source: 'items' });
    expect(control.peek('items').polling).toEqual({ everyMinutes: 360, reason: 'over its budget' });
    expect(await schedule.read('items')).toBe(360);
    expect(world.telemetry.total('OverBudget', 'items')).toBe(1);
    isOver = false;
    await invoke({ source: 'items' });
    expect(await schedule.read('items')).toBe(30);
    expect(world.rows('raw')).toHaveLength(2);
  });

  test('without it the schedule is not touched', async () => {
    const { invoke, schedule } = setUp(onePage);
    await invoke({ source: 'items' });
    expect(schedule.calls).toEqual([]);
  });

  test('leaves a schedule alone that somebody has given another form', async () => {
    const { invoke, schedule } = setUp(onePage, polling);
    schedule.deploy('items', undefined);
    await invoke({ source: 'items' });
    expect(schedule.calls).toEqual(['read items']);
  });

  test('a limited rate slows it down, although the run has failed', async () => {
    const { invoke, schedule, control } = setUp(
      () => Promise.reject(new RateLimitedError('too many requests', { by: 'source', untilMs: undefined })),
      polling,
    );
    schedule.deploy('items', 4);
    await expect(invoke({ source: 'items' })).rejects.toThrow('too many');
    expect(await schedule.read('items')).toBe(8);
    expect(control.peek('items').polling?.reason).toContain('limits the rate');
  });

  test('a schedule that cannot be changed fails no run', async () => {
    const { invoke, schedule } = setUp(onePage, polling);
    schedule.deploy('items', 60);
    schedule.set = () => Promise.reject(new BlockedError('ACCESS_DENIED', 'not allowed'));
    expect(await invoke({ source: 'items' })).toMatchObject({ commits: 1, finished: true });
  });
});
