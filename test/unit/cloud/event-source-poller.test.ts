import { describe, expect, test } from 'vitest';
import {
  startEventSourcePoller,
  type PollerOptions,
} from '../../../cloud/event-source-poller/event-source-poller.ts';
import type { InvocationOutcome } from '../../../cloud/event-source-poller/ports.ts';
import type { StreamMapping } from '../../../cloud/event-source-poller/stream-mapping.ts';
import {
  createFakeClock,
  createFakeDestination,
  createFakeInvoker,
  failedAt,
  FakeStream,
  type Delivered,
} from './fake-stream.ts';
import { streamMapping } from './stream-mapping-fixture.ts';

const success: InvocationOutcome = { kind: 'answered', payload: { batchItemFailures: [] } };
const threw: InvocationOutcome = { kind: 'function-error', functionError: 'Unhandled' };
const number = (n: number): string => String(n).padStart(10, '0');
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => number(from + index));

interface Scenario extends Partial<PollerOptions> {
  readonly mapping?: Partial<StreamMapping>;
  readonly stream: FakeStream;
  readonly behaviour?: (
    delivered: Delivered,
    calls: number,
  ) => InvocationOutcome | Promise<InvocationOutcome>;
  readonly destinationFailures?: number;
  /** What happens after everything of the start has been drained. */
  readonly then?: () => void;
}

async function run(scenario: Scenario) {
  const {
    mapping = {},
    stream,
    behaviour = () => success,
    destinationFailures = 0,
    then,
    ...rest
  } = scenario;
  const invoker = createFakeInvoker(behaviour);
  const destination = createFakeDestination(destinationFailures);
  const clock = createFakeClock();
  const poller = startEventSourcePoller({
    mappings: [streamMapping(mapping)],
    reader: stream,
    invoker,
    destination,
    clock,
    pollIntervalMs: 1,
    ...rest,
  });
  await poller.drained();
  if (then !== undefined) {
    then();
    await poller.drained();
  }
  await poller.stop();
  return { calls: invoker.calls, sent: destination.sent, counts: poller.counts };
}

function oneShard(records: number): FakeStream {
  const stream = new FakeStream();
  stream.addShard('shard-0');
  stream.put('shard-0', records);
  return stream;
}

describe('batches', () => {
  test('TRIM_HORIZON delivers everything once, in order, in batches of the mapping’s size', async () => {
    const { calls } = await run({ stream: oneShard(25) });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([
      numbers(1, 10),
      numbers(11, 20),
      numbers(21, 25),
    ]);
  });

  test('LATEST begins behind what is there', async () => {
    const stream = oneShard(5);
    const { calls } = await run({
      stream,
      mapping: { startingPosition: 'LATEST' },
      then: () => {
        stream.put('shard-0', 2);
      },
    });
    expect(calls.flatMap((call) => call.sequenceNumbers)).toEqual(numbers(6, 7));
  });

  test('a window gathers records that come one by one', async () => {
    const stream = oneShard(1);
    let puts = 0;
    const clock = createFakeClock();
    const sleep = clock.sleep.bind(clock);
    const { calls } = await run({
      stream,
      mapping: { windowMs: 1000 },
      clock: {
        ...clock,
        sleep: (ms, signal) => {
          if (puts < 4) stream.put('shard-0', 1);
          puts += 1;
          return sleep(ms, signal);
        },
      },
    });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([numbers(1, 5)]);
  });

  test('an expired iterator loses and repeats nothing', async () => {
    const stream = oneShard(35);
    stream.expireEvery = 2;
    const { calls } = await run({ stream });
    expect(calls.flatMap((call) => call.sequenceNumbers)).toEqual(numbers(1, 35));
  });
});

