import { expect, test } from 'vitest';
import { namedTables } from '../../../shared/domain/cost/named-tables.ts';

const TABLES = ['orders', 'orders_old', 'web-clicks'];
const tablesOf = (sql: string, current?: string): readonly string[] =>
  namedTables(sql, TABLES, 'lab', current);

test.each([
  ['SELECT * FROM lab.orders', ['orders']],
  ['select count(*) from "lab"."orders" o join lab.orders_old x on o.id = x.id', ['orders', 'orders_old']],
  ['SELECT 1 FROM awsdatacatalog.lab.orders', ['orders']],
  ['SELECT a FROM x, lab.orders', ['orders']],
  ['SELECT * FROM lab."web-clicks"', ['web-clicks']],
  ['SELECT * FROM other.orders', []],
  ['SELECT * FROM orders', []],
  ["SELECT 'from lab.orders' -- from lab.orders\n FROM lab.orders_old /* join lab.orders */", ['orders_old']],
  ['SELECT orders FROM lab.orders_old', ['orders_old']],
  ['SELECT * FROM lab.orders_old2', []],
] as const)('%s', (sql, expected) => {
  expect(tablesOf(sql)).toEqual(expected);
});

test('a name without a database is of the one that the query runs in', () => {
  expect(tablesOf('SELECT * FROM orders', 'lab')).toEqual(['orders']);
  expect(tablesOf('SELECT * FROM orders', 'other')).toEqual([]);
});
