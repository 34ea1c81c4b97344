import { CreateTableCommand, QueryCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import type { LogEntry } from '../../../shared/ports/claim-log.ts';
import { DynamoClaimLog } from '../../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { injectFaults } from '../../../shared/adapters/aws/fault-middleware.ts';
import { seededFaults, type FaultRates } from '../../../shared/adapters/faults/fault-plan.ts';
import { S3Lake } from '../../../shared/adapters/aws/s3-lake.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20_260_101);
/** Every third attempt goes wrong in some way; answers are lost as often as requests. */
const RATES: FaultRates = {
  delay: 0.1,
  'reset-before': 0.08,
  'reset-after': 0.12,
  'server-error': 0.05,
  conflict: 0.02,
};

let emulator: BareEmulator;
let dynamodb: DynamoDBClient;
let s3: S3Client;

beforeAll(async () => {
  console.log(`seed ${String(SEED)}; set FAULT_SEED to run another one`);
  emulator = await startBareEmulator();
  dynamodb = createDynamoDbClient(emulator.connection);
  s3 = createS3Client(emulator.connection);
  for (const [table, partitionKey, sortKey, sortType] of [
    ['fault-claims', 'bucket', 'number', 'N'],
    ['fault-ledger', 'lane', 'entry', 'S'],
  ] as const) {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: table,
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: partitionKey, AttributeType: 'S' },
          { AttributeName: sortKey, AttributeType: sortType },
        ],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
  }
  await s3.send(new CreateBucketCommand({ Bucket: 'fault-lake' }));
});

afterAll(async () => {
  dynamodb.destroy();
  s3.destroy();
  await emulator.stop();
});

/** Repeats what failed passingly, as a redelivery would; every other failure fails the test. */
async function untilAnswered<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
    }
  }
}

function faultyDynamoDb(writer: number): DynamoDBClient {
  const client = createDynamoDbClient(emulator.connection);
  injectFaults(client, seededFaults(SEED + writer, RATES));
  return client;
}

test('under faults, commits of one lane never overlap, leave no gap and are told at most once', async () => {
  const lane = `kinesis/ingest/${randomUUID()}`;
  const told = await Promise.all(
    Array.from({ length: 5 }, async (_, writer) => {
      const store = new DynamoLedgerStore({
        dynamodb: faultyDynamoDb(writer),
        table: 'fault-ledger',
        clock: systemClock,
      });
      const won: string[] = [];
      while (won.length < 6) {
        const state = await untilAnswered(() => store.read(lane));
        const from = String(BigInt(state.position ?? '0') + 1n);
        const to = String(BigInt(from) + BigInt(writer));
        // Not repeated: after a failure it is unknown whether it has had its effect, so the state is read again.
        const result = await store
          .commit(lane, state.version, { from, to, records: 1, keys: 1 }, randomUUID())
          .catch((error: unknown) => {
            if (error instanceof TransientError) return 'unknown';
            throw error;
          });
        if (result === 'ok') won.push(to);
      }
      return won;
    }),
  );
  const { Items: items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: 'fault-ledger',
      KeyConditionExpression: 'lane = :lane AND begins_with(entry, :range)',
      ExpressionAttributeValues: { ':lane': { S: lane }, ':range': { S: 'range#' } },
    }),
  );
  const ranges = items.map(
    (item) => [BigInt(item['from']?.S ?? '-1'), BigInt(item['to']?.S ?? '-1')] as const,
  );
  let expected = 1n;
  for (const [from, to] of ranges) {
    expect(from).toBe(expected);
    expected = to + 1n;
  }
  const store = new DynamoLedgerStore({ dynamodb, table: 'fault-ledger', clock: systemClock });
  expect(await store.read(lane)).toMatchObject({
    position: String(expected - 1n),
    commits: ranges.length,
    version: ranges.length,
  });
  const all = told.flat();
  expect(new Set(all).size).toBe(all.length);
  const ends = new Set(ranges.map(([, to]) => String(to)));
  expect(all.filter((to) => !ends.has(to))).toEqual([]);
});

test('under faults, every writer gets its claims into the log once, in numbers without gaps', async () => {
  const bucket = `orders#${randomUUID()}`;
  await Promise.all(
    Array.from({ length: 5 }, async (_, writer) => {
      const log = new DynamoClaimLog({
        dynamodb: faultyDynamoDb(100 + writer),
        table: 'fault-claims',
        clock: systemClock,
      });
      for (let round = 0; round < 6; round++) {
        const own = Buffer.from(`${String(writer)}/${String(round)}`.padEnd(round % 2 === 0 ? 0 : 2_000));
        const expiresAtMs = Date.now() + 60_000;
        const claims = await untilAnswered(() => log.store([own], expiresAtMs));
        for (let done = false; !done;) {
          const items = await untilAnswered(() => log.read(bucket, 0));
          if (items.some((item) => packedOf(item).equals(own))) break;
          const item = { kind: 'claims', claims, expiresAtMs, writer: randomUUID() } as const;
          const number = (items.at(-1)?.number ?? 0) + 1;
          const result = await log.append(bucket, number, item).catch((error: unknown) => {
            if (error instanceof TransientError) return 'unknown';
            throw error;
          });
          done = result === 'ok';
        }
      }
    }),
  );
  const items = await new DynamoClaimLog({ dynamodb, table: 'fault-claims', clock: systemClock }).read(
    bucket,
    0,
  );
  expect(items.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(new Set(items.map((item) => packedOf(item).toString())).size).toBe(30);
});

test('under faults, at most one writer is told that it created an object, and what it wrote stays', async () => {
  for (let round = 0; round < 8; round++) {
    const key = `raw/orders/dt=2024-01-01/${randomUUID()}-v1.parquet`;
    const results = await Promise.all(
      Array.from({ length: 5 }, async (_, writer) => {
        const client = createS3Client(emulator.connection);
        injectFaults(client, seededFaults(SEED + round * 10 + writer, RATES));
        const lake = new S3Lake({ s3: client, bucket: 'fault-lake' });
        const kind = writer % 2 === 0 ? ('data' as const) : ('tombstone' as const);
        const result = await untilAnswered(() =>
          lake.putIfAbsent(key, { kind, lane: 'lane', bytes: Buffer.from(kind), rows: 0, writtenAtMs: 0 }),
        );
        return { result, kind, seen: await untilAnswered(() => lake.kindOf(key)) };
      }),
    );
    const created = results.filter(({ result }) => result === 'created');
    expect(created.length).toBeLessThanOrEqual(1);
    const stands = new Set(results.map(({ seen }) => seen));
    expect(stands.size).toBe(1);
    // Nobody was told when the answer of the creating attempt itself was lost; the object stands all the same.
    expect(stands.has(undefined)).toBe(false);
    for (const { kind } of created) expect([...stands]).toEqual([kind]);
  }
});

const packedOf = (entry: LogEntry): Buffer =>
  entry.kind === 'claims' ? Buffer.concat(entry.packed) : Buffer.of();
