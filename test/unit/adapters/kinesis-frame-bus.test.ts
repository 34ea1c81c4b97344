import { KinesisClient, PutRecordsCommand, type PutRecordsCommandInput } from '@aws-sdk/client-kinesis';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { KinesisFrameBus } from '../../../shared/adapters/aws/kinesis-frame-bus.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import type { OutgoingFrame } from '../../../shared/ports/frame-bus.ts';

const kinesis = mockClient(KinesisClient);

beforeEach(() => {
  kinesis.reset();
  kinesis.onAnyCommand().rejects(new Error('not stubbed'));
});

/** Answers each call with what `fails` says of its entries' partition keys. */
function answer(fails: (partitionKey: string, call: number) => boolean): void {
  let call = 0;
  kinesis.on(PutRecordsCommand).callsFake((input: PutRecordsCommandInput) => {
    call += 1;
    const entries = (input.Records ?? []).map(({ PartitionKey = '' }) =>
      fails(PartitionKey, call)
        ? { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'slow down' }
        : { SequenceNumber: '1', ShardId: 'shardId-0' },
    );
    return Promise.resolve({
      FailedRecordCount: entries.filter((entry) => 'ErrorCode' in entry).length,
      Records: entries,
    });
  });
}

function sentKeys(): string[][] {
  return kinesis
    .commandCalls(PutRecordsCommand)
    .map(({ args: [{ input }] }) => (input.Records ?? []).map(({ PartitionKey = '' }) => PartitionKey));
}

function createBus(
  options: { readonly clock?: ManualClock; readonly budgetMs?: number } = {},
): KinesisFrameBus {
  return new KinesisFrameBus({
    kinesis: new KinesisClient({ region: 'us-east-1' }),
    stream: 'ingest',
    clock: options.clock ?? new ManualClock({ jump: true }),
    random: () => 0.5,
    ...(options.budgetMs === undefined ? {} : { budgetMs: options.budgetMs }),
  });
}

const frames = (...keys: string[]): OutgoingFrame[] =>
  keys.map((partitionKey) => ({ partitionKey, bytes: Buffer.from(partitionKey) }));

describe('kinesis frame bus', () => {
  test('a frame is confirmed only when its own entry is', async () => {
    answer((key) => key === 'b');
    const result = await createBus().send(frames('a', 'b', 'c'));
    expect(result.durable).toEqual([0, 2]);
    expect(result.refused).toEqual([1]);
    expect(result.error).toContain(
      'stream ingest refused 1 of 1 frames (ProvisionedThroughputExceededException)',
    );
  });

  test('only failed entries are sent again', async () => {
    answer((key, call) => call < 3 && key !== 'a');
    expect(await createBus().send(frames('a', 'b', 'c'))).toMatchObject({
      durable: [0, 1, 2],
      refused: [],
      error: undefined,
    });
    expect(sentKeys()).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
    ]);
  });

  test('a frame is tried five times, with growing waits in between', async () => {
    answer(() => true);
    const clock = new ManualClock({ jump: true, startMs: 0 });
    const result = await createBus({ clock }).send(frames('a'));
    expect(result).toMatchObject({ durable: [], refused: [0] });
    expect(sentKeys()).toHaveLength(5);
    // Half of 50, 100, 200 and 400 ms.
    expect(clock.nowMs()).toBe(375);
  });

  test('nothing is tried again after the deadline', async () => {
    answer(() => true);
    const clock = new ManualClock({ jump: true, startMs: 0 });
    const result = await createBus({ clock, budgetMs: 60 }).send(frames('a', 'b'));
    expect(result).toMatchObject({ durable: [], refused: [0, 1] });
    expect(sentKeys()).toHaveLength(2);
    expect(clock.nowMs()).toBeLessThanOrEqual(60);
  });

  test('a frame is not sent before the one in front of it with the same key is durable', async () => {
    answer((key, call) => key === 'a' && call <= 2);
    expect((await createBus().send(frames('a', 'a', 'b'))).durable).toEqual([0, 1, 2]);
    expect(sentKeys()).toEqual([['a', 'b'], ['a'], ['a'], ['a']]);
  });

  test('frames behind a refused one with the same key are refused unsent; others get through', async () => {
    answer((key) => key === 'a');
    const result = await createBus().send(frames('a', 'b', 'a', 'b'));
    expect(result).toMatchObject({ durable: [1, 3], refused: [0, 2] });
    expect(
      sentKeys()
        .flat()
        .filter((key) => key === 'a'),
    ).toHaveLength(5);
  });

  test('a frame that never gets through does not keep others from it', async () => {
    answer((key) => key === 'a');
    const result = await createBus().send(frames('a', 'b', 'b', 'b', 'b', 'b', 'b', 'b'));
    expect(result).toMatchObject({ durable: [1, 2, 3, 4, 5, 6, 7], refused: [0] });
  });

  test('a call has at most 500 entries', async () => {
    answer(() => false);
    await createBus().send(frames(...Array.from({ length: 1_001 }, (_, i) => `k${String(i)}`)));
    expect(sentKeys().map((keys) => keys.length)).toEqual([500, 500, 1]);
  });

  test('a throttled call is a refusal of all its frames, not an exception', async () => {
    kinesis
      .on(PutRecordsCommand)
      .rejects(Object.assign(new Error('slow'), { name: 'ProvisionedThroughputExceededException' }));
    expect(await createBus().send(frames('a', 'b'))).toMatchObject({ durable: [], refused: [0, 1] });
    expect(sentKeys()).toHaveLength(5);
  });

  test('an unanswered call is made again: it may have been stored, or not', async () => {
    kinesis
      .on(PutRecordsCommand)
      .rejectsOnce(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
      .resolves({ FailedRecordCount: 0, Records: [{ SequenceNumber: '1', ShardId: 's' }] });
    expect(await createBus().send(frames('a'))).toMatchObject({
      durable: [0],
      refused: [],
      error: undefined,
    });
  });

  test('a denied call blocks at once, without retries', async () => {
    kinesis.on(PutRecordsCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
    await expect(createBus().send(frames('a'))).rejects.toBeInstanceOf(BlockedError);
    expect(sentKeys()).toHaveLength(1);
  });

  test('a denied call after others got through refuses the rest: what is durable is never hidden', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    kinesis
      .on(PutRecordsCommand)
      .resolvesOnce({ FailedRecordCount: 0, Records: [{ SequenceNumber: '1', ShardId: 's' }] })
      .rejects(denied);
    const result = await createBus().send(frames('a', 'a', 'a'));
    expect(result).toMatchObject({ durable: [0], refused: [1, 2] });
    expect(result.error).toContain('AccessDeniedException');
  });

  test('an entry without any answer counts as failed', async () => {
    kinesis
      .on(PutRecordsCommand)
      .resolvesOnce({ FailedRecordCount: 0, Records: [{ SequenceNumber: '1', ShardId: 's' }] })
      .resolves({ FailedRecordCount: 0, Records: [{ SequenceNumber: '2', ShardId: 's' }] });
    expect((await createBus().send(frames('a', 'b'))).durable).toEqual([0, 1]);
    expect(sentKeys()).toEqual([['a', 'b'], ['b']]);
  });
});
