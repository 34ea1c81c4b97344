import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  waitUntilStreamExists,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe } from 'vitest';
import {
  createDynamoDbClient,
  createKinesisClient,
  createS3Client,
  createSchedulerClient,
  createSqsClient,
  createSsmClient,
} from '../../../shared/adapters/aws/clients.ts';
import { DynamoClaimLog } from '../../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoCostHistory } from '../../../shared/adapters/aws/dynamo-cost-history.ts';
import { DynamoCountStore } from '../../../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoFindingStore } from '../../../shared/adapters/aws/dynamo-finding-store.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoPullControlStore } from '../../../shared/adapters/aws/dynamo-pull-control-store.ts';
import { DynamoQuotaStore } from '../../../shared/adapters/aws/dynamo-quota-store.ts';
import { DynamoSpendStore } from '../../../shared/adapters/aws/dynamo-spend-store.ts';
import { DynamoRequestStore } from '../../../shared/adapters/aws/dynamo-request-store.ts';
import { DynamoTokenStore } from '../../../shared/adapters/aws/dynamo-token-store.ts';
import { DynamoWriteKeyStore } from '../../../shared/adapters/aws/dynamo-write-key-store.ts';
import { injectFaults } from '../../../shared/adapters/aws/fault-middleware.ts';
import type { FaultPlan } from '../../../shared/adapters/faults/fault-plan.ts';
import { KinesisFrameBus } from '../../../shared/adapters/aws/kinesis-frame-bus.ts';
import { S3AuditLog } from '../../../shared/adapters/aws/s3-audit-log.ts';
import { S3BatchStage } from '../../../shared/adapters/aws/s3-batch-stage.ts';
import { S3FileStage } from '../../../shared/adapters/aws/s3-file-stage.ts';
import { S3ClaimObjects } from '../../../shared/adapters/aws/s3-claim-objects.ts';
import { LAKE_METADATA, S3Lake } from '../../../shared/adapters/aws/s3-lake.ts';
import { S3ObjectSource } from '../../../shared/adapters/aws/s3-object-source.ts';
import { SchedulerPollSchedule } from '../../../shared/adapters/aws/scheduler-poll-schedule.ts';
import { SqsWorkQueue } from '../../../shared/adapters/aws/sqs-work-queue.ts';
import { SsmParameterStore } from '../../../shared/adapters/aws/ssm-parameter-store.ts';
import { S3FrameWriter } from '../../../shared/adapters/aws/s3-frame-writer.ts';
import { S3LandingZone } from '../../../shared/adapters/aws/s3-landing-zone.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import type { ObjectKind } from '../../../shared/ports/lake.ts';
import type { OutgoingFrame } from '../../../shared/ports/frame-bus.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { auditLogContract } from '../../contract/audit-log.suite.ts';
import { batchStageContract } from '../../contract/batch-stage.suite.ts';
import { claimLogContract } from '../../contract/claim-log.suite.ts';
import { costHistoryContract } from '../../contract/cost-history.suite.ts';
import { countStoreContract, type CountedLedger } from '../../contract/count-store.suite.ts';
import { fileStageContract } from '../../contract/file-stage.suite.ts';
import { findingStoreContract } from '../../contract/finding-store.suite.ts';
import { frameBusContract } from '../../contract/frame-bus.suite.ts';
import { lakeContract } from '../../contract/lake.suite.ts';
import { landingZoneContract, type LandingZonePorts } from '../../contract/landing-zone.suite.ts';
import { ledgerStoreContract } from '../../contract/ledger-store.suite.ts';
import { objectSourceContract } from '../../contract/object-source.suite.ts';
import { parameterStoreContract } from '../../contract/parameter-store.suite.ts';
import { pollScheduleContract } from '../../contract/poll-schedule.suite.ts';
import { pullControlStoreContract } from '../../contract/pull-control-store.suite.ts';
import { quotaStoreContract } from '../../contract/quota-store.suite.ts';
import { spendStoreContract } from '../../contract/spend-store.suite.ts';
import { requestStoreContract } from '../../contract/request-store.suite.ts';
import { tokenStoreContract } from '../../contract/token-store.suite.ts';
import { workQueueContract, type QueueUnderTest } from '../../contract/work-queue.suite.ts';
import { writeKeyStoreContract } from '../../contract/write-key-store.suite.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

