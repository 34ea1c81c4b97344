import { fork } from 'node:child_process';
import { once } from 'node:events';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import color from 'picocolors';
import { startEmptyCloud } from '../cloud/start-cloud.ts';
import { createDynamoDbClient, createS3Client } from '../shared/adapters/aws/clients.ts';
import { groupQuarantine } from '../cli/dlq/list-dead-letters.ts';
import { parseSelection } from '../cli/dlq/selection.ts';
import { createEngineTables } from './engine-tables.ts';
import { openOrders, ordersConfig, quarantineOrders, type ReplayPlace } from './replay/quarantined-orders.ts';
import { describeMachine, rounded, verdict } from './report.ts';

const BUCKET = 'bench-replay';
const FILES = 200;
const MAX_LIST_MS = 3_000;
const MIN_RECORDS_PER_SECOND = 5_000;

interface ReplayFigures {
  readonly records: number;
  readonly files: number;
  /** `dlq list` over all of them. */
  readonly listMs: number;
  /** `dlq replay` of all of them by one operator. */
  readonly replayRecordsPerS: number;
}

/**
 * What operators wait for, on an embedded cloud: the list of what is in quarantine, and its replay.
 *
 * @returns whether both are as fast as they should be
 */
export async function benchReplay(options: {
  readonly json: boolean;
  readonly records: number;
}): Promise<boolean> {
  const cloud = await startEmptyCloud({ mayUseRunning: false });
  const connection = {
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const s3 = createS3Client(connection);
  const dynamodb = createDynamoDbClient(connection);
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const place: ReplayPlace = { connection, bucket: BUCKET, tables: await createEngineTables(dynamodb) };
    const figures = await measure(place, Math.ceil(options.records / FILES));
    const isGood = figures.listMs <= MAX_LIST_MS && figures.replayRecordsPerS >= MIN_RECORDS_PER_SECOND;
    console.log(options.json ? JSON.stringify(figures) : toText(figures));
    return isGood;
  } finally {
    s3.destroy();
    dynamodb.destroy();
    await cloud.stop();
  }
}

async function measure(place: ReplayPlace, rowsPerFile: number): Promise<ReplayFigures> {
  const lake = openOrders(place, 'number');
  try {
    await quarantineOrders(lake, FILES, rowsPerFile);
    const listStart = performance.now();
    const groups = await groupQuarantine(lake, parseSelection({}, ordersConfig('number'), Date.now()));
    const listMs = performance.now() - listStart;
    const records = FILES * rowsPerFile;
    if (groups[0]?.open !== records) throw new Error(`the list has ${JSON.stringify(groups)}`);
    const replayStart = performance.now();
    const { landed } = await replayAll(place);
    const seconds = (performance.now() - replayStart) / 1000;
    if (landed !== records) throw new Error(`${String(landed)} of ${String(records)} records landed`);
    return {
      records,
      files: FILES,
      listMs: Math.round(listMs),
      replayRecordsPerS: Math.round(records / seconds),
    };
  } finally {
    await lake.close();
  }
}

async function replayAll(place: ReplayPlace): Promise<{ readonly landed: number }> {
  const child = fork(new URL('replay/operator.ts', import.meta.url), [JSON.stringify(place)]);
  let result: { readonly landed: number } | undefined;
  child.on('message', (message) => {
    if (typeof message === 'object' && 'landed' in message) result = message as { landed: number };
  });
  await once(child, 'exit');
  if (result === undefined) throw new Error('the operator has ended without a result; its error is above');
  return result;
}

function toText({ records, files, listMs, replayRecordsPerS }: ReplayFigures): string {
  const count = new Intl.NumberFormat('en-US');
  return [
    color.bold(`${count.format(records)} records in ${count.format(files)} files of the quarantine`),
    `  dlq list     ${verdict(listMs <= MAX_LIST_MS, `${String(rounded(listMs / 1000, 2))} s`)}  (at most 3 s)`,
    `  dlq replay   ${verdict(replayRecordsPerS >= MIN_RECORDS_PER_SECOND, `${count.format(replayRecordsPerS)} records/s`)}  (at least 5,000)`,
    color.dim(`  ${describeMachine()}`),
  ].join('\n');
}
