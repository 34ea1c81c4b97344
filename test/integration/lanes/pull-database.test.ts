import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../../../cloud/fault-proxy/seen-request.ts';
import { DynamoPullControlStore } from '../../../shared/adapters/aws/dynamo-pull-control-store.ts';
import { ledgerCallOf } from '../../crash/ledger-call.ts';
import { Trap } from '../../crash/trap.ts';
import { useCloud } from '../../support/cloud.ts';
import { filesLaneSources, testFilesLane } from '../../support/files-lane.ts';
import { startHttpLane } from '../../support/http-lane.ts';
import { lakeRows } from '../../support/lake-rows.ts';
import { startPostgres } from '../../support/postgres.ts';

/* The real template and bundles on the embedded cloud, and what the functions read: a real PostgreSQL, objects of a bucket, an API. */

const database = await startPostgres();
const httpLane = await startHttpLane();
const folder = await mkdtemp(join(tmpdir(), 'headgate-database-'));
const configFile = join(folder, 'database.config.ts');
await database.run(`
  CREATE TABLE items (id bigint PRIMARY KEY, body text NOT NULL, at timestamptz NOT NULL DEFAULT now());
  CREATE INDEX ON items (at, id);
  CREATE TABLE large (id bigint PRIMARY KEY, body text NOT NULL);
  INSERT INTO large SELECT n, 'row ' || n FROM generate_series(1, 60000) n;
  ANALYZE large`);

const connection = {
  host: 'localhost',
  port: database.port,
  database: 'postgres',
  user: database.user,
  password: { parameter: '/database/password' },
  ca: database.ca,
};
const source = { type: 'postgres', freshness: '1 day', volume: { gbPerDay: 1 }, key: ['id'], connection };
const columns = { id: 'bigint', body: 'text' };
await writeFile(
  configFile,
  `export default ${JSON.stringify({
    name: 'headgate-database',
    sources: {
      ...filesLaneSources,
      ...httpLane.sources,
      items: {
        ...source,
        table: 'items',
        columns: { ...columns, at: 'timestamp' },
        incremental: { cursor: 'at' },
        polling: { floor: '2 minutes' },
      },
      large: { ...source, table: 'large', columns, tasksMax: 3, rowsPerSplit: 10_000 },
      broken: { ...source, table: 'nowhere', columns, pauseAfterFailures: 2 },
    },
  })};`,
);

const testCloud = useCloud({ config: configFile, storeFaults: { seed: 1, rates: {} } });
const { cloud, clients } = testCloud;

const RUN_TIMEOUT_MS = 60_000;

beforeAll(async () => {
  await clients().ssm.send(
    new PutParameterCommand({
      Name: '/database/password',
      Value: database.password,
      Type: 'SecureString',
      Overwrite: true,
    }),
  );
});

afterAll(async () => {
  await database.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly commits: number;
  readonly finished: boolean;
  readonly left?: string;
}

/** One run, as a schedule starts it. @returns what it did, or the message of what it failed with */
async function run(name: string): Promise<Outcome | string> {
  const { FunctionError, Payload } = await clients().lambda.send(
    new InvokeCommand({
      FunctionName: cloud().output('ExtractFunctionName'),
      Payload: JSON.stringify({ source: name }),
    }),
  );
  const answer = JSON.parse(Buffer.from(Payload ?? []).toString()) as Outcome & { errorMessage?: string };
  return FunctionError === undefined ? answer : (answer.errorMessage ?? FunctionError);
}

const rowsOf = async (name: string): Promise<string[]> => {
  const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), `raw/${name}/`);
  return rows.map(({ row: { id, body } }) => `${String(id as bigint)} ${body as string}`).sort();
};

/** Rows whose time lies behind the horizon: it stays a second behind now. */
async function put(...items: readonly (readonly [id: number, body: string])[]): Promise<void> {
  for (const [id, body] of items) {
    await database.run(
      `INSERT INTO items (id, body, at) VALUES ($1, $2, clock_timestamp())
       ON CONFLICT (id) DO UPDATE SET body = excluded.body, at = excluded.at`,
      [id, body],
    );
  }
  await sleep(1_500);
}

async function headgate(...args: string[]): Promise<{ readonly exitCode: number; readonly text: string }> {
  const { exitCode, all } = await execa(
    process.execPath,
    ['--no-warnings', 'cli/main.ts', ...args, '--config', configFile],
    { env: cloud().env, reject: false, all: true },
  );
  return { exitCode: exitCode ?? -1, text: all };
}

testFilesLane(testCloud);
httpLane.test(testCloud, headgate);

