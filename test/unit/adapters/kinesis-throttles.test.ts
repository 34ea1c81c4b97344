import { KinesisClient, PutRecordsCommand, type PutRecordsCommandInput } from '@aws-sdk/client-kinesis';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { KinesisFrameBus } from '../../../shared/adapters/aws/kinesis-frame-bus.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';

/** A PutRecords call takes this, and on average as much more. */
const MIN_CALL_MS = 8;
const REQUESTS = 1_500;

const kinesis = mockClient(KinesisClient);

beforeEach(() => {
  kinesis.reset();
  kinesis.onAnyCommand().rejects(new Error('not stubbed'));
});

/** How long sends take, and how many of them end with something refused, when each entry fails by chance. */
async function measure(frames: number, throttleRate: number) {
  const random = createSeededRandom(2_026);
  const clock = new ManualClock({ jump: true });
  kinesis.on(PutRecordsCommand).callsFake((input: PutRecordsCommandInput) => {
    clock.advance(Math.round(MIN_CALL_MS * (1 - Math.log(1 - random()))));
    return Promise.resolve({
      Records: (input.Records ?? []).map(() =>
        random() < throttleRate
          ? { ErrorCode: 'ProvisionedThroughputExceededException' }
          : { SequenceNumber: '1', ShardId: 'shardId-0' },
      ),
    });
  });
  const bus = new KinesisFrameBus({
    kinesis: new KinesisClient({ region: 'us-east-1' }),
    stream: 'ingest',
    clock,
    random,
  });
  const timesMs: number[] = [];
  let refused = 0;
  for (let i = 0; i < REQUESTS; i++) {
    const startMs = clock.nowMs();
    const sent = await bus.send(
      Array.from({ length: frames }, (_, k) => ({ bytes: Buffer.alloc(10), partitionKey: `k${String(k)}` })),
    );
    timesMs.push(clock.nowMs() - startMs);
    if (sent.refused.length > 0) refused++;
  }
  timesMs.sort((a, b) => a - b);
  return { refused, p99Ms: timesMs[Math.floor(REQUESTS * 0.99)] ?? 0, maxMs: timesMs.at(-1) ?? 0 };
}

describe('retries of a push', () => {
  test.each([1, 2, 4, 8])(
    '%i frames get through throttles of one entry in twenty in less than 200 ms at p99',
    async (frames) => {
      const { refused, p99Ms } = await measure(frames, 0.05);
      expect(refused).toBe(0);
      // A handler's 300 ms, less what it does besides.
      expect(p99Ms).toBeLessThan(200);
    },
  );

  test('8 frames get through throttles of one entry in five, but for one request in a hundred', async () => {
    const { refused, p99Ms } = await measure(8, 0.2);
    expect(refused).toBeLessThan(REQUESTS / 100);
    expect(p99Ms).toBeLessThan(600);
  });

  test('a stream that is throttled as a whole is given up in a second', async () => {
    const { refused, maxMs } = await measure(8, 1);
    expect(refused).toBe(REQUESTS);
    expect(maxMs).toBeLessThan(1_000);
  });
});
