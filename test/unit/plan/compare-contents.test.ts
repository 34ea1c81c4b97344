import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareContents, contentsText, type Contents } from '../../../cli/plan/compare-contents.ts';
import { DuckDbRowSketches } from '../../../shared/adapters/duckdb/duckdb-row-sketches.ts';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { configOf, declare } from '../../support/declare-plan.ts';

/*
 * Sources that bring the same rows, found in Parquet files as they land. Each source is what a query makes of a range of
 * numbers; columns of Headgate differ in all of them.
 */

const TABLES: Readonly<Record<string, string>> = {
  none: '',
  orders: `i AS id, 'customer ' || (i * 7919 % 3000) AS customer, (i * 31 % 10007) / 100::DECIMAL(12,2) AS amount,
    TIMESTAMPTZ '2026-05-01 00:00:00+00' + to_minutes(i::BIGINT) AS at, i % 3 AS status`,
  // The same, under other names and types, in another order, without 3 of 100 rows.
  orders_export: `(TIMESTAMPTZ '2026-05-01 00:00:00+00' + to_minutes(i::BIGINT))::VARCHAR AS created,
    ((i * 31 % 10007) / 100::DECIMAL(12,2))::DOUBLE AS total, 'customer ' || (i * 7919 % 3000) AS buyer,
    i::VARCHAR AS order_no, 'export' AS origin`,
  // Numbers from one on, and everything else its own.
  customers: `i AS id, md5(i::VARCHAR) AS email, 'street ' || (i * 104729 % 8192) AS street`,
  // Refers to orders: two of its columns are theirs.
  order_items: `i AS order_id, 'customer ' || (i * 7919 % 3000) AS customer, md5('item' || i) AS sku,
    md5('price' || i) AS price`,
  // The values of orders, each in the row of another.
  shuffled: `(i * 4099 % 5000) AS id, 'customer ' || (i * 7919 % 3000) AS customer,
    ((i * 17 + 5) % 5000 * 31 % 10007) / 100::DECIMAL(12,2) AS amount,
    TIMESTAMPTZ '2026-05-01 00:00:00+00' + to_minutes(((i * 3 + 1) % 5000)::BIGINT) AS at`,
  constant: `1 AS id, 'a' AS text, 2 AS other`,
  constant_too: `1 AS id, 'a' AS text, 2 AS other`,
  // Two small tables that are the same.
  currencies: `i % 150 AS id, 'currency ' || (i % 150) AS name`,
  currencies_too: `i % 150 AS id, 'currency ' || (i % 150) AS name`,
};
const ROWS: Readonly<Record<string, string>> = { orders_export: 'i % 100 >= 3' };

const names = Object.keys(TABLES);
const plan = planDeployment(
  configOf(
    Object.fromEntries(names.map((name, at) => [name, declare.push({ volume: { gbPerDay: at + 1 } })])),
  ),
);

let folder: string;
let found: Contents;
let closed = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-contents-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const [name, columns] of Object.entries(TABLES)) {
    if (columns === '') continue;
    // Two files each.
    for (const part of [0, 1]) {
      await connection.run(
        `COPY (SELECT '${name}' AS _source, '${name}' || i AS _id, ${columns} FROM range(5000) t(i)
         WHERE i % 2 = ${String(part)} AND ${ROWS[name] ?? 'true'}) TO '${join(folder, `${name}-${String(part)}.parquet`)}' (FORMAT parquet)`,
      );
    }
  }
  connection.closeSync();
  instance.closeSync();
  const sketches = await DuckDbRowSketches.open((source) =>
    Promise.resolve(
      source === 'none' ? [] : [0, 1].map((i) => join(folder, `${source}-${String(i)}.parquet`)),
    ),
  );
  found = await compareContents(plan, {
    openRowSketches: (name) => {
      expect(name).toBe('headgate');
      return Promise.resolve({
        sketches,
        close: () => {
          closed++;
          sketches.close();
          return Promise.resolve();
        },
      });
    },
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('sources that bring the same rows', () => {
  test('are found under other names, types and orders of columns, and nothing else is', () => {
    expect(found.shared.map(({ sources }) => sources)).toEqual([['orders', 'orders_export']]);
    const [{ sharedPart, columns } = { sharedPart: 0, columns: [] }] = found.shared;
    expect(sharedPart).toBeGreaterThan(0.93);
    expect(new Map(columns.map(([a, b]) => [b, a]))).toEqual(
      new Map([
        ['order_no', 'id'],
        ['buyer', 'customer'],
        ['total', 'amount'],
        ['created', 'at'],
      ]),
    );
  });

  test('come with the price of the cheaper one', () => {
    const usd = plan.sources.find(({ source }) => source === 'orders')?.usdPerMonth ?? 0;
    expect(found.shared[0]?.usdPerMonth).toBeCloseTo(usd, 9);
    expect(contentsText(found)).toMatch(
      /orders and orders_export share about \d\d+ % of their rows \(.*id = order_no.*\): \$[\d.]+ a month/,
    );
  });

  test('of which nothing was read are named, and what was opened is closed', () => {
    expect(found.notRead).toEqual(['none']);
    expect(contentsText(found)).toContain('not read: none');
    expect(closed).toBe(1);
    expect(contentsText({ shared: [], notRead: [] })).toContain('no two sources bring the same rows');
  });
});
