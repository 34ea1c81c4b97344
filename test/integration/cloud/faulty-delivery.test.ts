import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';

const { cloud, clients } = useCloud({
  config: 'demo/headgate.config.ts',
  faults: { seed: 11, duplicate: 0.3, recut: 0.5, zombie: 0.4, zombieAfterMs: 1500, dropResponse: 0.4 },
});

const REQUESTS = 60;
const RECORDS_PER_REQUEST = 50;
const ZOMBIES_END_MS = 5000;

async function push(request: number, writeKey: string): Promise<number> {
  const flights = Array.from({ length: RECORDS_PER_REQUEST }, (_, index) => {
    const row = request * RECORDS_PER_REQUEST + index + 1;
    const date = new Date(Date.UTC(2001, 0, 1 + (row % 3)) + row * 1000).toISOString();
    return JSON.stringify({ row, date, delay: row % 90, distance: 300, origin: 'ATL', destination: 'JFK' });
  });
  const response = await fetch(`${cloud().output('ApiUrl')}/v1/sources/flights/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${writeKey}`, 'content-type': 'application/x-ndjson' },
    body: flights.join('\n'),
  });
  return response.status;
}

/** The `row` of every flight in the lake, in order, as often as it is there. */
async function landedRows(): Promise<number[]> {
  const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/flights/');
  return rows.map(({ row }) => Number(row['row'])).toSorted((a, b) => a - b);
}

test('every accepted record is in the lake once, however badly the stream is delivered', async () => {
  const writeKey = await issueWriteKey(
    {
      endpoint: cloud().endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    cloud().output('AccessTableName'),
    'flights',
  );
  for (let request = 0; request < REQUESTS; request += 3) {
    const statuses = await Promise.all([0, 1, 2].map((offset) => push(request + offset, writeKey)));
    expect(statuses).toEqual([202, 202, 202]);
  }
  await cloud().poller.drained();
  expect(cloud().poller.counts.failedInvocations).toBeGreaterThan(5);
  const expected = Array.from({ length: REQUESTS * RECORDS_PER_REQUEST }, (_, index) => index + 1);
  // Invocations that count as timed out may still run; they must not add anything either.
  await sleep(ZOMBIES_END_MS);
  expect(await landedRows()).toEqual(expected);
});
