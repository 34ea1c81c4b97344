import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/pull/create-handler.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import type { PullSource } from '../../../shared/ports/pull-source.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

const context = { awsRequestId: 'r1', getRemainingTimeInMillis: () => 900_000 } as Context;

function setUp(fetchPage: PullSource['fetchPage']) {
  const source = declareHttp({ incremental: { cursor: 'ts', parameter: 'since', initialValue: '0' } });
  const world = createPullWorld([source]);
  let opened = 0;
  const handler = createHandler({
    ...world.deps,
    stage: new MemoryBatchStage(),
    openSource: () => {
      opened++;
      return { fetchPage };
    },
  });
  return { world, handler: (event: unknown) => handler(event, context), opened: () => opened };
}

const onePage = () =>
  Promise.resolve({ records: [Buffer.from('{"id":1,"version":1,"ts":5,"body":"x"}')], next: undefined });

describe('the pull function', () => {
  test('reads the source that the event names, and opens it once per process', async () => {
    const { world, handler, opened } = setUp(onePage);
    expect(await handler({ source: 'items' })).toEqual({ source: 'items', commits: 1, finished: true });
    expect(await handler({ source: 'items' })).toEqual({ source: 'items', commits: 0, finished: true });
    expect(world.rows('raw')).toHaveLength(1);
    expect(world.telemetry.values('CheckpointAge', 'items')).toHaveLength(2);
    expect(world.telemetry.flushes).toBe(2);
    expect(opened()).toBe(1);
  });

  test('a schedule that fires twice at once lands once', async () => {
    const { world, handler } = setUp(onePage);
    await Promise.all([handler({ source: 'items' }), handler({ source: 'items' })]);
    expect(world.rows('raw')).toHaveLength(1);
  });

  test.each([
    [{ source: 'itmes' }, 'source "itmes" is not declared; sources of type http: items'],
    [{}, 'the event must be {"source": "<name>"}; sources of type http: items'],
    ['items', 'the event must be {"source": "<name>"}'],
  ])('the event %j blocks with what is allowed', async (event, message) => {
    const { handler } = setUp(onePage);
    await expect(handler(event)).rejects.toMatchObject({
      disposition: 'block',
      message: expect.stringContaining(message) as string,
    });
  });

  test('a run that fails is counted and fails the invocation', async () => {
    const { world, handler } = setUp(() => Promise.reject(new Error('no route')));
    await expect(handler({ source: 'items' })).rejects.toThrow('no route');
    expect(world.telemetry.total('Errors', 'items')).toBe(1);
    expect(world.telemetry.flushes).toBe(1);
  });
});
