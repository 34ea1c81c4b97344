import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20_260_101);
const { cloud, clients } = useCloud({
  config: 'demo/headgate.config.ts',
  storeFaults: {
    seed: SEED,
    rates: {
      delay: 0.05,
      throttle: 0.05,
      'server-error': 0.05,
      conflict: 0.05,
      'reset-before': 0.05,
      'reset-after': 0.05,
      partial: 0.05,
      // Rarer: a function that is denied access waits for half a minute before it fails.
      'access-denied': 0.002,
    },
  },
});

const REQUESTS = 120;
const RECORDS_PER_REQUEST = 500;
const CONNECTIONS = 6;
const MAX_ATTEMPTS = 12;

/** Sends a request until it is answered with 202, as producers must. @returns the number of attempts */
async function push(request: number, writeKey: string): Promise<number> {
  const flights = Array.from({ length: RECORDS_PER_REQUEST }, (_, index) => {
    const row = request * RECORDS_PER_REQUEST + index + 1;
    const date = new Date(Date.UTC(2001, 0, 1 + (row % 16)) + row * 1000).toISOString();
    return JSON.stringify({ row, date, delay: row % 90, distance: 300, origin: 'ATL', destination: 'JFK' });
  });
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/flights/records`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${writeKey}`,
        'content-type': 'application/x-ndjson',
        ...(request % 2 === 0 && { 'idempotency-key': `"request-${String(request)}"` }),
      },
      body: flights.join('\n'),
    });
    const text = await response.text();
    if (response.status === 202) return attempt;
    if (attempt === MAX_ATTEMPTS || ![409, 500, 503].includes(response.status)) {
      throw new Error(`request ${String(request)}: ${String(response.status)} ${text}`);
    }
    await sleep(200);
  }
}

test('when every store fails in every way, what was accepted lands once', async () => {
  console.log(`seed ${String(SEED)}; set FAULT_SEED to run another one`);
  const writeKey = await issueWriteKey(
    {
      endpoint: cloud().endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    cloud().output('AccessTableName'),
    'flights',
  );
  const requests = Array.from({ length: REQUESTS }, (_, index) => index).values();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (const request of requests) await push(request, writeKey);
    }),
  );
  await cloud().poller.drained();

  const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/flights/');
  const landed = rows.map(({ row }) => Number(row['row'])).toSorted((a, b) => a - b);
  expect(landed).toEqual(Array.from({ length: REQUESTS * RECORDS_PER_REQUEST }, (_, index) => index + 1));
  expect(await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'quarantine/')).toEqual([]);

  const { faults } = cloud().faultProxy?.counts() ?? { faults: {} };
  console.log(faults);
  for (const [service, kinds] of Object.entries({
    dynamodb: ['delay', 'throttle', 'server-error', 'conflict', 'reset-before', 'reset-after'],
    kinesis: ['delay', 'throttle', 'server-error', 'reset-before', 'reset-after', 'partial'],
    s3: ['delay', 'throttle', 'server-error', 'conflict', 'reset-before', 'reset-after'],
  })) {
    for (const kind of kinds) expect(faults, `${service} ${kind}`).toHaveProperty([`${service} ${kind}`]);
  }
});