describe('failures', () => {
  test('a partial answer resumes at the lowest failed number and nothing overtakes it', async () => {
    const { calls } = await run({
      stream: oneShard(15),
      behaviour: (_, call) => (call === 1 ? failedAt(number(7), number(4)) : success),
    });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([
      numbers(1, 10),
      numbers(4, 10),
      numbers(11, 15),
    ]);
  });

  test('a batch is tried once and then as often as the mapping says, and goes whole to the destination', async () => {
    const { calls, sent, counts } = await run({
      stream: oneShard(15),
      mapping: { maxRetries: 2 },
      behaviour: ({ sequenceNumbers }) => (sequenceNumbers.includes(number(3)) ? threw : success),
    });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([
      numbers(1, 10),
      numbers(1, 10),
      numbers(1, 10),
      numbers(11, 15),
    ]);
    expect(
      sent.map(({ requestContext, KinesisBatchInfo }) => [
        requestContext.approximateInvokeCount,
        KinesisBatchInfo.batchSize,
      ]),
    ).toEqual([[3, 10]]);
    expect(counts).toMatchObject({ deliveredRecords: 5, discardedRecords: 10 });
  });

  test('bisecting isolates the record that fails', async () => {
    const { calls, sent, counts } = await run({
      stream: oneShard(10),
      mapping: { maxRetries: 1, bisectsOnError: true },
      behaviour: ({ sequenceNumbers }) => (sequenceNumbers.includes(number(4)) ? threw : success),
    });
    expect(
      sent.map(({ KinesisBatchInfo: info }) => [info.startSequenceNumber, info.endSequenceNumber]),
    ).toEqual([[number(4), number(4)]]);
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([
      numbers(1, 10),
      numbers(1, 5),
      numbers(1, 3),
      numbers(4, 5),
      numbers(4, 4),
      numbers(4, 4),
      numbers(5, 5),
      numbers(6, 10),
    ]);
    expect(counts).toMatchObject({ deliveredRecords: 9, discardedRecords: 1 });
  });

  test('a throttled call is repeated without limit', async () => {
    const { calls, sent } = await run({
      stream: oneShard(1),
      mapping: { maxRetries: 0 },
      behaviour: (_, call) => (call < 20 ? { kind: 'not-invoked', reason: 'Rate exceeded' } : success),
    });
    expect([calls.length, sent]).toEqual([20, []]);
  });

  test('records that are too old are discarded without being delivered', async () => {
    const stream = new FakeStream();
    stream.addShard('shard-0');
    stream.put('shard-0', 3, 1_000_000 - 61_000);
    stream.put('shard-0', 2, 1_000_000);
    const { calls, sent } = await run({ stream, mapping: { maxRecordAgeMs: 60_000 } });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([numbers(4, 5)]);
    expect(
      sent.map(({ requestContext, KinesisBatchInfo }) => [
        requestContext.condition,
        requestContext.approximateInvokeCount,
        KinesisBatchInfo.batchSize,
      ]),
    ).toEqual([['RecordAgeExceeded', 0, 3]]);
  });

  test('a record that grows too old while it is retried is discarded', async () => {
    const { sent } = await run({
      stream: oneShard(1),
      mapping: { maxRecordAgeMs: 50 },
      behaviour: () => threw,
    });
    expect(sent.map(({ requestContext }) => requestContext.condition)).toEqual(['RecordAgeExceeded']);
  });

  test('a batch is not given up before the destination has it', async () => {
    const { sent, counts } = await run({
      stream: oneShard(1),
      mapping: { maxRetries: 0 },
      behaviour: () => threw,
      destinationFailures: 3,
    });
    expect([sent.length, counts.discardedRecords]).toEqual([1, 1]);
  });

  test('a stream that cannot be read is read again', async () => {
    const stream = oneShard(3);
    const read = stream.read.bind(stream);
    let failures = 3;
    stream.read = (...args) => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('connection reset')) : read(...args);
    };
    const { calls } = await run({ stream });
    expect(calls.flatMap((call) => call.sequenceNumbers)).toEqual(numbers(1, 3));
  });
});

