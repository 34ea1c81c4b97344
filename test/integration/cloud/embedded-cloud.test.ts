import { DescribeContinuousBackupsCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import {
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { KinesisStreamEvent } from 'aws-lambda';
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { isHealthy } from '../../../cloud/emulator/start-emulator.ts';
import type { InvocationRecord } from '../../../cloud/event-source-poller/invocation-record.ts';
import { startCloud } from '../../../cloud/start-cloud.ts';
import type { FixtureRecord } from '../../fixtures/cloud-app/consumer.ts';
import { fixtureApp } from '../../fixtures/cloud-app/fixture-app.ts';
import { useCloud } from '../../support/cloud.ts';

const { cloud, clients } = useCloud(fixtureApp);

interface Invocation {
  readonly shard: string;
  readonly numbers: readonly number[];
}

async function objects(prefix: string): Promise<Map<string, string>> {
  const Bucket = cloud().output('BucketName');
  const { Contents = [] } = await clients().s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  const found = new Map<string, string>();
  for (const { Key = '' } of Contents) {
    const { Body } = await clients().s3.send(new GetObjectCommand({ Bucket, Key }));
    found.set(Key, (await Body?.transformToString()) ?? '');
  }
  return found;
}

/** Invocations of the consumer, oldest first. */
async function invocations(): Promise<Invocation[]> {
  return [...(await objects('invocations/')).values()].map((text) => JSON.parse(text) as Invocation);
}

async function put(records: readonly FixtureRecord[], partitionKey: (n: number) => string): Promise<void> {
  const Records = records.map((record) => ({
    Data: Buffer.from(JSON.stringify(record)),
    PartitionKey: partitionKey(record.n),
  }));
  const { FailedRecordCount } = await clients().kinesis.send(
    new PutRecordsCommand({ StreamName: cloud().output('StreamName'), Records }),
  );
  expect(FailedRecordCount).toBe(0);
}

describe('deployed resources have what their template says', () => {
  test('a table expires its items and can be restored', async () => {
    const TableName = cloud().output('TableName');
    const { TimeToLiveDescription } = await clients().dynamodb.send(
      new DescribeTimeToLiveCommand({ TableName }),
    );
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' });
    const { ContinuousBackupsDescription } = await clients().dynamodb.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe(
      'ENABLED',
    );
  });

  test('a bucket moves its objects to cheaper storage and is closed to the public', async () => {
    const Bucket = cloud().output('BucketName');
    const { Rules } = await clients().s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules).toMatchObject([
      {
        Status: 'Enabled',
        Filter: { Prefix: 'raw/' },
        Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }],
      },
    ]);
    const access = await clients().s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    expect(access.PublicAccessBlockConfiguration).toMatchObject({
      BlockPublicAcls: true,
      RestrictPublicBuckets: true,
    });
  });

  test('a queue sends what fails to its dead-letter queue', async () => {
    const QueueUrl = cloud().output('QueueUrl');
    const { Attributes } = await clients().sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
    );
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toMatchObject({ maxReceiveCount: 3 });
  });

  test('the emulator’s own poller is off for the mappings that ours carries', async () => {
    const { EventSourceMappings } = await clients().lambda.send(new ListEventSourceMappingsCommand({}));
    expect(EventSourceMappings?.map(({ UUID, State }) => [UUID, State])).toEqual(
      cloud().poller.mappings.map(({ uuid }) => [uuid, 'Disabled']),
    );
  });

  test('an emulator that runs already gets the app again, keeps running, and has its streams carried', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', cloud().endpoint);
    try {
      const again = await startCloud(fixtureApp);
      expect([again.endpoint, again.outputs]).toEqual([cloud().endpoint, cloud().outputs]);
      expect(again.poller.mappings).toEqual(cloud().poller.mappings);
      await again.stop();
      expect(await isHealthy(cloud().endpoint)).toBe(true);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('an output that does not exist is an error that lists the ones that do', () => {
    expect(() => cloud().output('BucketNam')).toThrow(/BucketNam[\s\S]*ApiUrl, BucketName/);
  });
});

describe('the HTTP API hands bodies to the function byte by byte', () => {
  test.each([
    ['JSON', 'application/json', Buffer.from('{"city":"Zürich 🏔"}'), false],
    ['compressed NDJSON', 'application/x-ndjson', randomBytes(1000), true],
    ['6 MB', 'application/x-ndjson', randomBytes(4_500_000), true],
  ])('%s', async (_, contentType, body, isBase64Encoded) => {
    const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/orders/records`, {
      method: 'POST',
      headers: { 'content-type': contentType, 'content-encoding': 'gzip', 'idempotency-key': '"a-1"' },
      body,
    });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({
      sha256: createHash('sha256').update(body).digest('hex'),
      isBase64Encoded,
      pathParameters: { source: 'orders' },
      headers: { 'content-type': contentType, 'content-encoding': 'gzip', 'idempotency-key': '"a-1"' },
    });
  });
});

test('streams are carried to their function with the semantics of AWS', async () => {
  const records: FixtureRecord[] = Array.from({ length: 60 }, (_, n) => {
    if (n === 13) return { n, behaviour: 'throw' };
    if (n === 31) return { n, behaviour: 'report', times: 1 };
    return { n };
  });
  await put(records, (n) => `key-${String(n % 7)}`);
  await cloud().poller.drained();

  const calls = await invocations();
  const seen = calls.flatMap((call) => call.numbers);
  expect(new Set(seen)).toEqual(new Set(records.map(({ n }) => n)));
  expect(new Set(calls.map((call) => call.shard)).size).toBe(2);
  expect(Math.max(...calls.map((call) => call.numbers.length))).toBe(10);

  // A partial answer: the rest of the batch is delivered again from the reported record on.
  const reported = calls.filter((call) => call.numbers.includes(31));
  expect(reported).toHaveLength(2);
  expect(reported[1]?.numbers).toEqual(reported[0]?.numbers.slice(reported[0].numbers.indexOf(31)));

  // Bisected down to the record that throws, tried twice, then parked in S3 with the whole event.
  expect(calls.filter((call) => call.numbers.length === 1 && call.numbers[0] === 13)).toHaveLength(2);
  const parked = [...(await objects('aws/lambda/')).entries()];
  expect(parked).toHaveLength(1);
  const [[key, text]] = parked as [[string, string]];
  expect(key).toContain(`aws/lambda/${cloud().poller.mappings[0]?.uuid ?? ''}/shardId-`);
  const record = JSON.parse(text) as InvocationRecord;
  expect(record.requestContext.condition).toBe('RetryAttemptsExhausted');
  const { Records } = JSON.parse(record.payload) as KinesisStreamEvent;
  expect(
    Records.map(({ kinesis }) => JSON.parse(Buffer.from(kinesis.data, 'base64').toString()) as unknown),
  ).toEqual([records[13]]);
  expect(Records[0]?.kinesis.sequenceNumber).toBe(record.KinesisBatchInfo.startSequenceNumber);

  // Per shard, first deliveries are in the order of the stream.
  for (const shard of new Set(calls.map((call) => call.shard))) {
    const first = [...new Set(calls.filter((call) => call.shard === shard).flatMap((call) => call.numbers))];
    expect(first).toEqual(first.toSorted((a, b) => a - b));
  }
});
