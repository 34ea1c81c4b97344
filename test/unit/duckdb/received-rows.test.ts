import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDbReceivedRows } from '../../../shared/adapters/duckdb/duckdb-received-rows.ts';
import { DuckDbSession } from '../../../shared/adapters/duckdb/duckdb-session.ts';

const HOUR = 491_424;
let folder = '';
const rows = new DuckDbReceivedRows(new DuckDbSession());

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'received-rows-'));
});
afterAll(async () => {
  await rows.close();
  await rm(folder, { recursive: true });
});

/** What a SELECT gives, as Parquet. */
async function table(select: string): Promise<Uint8Array> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const path = join(folder, 'table.parquet');
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return await readFile(path);
}

const received = (from: number, minutes: number): string =>
  `SELECT 'a/' || i AS _id, make_timestamptz(${String(HOUR * 3_600_000_000)} + i * 60000000) AS _received_at FROM range(${String(from)}, ${String(from + minutes)}) t(i)`;

test('rows are counted by the hour of receipt, the first and the last millisecond of it included', async () => {
  expect(await rows.count(await table(received(59, 62)))).toEqual(
    new Map([
      [HOUR, 1],
      [HOUR + 1, 60],
      [HOUR + 2, 1],
    ]),
  );
});

test('identities that are there again are found, of the hours that were asked for alone', async () => {
  const hours = { from: HOUR, to: HOUR };
  await rows.add(await table(received(0, 30)), hours);
  await rows.add(await table(received(60, 30)), hours);
  expect(await rows.repeated()).toBe(0);
  await rows.add(await table(received(25, 40)), hours);
  expect(await rows.repeated()).toBe(5);
  await rows.add(await table(received(65, 40)), hours);
  expect(await rows.repeated()).toBe(5);
});

test('rows of the quarantine keep their order', async () => {
  const file = await table(
    `SELECT make_timestamptz(${String(HOUR * 3_600_000_000)} + h * 3600000000) AS received_at FROM (VALUES (2), (0), (1), (0)) t(h)`,
  );
  expect(await rows.quarantined(file)).toEqual([HOUR + 2, HOUR, HOUR + 1, HOUR]);
});

test('what is no file of the lake has no rows', async () => {
  expect(await rows.count(Buffer.from('no table'))).toBeUndefined();
  expect(await rows.count(new Uint8Array())).toBeUndefined();
  expect(await rows.count(await table('SELECT 1 AS id'))).toBeUndefined();
  expect(await rows.quarantined(await table('SELECT 1 AS id'))).toBeUndefined();
});
