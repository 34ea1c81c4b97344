import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { DynamoSpendStore } from '../../../shared/adapters/aws/dynamo-spend-store.ts';
import { monthOf } from '../../../shared/domain/plan-budget.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';

/*
 * A source that is over its monthly budget, on the deployed functions: the sum of the month is set as if other processes
 * had spent it. Nothing is refused on the way to the landing zone and back, and every record lands once.
 */

const CONFIG = 'test/fixtures/budget.config.ts';
const { cloud, clients } = useCloud({ config: CONFIG });

/** A process goes by what it has seen for 75 seconds. */
const SEEN_MS = 100_000;
const STREAM_MS = 60_000;

let key: string;
const sent: string[] = [];

beforeAll(async () => {
  const connection = {
    endpoint: cloud().endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  key = await issueWriteKey(connection, cloud().output('AccessTableName'), 'orders');
});

/** Pushes one more record. @returns whether it is told that the record lands later */
async function push(): Promise<boolean> {
  const id = `r${String(sent.length)}`;
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/orders/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify([{ id, at: '2026-03-01T10:15:00Z' }]),
  });
  const answer = (await response.json()) as { readonly delayed?: boolean };
  expect(response.status).toBe(202);
  sent.push(id);
  return answer.delayed === true;
}

/** Pushes until a record is told what is expected. */
async function pushUntil(isDelayed: boolean): Promise<void> {
  const deadlineMs = Date.now() + SEEN_MS;
  while ((await push()) !== isDelayed) {
    expect(Date.now()).toBeLessThan(deadlineMs);
    await sleep(2_000);
  }
}

const idsOf = async (): Promise<unknown[]> =>
  (await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/orders/')).map(({ row }) => row['id']);

async function waitUntilLanded(count: number): Promise<void> {
  const deadlineMs = Date.now() + STREAM_MS;
  while ((await idsOf()).length < count && Date.now() < deadlineMs) await sleep(1_000);
  expect((await idsOf()).sort()).toEqual([...sent].sort());
}

/** One run, as a schedule starts it. */
async function land(): Promise<void> {
  await clients().lambda.send(
    new InvokeCommand({
      FunctionName: cloud().output('LandFunctionName'),
      Payload: JSON.stringify({ sources: ['orders'] }),
    }),
  );
}

/** Adds to what the month has cost. */
const spend = (usd: number): Promise<unknown> =>
  new DynamoSpendStore({ dynamodb: clients().dynamodb, table: cloud().output('ClaimsTableName') }).add(
    'orders',
    monthOf(Date.now()).month,
    { usd },
  );

/** `headgate cost`, asked of this deployment. */
async function budgetOf(): Promise<{ readonly spentUsd: number; readonly slowedSince?: string }> {
  const { stdout } = await execa(process.execPath, ['cli/main.ts', 'cost', '--json', '--config', CONFIG], {
    env: { AWS_ENDPOINT_URL: cloud().endpoint },
  });
  const { budgets } = JSON.parse(stdout) as { budgets: { spentUsd: number; slowedSince?: string }[] };
  const [budget] = budgets;
  if (budget === undefined) throw new Error('the source has a budget');
  return budget;
}

test('a source within its budget lands from the stream', async () => {
  expect(await push()).toBe(false);
  await waitUntilLanded(1);
  expect((await budgetOf()).slowedSince).toBeUndefined();
}, 120_000);

test(
  'over it, records are accepted, collected in place of the stream, and land with the next run',
  async () => {
    await spend(10_000);
    await pushUntil(true);
    await pushUntil(true);
    expect((await idsOf()).length).toBeLessThan(sent.length);
    await land();
    await waitUntilLanded(sent.length);
    const { spentUsd, slowedSince } = await budgetOf();
    expect(spentUsd).toBeGreaterThan(10_000);
    expect(Date.parse(slowedSince ?? '')).toBeGreaterThan(Date.now() - 600_000);
  },
  SEEN_MS + 180_000,
);

test(
  'within it again, it is on the stream again, and every record has landed once',
  async () => {
    await spend(-10_000);
    await pushUntil(false);
    // What was collected until then waits for its schedule, which a process that has not looked yet still makes hourly.
    const deadlineMs = Date.now() + SEEN_MS;
    while ((await idsOf()).length < sent.length && Date.now() < deadlineMs) {
      await land();
      await sleep(5_000);
    }
    await waitUntilLanded(sent.length);
  },
  SEEN_MS + 180_000,
);
