import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { issueWriteKey } from '../../demo/issue-write-key.ts';
import { toConnection } from '../../demo/set-up.ts';
import { useCloud } from '../support/cloud.ts';
import { lakeRows } from '../support/lake-rows.ts';

/*
 * What the runbooks say, done: the commands that they name, on the real functions, from the trouble to its end. The lake
 * is complete afterwards.
 */

const folder = await mkdtemp(join(tmpdir(), 'headgate-runbooks-'));
const apiPort = await portOfDeadApi();

const orders = (required: readonly string[]): object => ({
  type: 'push',
  freshness: '30 seconds',
  volume: { gbPerDay: 1 },
  key: ['id'],
  contract: {
    schema: {
      type: 'object',
      required,
      properties: { id: { type: 'string' }, currency: { type: 'string' } },
    },
  },
});
const rates = {
  type: 'http',
  freshness: '1 day',
  volume: { gbPerDay: 1 },
  key: ['id'],
  url: `http://127.0.0.1:${String(apiPort)}/rates`,
  allowPrivateNetwork: true,
  pauseAfterFailures: 2,
  contract: { schema: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } },
};

async function writeConfig(name: string, required: readonly string[]): Promise<string> {
  const file = join(folder, name);
  const config = { name: 'headgate-runbooks', sources: { orders: orders(required), rates } };
  await writeFile(file, `export default ${JSON.stringify(config)};`);
  return file;
}

const strict = await writeConfig('strict.config.ts', ['id', 'currency']);
const mended = await writeConfig('mended.config.ts', ['id']);

const { cloud, clients } = useCloud({ config: strict, storeFaults: { seed: 1, rates: {} } });

let writeKey = '';
let logs: CloudWatchLogsClient;
let api: Server | undefined;

beforeAll(async () => {
  const connection = toConnection(cloud().endpoint);
  logs = new CloudWatchLogsClient(connection);
  writeKey = await issueWriteKey(connection, cloud().output('AccessTableName'), 'orders');
});