const BUCKET = 'headgate-contract-lake';
const STREAM = 'headgate-contract-ingest';
const SCHEDULES = 'headgate-contract-schedules';
const TABLES: readonly CreateTableCommandInput[] = [
  {
    TableName: 'claims',
    KeySchema: [
      { AttributeName: 'bucket', KeyType: 'HASH' },
      { AttributeName: 'number', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'bucket', AttributeType: 'S' },
      { AttributeName: 'number', AttributeType: 'N' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  },
  {
    TableName: 'ledger',
    KeySchema: [
      { AttributeName: 'lane', KeyType: 'HASH' },
      { AttributeName: 'entry', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'lane', AttributeType: 'S' },
      { AttributeName: 'entry', AttributeType: 'S' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  },
  {
    TableName: 'access',
    KeySchema: [{ AttributeName: 'hash', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'hash', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
  },
];

/** The first attempt of every call has its effect and loses its answer. */
const losingAnswers: FaultPlan = {
  onAttempt: ({ attempt }) => (attempt === 1 ? { kind: 'reset-after' } : undefined),
};

/** The first call of PutRecords, too, whose repetitions are calls of their own. */
function losingFirstAnswers(): FaultPlan {
  let lost = false;
  return {
    onAttempt: () => {
      if (lost) return undefined;
      lost = true;
      return { kind: 'reset-after' };
    },
  };
}

function faulty<Client extends { readonly middlewareStack: unknown }>(
  client: Client,
  plan: FaultPlan,
): Client {
  injectFaults(client, plan);
  return client;
}

describe('AWS', () => {
  let emulator: BareEmulator;
  let dynamodb: DynamoDBClient;
  let s3: S3Client;
  let kinesis: KinesisClient;
  let ssm: SSMClient;
  let sqs: SQSClient;
  let scheduler: SchedulerClient;

  beforeAll(async () => {
    emulator = await startBareEmulator();
    dynamodb = createDynamoDbClient(emulator.connection);
    s3 = createS3Client(emulator.connection);
    kinesis = createKinesisClient(emulator.connection);
    ssm = createSsmClient(emulator.connection);
    sqs = createSqsClient(emulator.connection);
    scheduler = createSchedulerClient(emulator.connection);
    for (const table of TABLES) await dynamodb.send(new CreateTableCommand(table));
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await scheduler.send(new CreateScheduleGroupCommand({ Name: SCHEDULES }));
    await kinesis.send(new CreateStreamCommand({ StreamName: STREAM, ShardCount: 2 }));
    await waitUntilStreamExists({ client: kinesis, maxWaitTime: 30 }, { StreamName: STREAM });
  });

  afterAll(async () => {
    for (const client of [dynamodb, s3, kinesis, ssm, sqs, scheduler]) client.destroy();
    await emulator.stop();
  });

  const losingDynamoDb = (): DynamoDBClient =>
    faulty(createDynamoDbClient(emulator.connection), losingAnswers);

  ledgerStoreContract({
    open: () => new DynamoLedgerStore({ dynamodb, table: 'ledger', clock: systemClock }),
    openLosingAnswers: () =>
      new DynamoLedgerStore({ dynamodb: losingDynamoDb(), table: 'ledger', clock: systemClock }),
  });
  const counted = (client: typeof dynamodb): CountedLedger => {
    const options = { dynamodb: client, table: 'ledger', clock: systemClock };
    return { ledger: new DynamoLedgerStore(options), counts: new DynamoCountStore(options) };
  };
  countStoreContract({
    open: () => counted(dynamodb),
    openLosingAnswers: () => counted(losingDynamoDb()),
  });
  claimLogContract({
    open: () => new DynamoClaimLog({ dynamodb, table: 'claims', clock: systemClock }),
    openLosingAnswers: () =>
      new DynamoClaimLog({ dynamodb: losingDynamoDb(), table: 'claims', clock: systemClock }),
  });
  describe('with large claims in objects', () => {
    claimLogContract({
      open: () =>
        new DynamoClaimLog({
          dynamodb,
          table: 'claims',
          clock: systemClock,
          objects: new S3ClaimObjects({ s3, bucket: BUCKET }),
        }),
      openLosingAnswers: () =>
        new DynamoClaimLog({
          dynamodb: losingDynamoDb(),
          table: 'claims',
          clock: systemClock,
          objects: new S3ClaimObjects({
            s3: faulty(createS3Client(emulator.connection), losingAnswers),
            bucket: BUCKET,
          }),
        }),
    });
  });
  findingStoreContract({
    open: () => new DynamoFindingStore({ dynamodb, table: 'ledger', clock: systemClock }),
    openLosingAnswers: () =>
      new DynamoFindingStore({ dynamodb: losingDynamoDb(), table: 'ledger', clock: systemClock }),
  });
  costHistoryContract({
    open: () => new DynamoCostHistory({ dynamodb, table: 'ledger', clock: systemClock }),
    openLosingAnswers: () =>
      new DynamoCostHistory({ dynamodb: losingDynamoDb(), table: 'ledger', clock: systemClock }),
  });
  pullControlStoreContract({
    open: () => new DynamoPullControlStore({ dynamodb, table: 'ledger' }),
    openLosingAnswers: () => new DynamoPullControlStore({ dynamodb: losingDynamoDb(), table: 'ledger' }),
  });
  quotaStoreContract({ open: () => new DynamoQuotaStore({ dynamodb, table: 'claims' }) });
  spendStoreContract({ open: () => new DynamoSpendStore({ dynamodb, table: 'claims' }) });
  requestStoreContract({
    open: () => new DynamoRequestStore({ dynamodb, table: 'claims' }),
    openLosingAnswers: () => new DynamoRequestStore({ dynamodb: losingDynamoDb(), table: 'claims' }),
  });
  writeKeyStoreContract({
    open: () => new DynamoWriteKeyStore({ dynamodb, table: 'access', clock: systemClock }),
    openLosingAnswers: () =>
      new DynamoWriteKeyStore({ dynamodb: losingDynamoDb(), table: 'access', clock: systemClock }),
  });
  tokenStoreContract({
    open: () => new DynamoTokenStore({ dynamodb, table: 'ledger' }),
    openLosingAnswers: () => new DynamoTokenStore({ dynamodb: losingDynamoDb(), table: 'ledger' }),
  });
  auditLogContract({
    open: () => new S3AuditLog({ s3, bucket: BUCKET }),
    openLosingAnswers: () =>
      new S3AuditLog({
        s3: faulty(createS3Client(emulator.connection), losingAnswers),
        bucket: BUCKET,
      }),
  });
  batchStageContract({
    open: () => new S3BatchStage({ s3, bucket: BUCKET }),
    openLosingAnswers: () =>
      new S3BatchStage({
        s3: faulty(createS3Client(emulator.connection), losingAnswers),
        bucket: BUCKET,
      }),
  });
  describe.each([
    ['in one piece', undefined],
    ['in ranges', 90_000],
  ])('objects %s', (_, maxRangeBytes) => {
    objectSourceContract({
      open: (place) =>
        new S3ObjectSource({
          s3,
          bucket: BUCKET,
          prefix: `${place}/`,
          clock: systemClock,
          ...(maxRangeBytes !== undefined && { maxRangeBytes }),
        }),
      put: async (place, name, bytes) => {
        await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${place}/${name}`, Body: bytes }));
      },
      remove: async (place, name) => {
        await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: `${place}/${name}` }));
      },
    });
  });
  fileStageContract({
    open: () => new S3FileStage({ s3, bucket: BUCKET }),
    openLosingAnswers: () =>
      new S3FileStage({
        s3: faulty(createS3Client(emulator.connection), losingAnswers),
        bucket: BUCKET,
      }),
  });
  lakeContract({
    open: () => new S3Lake({ s3, bucket: BUCKET }),
    openLosingAnswers: () =>
      new S3Lake({
        s3: faulty(createS3Client(emulator.connection), losingAnswers),
        bucket: BUCKET,
      }),
    peek: async (key) => {
      const answer = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const metadata = answer.Metadata ?? {};
      return {
        kind: metadata[LAKE_METADATA.kind] as ObjectKind,
        lane: metadata[LAKE_METADATA.lane] ?? '',
        rows: Number(metadata[LAKE_METADATA.rows]),
        writtenAtMs: Number(metadata[LAKE_METADATA.writtenAtMs]),
        bytes: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(),
      };
    },
  });
  pollScheduleContract({
    open: () => new SchedulerPollSchedule({ scheduler, group: SCHEDULES }),
    deploy: async (source, everyMinutes) => {
      const target = { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:pull' };
      await scheduler.send(
        new CreateScheduleCommand({
          ...{ GroupName: SCHEDULES, Name: source, FlexibleTimeWindow: { Mode: 'OFF' } },
          ScheduleExpression: everyMinutes === undefined ? 'cron(0 6 * * ? *)' : toRate(everyMinutes),
          Target: { ...target, RoleArn: 'arn:aws:iam::000000000000:role/schedules' },
        }),
      );
    },
  });
  workQueueContract({
    open: () => openQueue(sqs, sqs),
    openLosingAnswers: () => openQueue(sqs, faulty(createSqsClient(emulator.connection), losingAnswers)),
  });
  frameBusContract({
    open: () => new KinesisFrameBus({ kinesis, stream: STREAM, clock: systemClock }),
    openLosingAnswers: () =>
      new KinesisFrameBus({
        kinesis: faulty(createKinesisClient(emulator.connection), losingFirstAnswers()),
        stream: STREAM,
        clock: systemClock,
      }),
    stored: async (partitionKeys) =>
      (await readStream(kinesis)).filter(({ partitionKey }) => partitionKeys.has(partitionKey)),
  });
  landingZoneContract({
    open: () => landingZoneOf(s3),
    openLosingAnswers: () => landingZoneOf(faulty(createS3Client(emulator.connection), losingAnswers)),
  });
  parameterStoreContract({
    open: () => new SsmParameterStore({ ssm, clock: systemClock }),
    openLosingAnswers: () =>
      new SsmParameterStore({
        ssm: faulty(createSsmClient(emulator.connection), losingAnswers),
        clock: systemClock,
      }),
    set: async (name, value) => {
      await ssm.send(
        new PutParameterCommand({ Name: name, Value: value, Type: 'SecureString', Overwrite: true }),
      );
    },
  });
});

/** As CDK writes it: in the largest unit that fits. */
function toRate(minutes: number): string {
  const [count, unit] =
    minutes % 1_440 === 0
      ? [minutes / 1_440, 'day']
      : minutes % 60 === 0
        ? [minutes / 60, 'hour']
        : [minutes, 'minute'];
  return `rate(${String(count)} ${unit}${count === 1 ? '' : 's'})`;
}

/** A new queue, to which `sender` sends. */
async function openQueue(sqs: SQSClient, sender: SQSClient): Promise<QueueUnderTest> {
  const { QueueUrl: url = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: randomUUID(), Attributes: { VisibilityTimeout: '5400' } }),
  );
  return {
    queue: new SqsWorkQueue({ sqs: sender, url }),
    receive: async () => {
      const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
      if (message === undefined) return undefined;
      return { work: JSON.parse(message.Body ?? '') as PullWork, receipt: message.ReceiptHandle ?? '' };
    },
    done: async (receipt) => {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt }));
    },
    // The emulator goes by its own clock.
    pass: (seconds) => sleep(seconds * 1000 + 100),
  };
}

/** Everything in the stream, in order per shard. */
async function readStream(kinesis: KinesisClient): Promise<OutgoingFrame[]> {
  const frames: OutgoingFrame[] = [];
  const { Shards: shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: STREAM }));
  for (const { ShardId } of shards) {
    let { ShardIterator: iterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: STREAM, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    while (iterator !== undefined) {
      const page = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      if (page.Records?.length === 0) break;
      for (const { PartitionKey = '', Data = new Uint8Array() } of page.Records ?? []) {
        frames.push({ partitionKey: PartitionKey, bytes: Data });
      }
      iterator = page.NextShardIterator;
    }
  }
  return frames;
}

function landingZoneOf(s3: S3Client): LandingZonePorts {
  const writer = new S3FrameWriter({ s3, bucket: BUCKET });
  const zone = new S3LandingZone({ s3, bucket: BUCKET, clock: systemClock });
  return {
    put: (...args) => writer.put(...args),
    list: (...args) => zone.list(...args),
    read: (...args) => zone.read(...args),
    remove: (...args) => zone.remove(...args),
  };
}