describe('shards', () => {
  test('a blocked shard does not hold up another', async () => {
    const stream = oneShard(5);
    stream.addShard('shard-1');
    stream.put('shard-1', 5);
    const { calls } = await run({
      stream,
      behaviour: ({ shardId }, call) => (shardId === 'shard-0' && call < 10 ? threw : success),
    });
    const done = calls.findIndex((call) => call.shardId === 'shard-1');
    expect(done).toBeLessThan(3);
    expect(
      calls.filter((call) => call.shardId === 'shard-1').flatMap((call) => call.sequenceNumbers),
    ).toEqual(numbers(1, 5));
  });

  test('children of a split begin when their parent is done, and miss nothing', async () => {
    const stream = oneShard(15);
    stream.addShard('child-a', ['shard-0']);
    stream.addShard('child-b', ['shard-0']);
    stream.put('child-a', 3);
    stream.put('child-b', 4);
    const { calls } = await run({ stream, behaviour: (_, call) => (call === 1 ? threw : success) });
    const lastOfParent = calls.findLastIndex((call) => call.shardId === 'shard-0');
    const firstOfChildren = calls.findIndex((call) => call.shardId !== 'shard-0');
    expect(lastOfParent).toBeLessThan(firstOfChildren);
    expect(
      calls.filter((call) => call.shardId === 'child-a').flatMap((call) => call.sequenceNumbers),
    ).toEqual(numbers(1, 3));
    expect(
      calls.filter((call) => call.shardId === 'child-b').flatMap((call) => call.sequenceNumbers),
    ).toEqual(numbers(1, 4));
  });

  test('a child of shards that are merged while polling is read from its beginning, even with LATEST', async () => {
    const stream = oneShard(0);
    stream.addShard('shard-1');
    const { calls } = await run({
      stream,
      mapping: { startingPosition: 'LATEST' },
      then: () => {
        stream.put('shard-0', 2);
        stream.addShard('merged', ['shard-0', 'shard-1']);
        stream.put('merged', 6);
      },
    });
    expect(calls.map(({ shardId, sequenceNumbers }) => [shardId, sequenceNumbers.length])).toEqual([
      ['shard-0', 2],
      ['merged', 6],
    ]);
  });
});

describe('injected faults', () => {
  test('a duplicate delivers a done batch once more', async () => {
    const { calls, counts } = await run({ stream: oneShard(20), faults: { seed: 1, duplicate: 1 } });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual([
      numbers(1, 10),
      numbers(1, 10),
      numbers(11, 20),
      numbers(11, 20),
    ]);
    expect(counts.deliveredRecords).toBe(20);
  });

  test('a dropped answer delivers a batch again that the function has done', async () => {
    const { calls } = await run({ stream: oneShard(10), faults: { seed: 1, dropResponse: 1 } });
    expect(calls.map((call) => call.sequenceNumbers)).toEqual(
      Array.from({ length: 4 }, () => numbers(1, 10)),
    );
  });

  test('a zombie still runs while its batch is delivered again', async () => {
    let running = 0;
    let mostAtOnce = 0;
    const release: (() => void)[] = [];
    const { calls } = await run({
      stream: oneShard(10),
      faults: { seed: 1, zombie: 1, zombieAfterMs: 5 },
      behaviour: async (_, call) => {
        running += 1;
        mostAtOnce = Math.max(mostAtOnce, running);
        if (call < 3) await new Promise<void>((resolve) => release.push(resolve));
        else for (const resolve of release) resolve();
        running -= 1;
        return success;
      },
    });
    expect(mostAtOnce).toBeGreaterThan(1);
    expect(calls.length).toBeGreaterThan(1);
  });

  test('a discarded batch goes to the destination with its payload', async () => {
    const { sent, counts } = await run({ stream: oneShard(10), faults: { seed: 1, discard: 1 } });
    expect(sent.map(({ KinesisBatchInfo }) => KinesisBatchInfo.batchSize)).toEqual([10]);
    expect(counts.discardedRecords).toBe(10);
  });

  test('the same seed makes the same deliveries, another seed makes others', async () => {
    const deliveries = async (seed: number): Promise<unknown> =>
      (await run({ stream: oneShard(60), faults: { seed, recut: 0.5, dropResponse: 0.2, duplicate: 0.2 } }))
        .calls;
    const first = await deliveries(1);
    expect(await deliveries(1)).toEqual(first);
    expect(await deliveries(2)).not.toEqual(first);
  });
});