afterAll(async () => {
  logs.destroy();
  api?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A port of this machine at which nobody answers. */
async function portOfDeadApi(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function headgate(
  config: string,
  ...args: string[]
): Promise<{ readonly exitCode: number; readonly text: string }> {
  const named = args[0] === 'validate' ? [config] : ['--config', config];
  const { exitCode, all } = await execa(
    process.execPath,
    ['--no-warnings', 'cli/main.ts', ...args, ...named],
    { env: cloud().env, reject: false, all: true },
  );
  return { exitCode: exitCode ?? -1, text: all };
}

async function push(records: readonly object[]): Promise<Response> {
  return await fetch(`${cloud().output('ApiUrl')}/v1/sources/orders/records`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${writeKey}`,
      'content-type': 'application/json',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
    body: JSON.stringify(records),
  });
}

async function rowsOf(source: string): Promise<readonly { readonly id: string; readonly at: string }[]> {
  const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), `raw/${source}/`);
  return rows
    .map(({ row }) => ({ id: String(row['id'] as string | bigint), at: row['_id'] as string }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const idsOf = async (source: string): Promise<string[]> => (await rowsOf(source)).map(({ id }) => id);

/** Lines of a function's log that have a text, as `aws logs filter-log-events` finds them. */
async function linesWith(functionOutput: string, text: string): Promise<Record<string, unknown>[]> {
  const logGroupName = `/aws/lambda/${cloud().output(functionOutput)}`;
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
  return events
    .map(({ message = '' }) => message)
    .filter((message) => message.includes(text))
    .map((message) => JSON.parse(message) as Record<string, unknown>);
}

async function until<Found>(look: () => Promise<Found>, isThere: (found: Found) => boolean): Promise<Found> {
  for (let attempt = 0; ; attempt++) {
    const found = await look();
    if (isThere(found) || attempt === 60) return found;
    await sleep(1_000);
  }
}

describe('a contract that records violate', () => {
  test('they are found in quarantine, the contract is mended, they are replayed, and the lake is complete', async () => {
    expect((await push([{ id: 'a' }, { id: 'b', currency: 'EUR' }])).status).toBe(202);
    await cloud().poller.drained();
    const listed = await headgate(strict, 'dlq', 'list', '--json');
    expect(JSON.parse(listed.text)).toMatchObject({
      quarantine: [{ source: 'orders', reason: 'CONTRACT', open: 1 }],
    });
    const records = await headgate(strict, 'dlq', 'list', '--records', '--source', 'orders', '--json');
    const [record] = JSON.parse(records.text) as { readonly id: string; readonly attempts: number }[];
    expect(record).toMatchObject({ reason: 'CONTRACT', attempts: 1 });
    const shown = await headgate(strict, 'dlq', 'show', record?.id ?? '');
    expect(shown.text).toContain('currency');
    const tooEarly = await headgate(strict, 'dlq', 'replay', '--source', 'orders', '--reason', 'CONTRACT');
    expect(tooEarly.exitCode).toBe(1);

    expect((await headgate(mended, 'validate')).exitCode).toBe(0);
    await cloud().redeploy(mended);
    const args = ['dlq', 'replay', '--source', 'orders', '--reason', 'CONTRACT'];
    expect((await headgate(mended, ...args, '--dry-run')).exitCode).toBe(0);
    expect(await idsOf('orders')).toEqual(['b']);
    const replayed = await headgate(mended, ...args);
    expect([replayed.exitCode, replayed.text]).toEqual([0, expect.stringContaining('1')]);

    // Over: nothing is open, and the record is in the lake under the identity that it had in quarantine.
    const landed = await rowsOf('orders');
    expect(landed.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(landed[0]?.at).toBe(record?.id);
    const over = await headgate(mended, 'dlq', 'list');
    expect([over.exitCode, over.text]).toEqual([0, expect.stringContaining('Nothing is open')]);
    const trail = await headgate(mended, 'dlq', 'history', '--json');
    expect(JSON.parse(trail.text)).toMatchObject([
      { phase: 'begun' },
      { phase: 'ended', outcome: { staying: 1 } },
      { phase: 'begun' },
      { phase: 'ended', outcome: { landed: 1 } },
    ]);
  });

  test('a request leads to the place of its records, which stands in their _id', async () => {
    const response = await push([{ id: 'c' }]);
    const requestId = response.headers.get('x-request-id') ?? '';
    expect(requestId).not.toBe('');
    await cloud().poller.drained();
    const [line] = await until(
      () => linesWith('PushFunctionName', requestId),
      (lines) => lines.some(({ message }) => message === 'records stored'),
    );
    expect(line).toMatchObject({ message: 'records stored', traceId: '4bf92f3577b34da6a3ce929d0e0e4736' });
    const [place] = line?.['places'] as { readonly lane: string; readonly position: string }[];
    const row = (await rowsOf('orders')).find(({ id }) => id === 'c');
    expect(row?.at).toBe(`${place?.lane ?? ''}/${place?.position ?? ''}/0`);
  });
});

describe('a lake that denies access', () => {
  test('loses nothing: the log says what is denied, records wait on the stream, and land once it is allowed again', async () => {
    const remove = cloud().faultProxy?.use({
      matches: ({ service, operation, resource }) =>
        service === 's3' && operation === 'PutObject' && resource.startsWith('raw/'),
      before: () => Promise.resolve('deny'),
    });
    const before = await idsOf('orders');
    expect((await push([{ id: 'x' }, { id: 'y' }])).status).toBe(202);
    const [line] = await until(
      () => linesWith('StreamFunctionName', 'ACCESS_DENIED'),
      (lines) => lines.length > 0,
    );
    expect(line).toMatchObject({ level: 'error', code: 'ACCESS_DENIED', disposition: 'block', records: 1 });
    expect(await idsOf('orders')).toEqual(before);
    const waiting = await headgate(mended, 'dlq', 'list', '--json');
    expect(JSON.parse(waiting.text), 'nothing is a dead letter').toMatchObject({
      quarantine: [],
      parked: { open: 0 },
    });

    remove?.();
    await cloud().poller.drained();
    expect(await idsOf('orders')).toEqual([...before, 'x', 'y']);
  });
});

describe('a source that does not answer', () => {
  async function run(): Promise<unknown> {
    const { Payload } = await clients().lambda.send(
      new InvokeCommand({
        FunctionName: cloud().output('PullFunctionName'),
        Payload: JSON.stringify({ source: 'rates' }),
      }),
    );
    return JSON.parse(Buffer.from(Payload ?? []).toString());
  }

  test('pauses itself, is found, is mended and resumed, and all of it lands', async () => {
    for (let failure = 0; failure < 2; failure++)
      expect(await run()).toMatchObject({ errorMessage: expect.stringContaining('127.0.0.1') as string });
    expect(await run()).toMatchObject({ commits: 0, left: 'paused' });
    const paused = await headgate(mended, 'status', 'rates');
    expect([paused.exitCode, paused.text]).toEqual([1, expect.stringContaining('headgate resume rates')]);
    expect(paused.text).toContain('PULL_UNREACHABLE');
    const still = await headgate(
      mended,
      'validate',
      '--connect',
      '--deadline',
      '10 seconds',
      '--source',
      'rates',
      '--json',
    );
    expect([still.exitCode, still.text]).toEqual([1, expect.stringContaining('PULL_UNREACHABLE')]);

    api = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end('[{"id":1},{"id":2}]');
    }).listen(apiPort, '127.0.0.1');
    expect((await headgate(mended, 'resume', 'rates')).exitCode).toBe(0);
    expect(
      await until(
        () => idsOf('rates'),
        (ids) => ids.length === 2,
      ),
    ).toEqual(['1', '2']);
    const over = await until(
      () => headgate(mended, 'status', 'rates'),
      ({ exitCode }) => exitCode === 0,
    );
    expect([over.exitCode, over.text]).toEqual([0, expect.stringContaining('ok')]);
  });
});
