import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEngineTables } from '../../../bench/engine-tables.ts';
import {
  openOrders,
  ordersConfig,
  quarantineOrders,
  type ReplayPlace,
} from '../../../bench/replay/quarantined-orders.ts';
import { groupQuarantine } from '../../../cli/dlq/list-dead-letters.ts';
import { parseSelection } from '../../../cli/dlq/selection.ts';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { createLakeView } from '../../../shared/adapters/aws/s3-lake-view.ts';
import { queryLake } from '../../../shared/adapters/duckdb/query-lake.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILES = 100;
const ROWS = 1_000;

let emulator: BareEmulator;
let s3: S3Client;
let dynamodb: DynamoDBClient;
let folder: string;

beforeAll(async () => {
  emulator = await startBareEmulator();
  s3 = createS3Client(emulator.connection);
  dynamodb = createDynamoDbClient(emulator.connection);
  folder = await mkdtemp(join(tmpdir(), 'headgate-race-'));
});

afterAll(async () => {
  s3.destroy();
  dynamodb.destroy();
  await emulator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** An operator at work in a process of its own. */
interface Operator {
  readonly child: ChildProcess;
  /** Resolves when so many files are done. */
  readonly reached: (files: number) => Promise<void>;
  /** @returns records that it has landed, or undefined when it was killed */
  readonly ended: Promise<number | undefined>;
}

function startOperator(place: ReplayPlace): Operator {
  const child = fork(new URL('../../../bench/replay/operator.ts', import.meta.url), [JSON.stringify(place)]);
  let landed: number | undefined;
  let done = 0;
  let wake: () => void = () => undefined;
  child.on(
    'message',
    (message: { readonly done?: number; readonly landed?: number; readonly open?: number }) => {
      if (message.landed !== undefined && message.open === 0) landed = message.landed;
      done = message.done ?? done;
      wake();
    },
  );
  return {
    child,
    reached: (files) =>
      new Promise((resolve, reject) => {
        child.once('exit', () => {
          reject(new Error('the operator has ended before'));
        });
        wake = () => {
          if (done >= files) resolve();
        };
        wake();
      }),
    ended: once(child, 'exit').then(() => landed),
  };
}

test('two operators replay 100,000 records, one is killed half-way, another ends it: each record lands once', async () => {
  const bucket = 'headgate-replay-race';
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const place = { connection: emulator.connection, bucket, tables: await createEngineTables(dynamodb) };
  const lake = openOrders(place, 'number');
  try {
    await quarantineOrders(lake, FILES, ROWS);
    const [killed, other] = [startOperator(place), startOperator(place)];
    await killed.reached(FILES / 2);
    killed.child.kill('SIGKILL');
    expect(await killed.ended).toBeUndefined();
    expect(await other.ended).toBeGreaterThan(0);
    // Whoever comes later finds everything done.
    expect(await startOperator(place).ended).toBe(0);

    const [group] = await groupQuarantine(lake, parseSelection({}, ordersConfig('string'), Date.now()));
    expect(group).toMatchObject({ open: 0, done: FILES * ROWS, files: FILES });
    await createLakeView(s3, bucket).copyTo(folder, ['raw/']);
    const { rows } = await queryLake(
      folder,
      'SELECT count(*), count(DISTINCT _id), count(DISTINCT id) FROM orders',
    );
    expect(rows).toEqual([[FILES * ROWS, FILES * ROWS, FILES * ROWS].map(String)]);
  } finally {
    await lake.close();
  }
});
