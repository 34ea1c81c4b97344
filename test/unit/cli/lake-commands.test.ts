import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenLake } from '../../../cli/open-lake.ts';
import { localDefaults } from '../../../cli/local-defaults.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { LakeFile } from '../../../shared/adapters/aws/s3-lake-view.ts';
import { queryLake } from '../../../shared/adapters/duckdb/query-lake.ts';

const CONFIG = parseConfig({
  sources: Object.fromEntries(
    ['orders', 'orders-eu'].map((name) => [
      name,
      {
        type: 'push',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        key: ['id'],
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
      },
    ]),
  ),
});

let folder: string;
let files: LakeFile[];
let copied: (readonly string[])[];
let out: string[];
let err: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lake-commands-'));
  files = [];
  copied = [];
  out = [];
  err = [];
});
afterEach(() => rm(folder, { recursive: true }));

async function land(key: string, writtenAtMs: number, kind: 'data' | 'tombstone' = 'data'): Promise<void> {
  files.push({ key, sizeBytes: 1_000_000, kind, rows: 2, writtenAtMs });
  if (kind === 'tombstone') return;
  const path = join(folder, key);
  await mkdir(dirname(path), { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT 'a' AS id UNION ALL SELECT NULL) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

/** Runs a command over a lake whose objects lie in `folder` already. */
async function run(...args: string[]): Promise<number> {
  const lake: OpenLake = {
    bucket: 'lake',
    copyFolder: folder,
    list: (prefixes = ['']) =>
      Promise.resolve(files.filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)))),
    copyTo: (_, prefixes) => {
      copied.push(prefixes);
      return Promise.resolve(files);
    },
  };
  const unused = (): never => {
    throw new Error('not a part of this test');
  };
  return await runCli(args, {
    terminal: { out: (text) => out.push(text), err: (text) => err.push(text), confirm: undefined },
    clock: { nowMs: unused, sleep: unused },
    loadConfig: () => Promise.resolve(CONFIG),
    openKeys: unused,
    openTable: () => {
      throw new Error('no table is looked at here');
    },
    env: {},
    openReplay: unused,
    openAudit: unused,
    openLogs: unused,
    openPull: unused,
    openChecks: unused,
    openActivity: unused,
    openSpend: unused,
    openRowSketches: unused,
    queryHistory: undefined,
    loadPrices: unused,
    readDeployedPlan: unused,
    openAccount: unused,
    isLocal: false,
    nodeVersion: '24.0.0',
    who: 'ada@lab',
    progress: { update: unused, stop: unused },
    openLake: () => Promise.resolve(lake),
    openSample: () => Promise.reject(new Error('no objects here')),
    queryFolder: queryLake,
  });
}

describe('headgate query', () => {
  test('answers from the sources that the query names, and copies no other', async () => {
    await land('raw/orders/dt=2026-01-31/a-v1.parquet', 1);
    await land('raw/orders-eu/dt=2026-01-31/a-v1.parquet', 1);
    expect(await run('query', '--json', 'SELECT id, dt FROM orders ORDER BY id')).toBe(0);
    expect(JSON.parse(out.join(''))).toEqual({
      columns: ['id', 'dt'],
      rows: [
        ['a', '2026-01-31'],
        ['NULL', '2026-01-31'],
      ],
    });
    expect(copied).toEqual([['raw/orders/']]);
  });

  test('takes a source with a dash by its whole name', async () => {
    await land('raw/orders-eu/dt=2026-01-31/a-v1.parquet', 1);
    expect(await run('query', 'SELECT * FROM "orders-eu"')).toBe(0);
    expect(copied).toEqual([['raw/orders-eu/']]);
  });

  test('asks a copy of a lake without opening the deployed one', async () => {
    await land('raw/orders/dt=2026-01-31/a-v1.parquet', 1);
    expect(await run('query', '--lake', folder, 'SELECT count(*) AS n FROM orders')).toBe(0);
    expect(copied).toEqual([]);
    expect(out.join('')).toContain('2');
  });

  test.each([
    ['names no source', ['SELECT 1'], 'there are: orders, orders-eu, quarantine'],
    [
      'asks what has not landed',
      ['SELECT * FROM quarantine'],
      'nothing has landed yet in s3://lake/quarantine/',
    ],
    ['is not SQL', ['SELEKT * FROM orders'], 'SELEKT'],
    ['needs too much', ['SELECT * FROM orders', '--max-download', '500 kB'], 'raise --max-download'],
    [
      'is about a folder that is not there',
      ['SELECT 1', '--lake', '/no/such/folder'],
      'there is no such folder',
    ],
  ])('that %s fails with what to do', async (_, args, message) => {
    await land('raw/orders/dt=2026-01-31/a-v1.parquet', 1);
    expect(await run('query', ...args)).toBe(1);
    expect(err.join('')).toContain(message);
    expect(out).toEqual([]);
  });
});

describe('headgate lake', () => {
  test('shows the files that landed last, without tombstones', async () => {
    await land('raw/orders/dt=2026-01-31/b-v1.parquet', 2);
    await land('raw/orders/dt=2026-01-31/a-v1.parquet', 3);
    await land('raw/orders/dt=2026-01-31/c-v1.parquet', 1);
    await land('raw/orders/dt=2026-01-31/d-v1.parquet', 4, 'tombstone');
    expect(await run('lake', '--last', '2', '--json')).toBe(0);
    const shown = JSON.parse(out.join('')) as { key: string }[];
    expect(shown.map(({ key }) => key)).toEqual([
      'raw/orders/dt=2026-01-31/b-v1.parquet',
      'raw/orders/dt=2026-01-31/a-v1.parquet',
    ]);
  });

  test('says where it looked when there is nothing', async () => {
    expect(await run('lake')).toBe(0);
    expect(err.join('')).toContain('s3://lake');
  });

  test('wants a number that makes sense', async () => {
    expect(await run('lake', '--last', '0')).toBe(2);
  });
});

describe('an emulator on this machine', () => {
  test.each(['http://127.0.0.1:4566', 'http://localhost:4566', 'http://[::1]:4566'])(
    '%s needs no credentials',
    (url) => {
      expect(localDefaults({ AWS_ENDPOINT_URL: url })).toEqual({
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      });
    },
  );

  test.each([undefined, 'https://s3.eu-west-1.amazonaws.com', 'http://127.0.0.1.example.com', 'nonsense'])(
    'is not at %s, which gets no made-up credentials',
    (url) => {
      expect(localDefaults({ AWS_ENDPOINT_URL: url })).toEqual({});
    },
  );

  test('keeps what is set', () => {
    const env = {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_PROFILE: 'me',
    };
    expect(localDefaults(env)).toEqual({});
  });
});