describe('a table that is followed by its cursor', () => {
  test(
    'lands what was inserted and what was updated, each version once, also when a schedule fires twice',
    async () => {
      await put([1, 'one'], [2, 'two']);
      const twice = await Promise.all([run('items'), run('items')]);
      expect(twice).toEqual([
        expect.objectContaining({ finished: true }),
        expect.objectContaining({ finished: true }),
      ]);
      expect(await rowsOf('items')).toEqual(['1 one', '2 two']);
      await put([2, 'two, changed'], [3, 'three']);
      expect(await run('items')).toMatchObject({ finished: true });
      expect(await run('items')).toMatchObject({ commits: 0, finished: true });
      expect(await rowsOf('items')).toEqual(['1 one', '2 two', '2 two, changed', '3 three']);
    },
    RUN_TIMEOUT_MS,
  );

  const isS3 = (request: SeenRequest): boolean =>
    request.service === 's3' &&
    request.operation === 'PutObject' &&
    request.resource.startsWith('raw/items/');
  const isLedger =
    (operation: string) =>
    (request: SeenRequest): boolean => {
      const call = ledgerCallOf(request);
      return call?.operation === operation && call.lane === 'pull/items';
    };

  test.each([
    ['the announcement', isLedger('announce')],
    ['a file', isS3],
    ['the commit', isLedger('commit')],
  ] as const)(
    'a run that is killed after %s loses nothing, and nothing lands twice',
    async (call, matches) => {
      await put([100 + call.length, call]);
      const trap = new Trap({ matches, nth: 1 }, 'after');
      const remove = cloud().faultProxy?.use({
        matches: (request) => request.service === 's3' || request.service === 'dynamodb',
        before: (request) => trap.before(request),
        after: (request) => trap.after(request),
      });
      expect(typeof (await run('items')), 'it was killed').toBe('string');
      remove?.();
      expect(await run('items')).toMatchObject({ finished: true });
      expect((await rowsOf('items')).filter((row) => row.endsWith(` ${call}`))).toHaveLength(1);
    },
    RUN_TIMEOUT_MS,
  );

  test('is polled more often after it has found something', async () => {
    // It was once a day, and came down by half with each run that found something.
    expect((await headgate('status', 'items')).text).toMatch(/every \d{2,3} minutes: /);
  });
});

describe('a large table', () => {
  test(
    'is read by several invocations through the queue, and all of it lands, once',
    async () => {
      await run('large');
      const deadlineMs = Date.now() + RUN_TIMEOUT_MS;
      let rows: string[] = [];
      // Files can be seen one after the other while they are put.
      while (rows.length < 60_000 && Date.now() < deadlineMs) {
        await sleep(1_000);
        rows = await rowsOf('large');
      }
      expect(rows).toHaveLength(60_000);
      expect(new Set(rows).size).toBe(60_000);
    },
    2 * RUN_TIMEOUT_MS,
  );
});

describe('a backfill', () => {
  test(
    'lands rows that the runs have passed, once, also when it is asked for twice, and nothing that is in the lake',
    async () => {
      const before = await rowsOf('items');
      await database.run(`
        INSERT INTO items (id, body, at)
        SELECT 1000 + n, 'late ' || n, timestamptz '2025-03-01 12:00Z' + n * interval '1 day'
        FROM generate_series(1, 40) n`);
      expect(await run('items'), 'the runs have passed these times').toMatchObject({ commits: 0 });
      const args = ['--from', '2025-01-01', '--to', '2030-01-01', '--window', '60 days', '--yes', '--json'];
      const first = await headgate('backfill', 'items', ...args, '--parallel', '2');
      expect(first.exitCode, first.text).toBe(0);
      expect(JSON.parse(first.text.slice(first.text.lastIndexOf('{"source"')))).toMatchObject({
        status: 'done',
        rows: 40,
      });
      const again = await headgate('backfill', 'items', ...args);
      expect(again.exitCode, again.text).toBe(0);
      const late = Array.from({ length: 40 }, (_, n) => `${String(1001 + n)} late ${String(n + 1)}`);
      expect(await rowsOf('items')).toEqual([...before, ...late].sort());
    },
    2 * RUN_TIMEOUT_MS,
  );
});

describe('an operator', () => {
  test(
    'pauses a source, looks at its checkpoint, moves it and resumes it',
    async () => {
      expect((await headgate('pause', 'items', '--reason', 'a test')).exitCode).toBe(0);
      expect(await run('items')).toMatchObject({ left: 'paused' });
      const status = await headgate('status', 'items');
      expect([status.exitCode, status.text]).toEqual([1, expect.stringContaining('a test')]);
      expect((await headgate('checkpoint', 'get', 'items')).text).toMatch(/items: \d{4}-\d\d-\d\d/);
      const early = await headgate('checkpoint', 'reset', 'items', '--yes');
      expect([early.exitCode, early.text]).toEqual([1, expect.stringContaining('more minutes')]);
      await pausedLongAgo('items');
      const before = await rowsOf('items');
      const reset = await headgate('checkpoint', 'reset', 'items', '--yes');
      expect([reset.exitCode, reset.text]).toEqual([0, expect.stringContaining('Moved')]);
      expect((await headgate('resume', 'items')).exitCode).toBe(0);
      // The table as it is now lands again: this way of reading keeps no record of single rows.
      const now = await database.run('SELECT id, body FROM items');
      const deadlineMs = Date.now() + RUN_TIMEOUT_MS;
      while ((await rowsOf('items')).length < before.length + now.length && Date.now() < deadlineMs)
        await sleep(1_000);
      expect(await rowsOf('items')).toEqual(
        [...before, ...now.map(({ id, body }) => `${String(id)} ${String(body)}`)].sort(),
      );
    },
    2 * RUN_TIMEOUT_MS,
  );

  test(
    'finds a source that has paused itself, with what to do',
    async () => {
      for (let failure = 0; failure < 2; failure++) expect(await run('broken')).toContain('nowhere');
      expect(await run('broken')).toMatchObject({ commits: 0, left: 'paused' });
      const { exitCode, text } = await headgate('status', 'broken');
      expect([exitCode, text]).toEqual([1, expect.stringContaining('headgate resume broken')]);
      expect(text).toContain('DB_NO_TABLE');
    },
    RUN_TIMEOUT_MS,
  );
});

async function pausedLongAgo(name: string): Promise<void> {
  const control = new DynamoPullControlStore({
    dynamodb: clients().dynamodb,
    table: cloud().output('LedgerTableName'),
  });
  const { version, ...state } = await control.read(name);
  if (state.paused === undefined) throw new Error(`${name} is paused`);
  await control.write(name, version, { ...state, paused: { ...state.paused, sinceMs: 0 } }, 'test');
}
