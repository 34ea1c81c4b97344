import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toTableSettings } from '../../../shared/adapters/database/table-settings.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { checkTable } from '../../../shared/pipeline/checks/check-table.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { findPrivateAddress } from '../../../shared/adapters/database/private-address.ts';
import { checkDatabase, startSilence, type FoundOfTable } from '../../support/check-database.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';

let server: TestPostgres;
const READER = { user: 'reader', password: { parameter: '/reader' } };
const WATCHER = { user: 'watcher', password: { parameter: '/reader' } };

beforeAll(async () => {
  server = await startPostgres();
  await server.run(`
    CREATE ROLE reader LOGIN PASSWORD 'reader''s';
    CREATE ROLE watcher LOGIN PASSWORD 'reader''s' IN ROLE pg_read_all_stats;
    CREATE TABLE orders (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text, done boolean NOT NULL DEFAULT false);
    CREATE INDEX ON orders (at, id);
    INSERT INTO orders SELECT i, now() - i * interval '1 hour', 'b' FROM generate_series(1, 100) i;
    GRANT SELECT ON orders TO reader, watcher;
    CREATE TABLE secret (id bigint PRIMARY KEY);
    CREATE TABLE loose (id bigint, at timestamptz, body text);
    INSERT INTO loose VALUES (1, now(), 'a'), (2, NULL, 'b');
    CREATE TABLE zoneless (id bigint PRIMARY KEY, at timestamp NOT NULL);
    CREATE INDEX ON zoneless (at);
  `);
});
afterAll(async () => {
  await server.stop();
});

const COLUMNS = { id: 'bigint', at: 'timestamp', body: 'text' };
const AT = { incremental: { cursor: 'at' } };

function check(
  source: Readonly<Record<string, unknown>>,
  connection: Readonly<Record<string, unknown>> = {},
  options: Partial<Parameters<typeof checkDatabase>[1]> = {},
): Promise<FoundOfTable> {
  return checkDatabase(
    {
      ...{ type: 'postgres', table: 'public.orders', columns: COLUMNS, key: ['id'] },
      ...source,
      connection: connectionTo(server, connection),
    },
    { values: { '/test/password': server.password, '/reader': "reader's", '/wrong': 'nope' }, ...options },
  );
}

describe('headgate validate --connect on PostgreSQL', () => {
  test.each([
    ['a full extract', {}],
    ['a cursor', AT],
    ['a cursor with a beginning', { incremental: { cursor: 'at', initialValue: '2026-01-01 00:00:00+00' } }],
    [
      'a look-back, by a role that sees nothing of others',
      { incremental: { cursor: 'at', lookback: '1 hour' } },
    ],
    ['a query', { table: undefined, query: 'SELECT id, at, body FROM orders WHERE id > 3' }],
  ])('finds nothing wrong with %s', async (_, source) => {
    const isBlind = 'incremental' in source && 'lookback' in source.incremental;
    expect((await check(source, isBlind ? READER : WATCHER)).levels).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, readonly string[]]>([
    ['error DB_UNREACHABLE', {}, { port: 1 }, ['connection.host', ':1/']],
    ['error DB_UNREACHABLE', {}, { host: 'nowhere.invalid' }, ['nowhere.invalid']],
    ['error DB_LOGIN', {}, { password: { parameter: '/wrong' } }, ['connection.password']],
    ['error PARAMETER_MISSING', {}, { password: { parameter: '/none' } }, ["put-parameter --name '/none'"]],
    ['error DB_CONNECTION', {}, { database: 'nope' }, ['connection.database']],
    ['error DB_TLS', {}, { ca: undefined }, ['connection.ca']],
    ['error DB_TLS', {}, { host: '127.0.0.1' }, ['name the host as the certificate does']],
    ['error DB_NO_TABLE', { table: 'public.nothing' }, {}, ['public.nothing']],
    ['error DB_PERMISSION', { table: 'secret', columns: { id: 'bigint' } }, READER, ['GRANT SELECT']],
    ['error DB_NO_COLUMN', { columns: { ...COLUMNS, gone: 'text' } }, {}, ['"gone"', '`columns`']],
    [
      'error DB_TYPE_CHANGED',
      { columns: { ...COLUMNS, at: 'integer' } },
      {},
      ['"at" is timestamp with time zone', '"timestamp"'],
    ],
    ['error DB_NEW_COLUMN', { undeclared: 'freeze' }, {}, ['"done"']],
    ['error DB_NO_HORIZON', AT, READER, ['GRANT pg_read_all_stats']],
    [
      'warning DB_CURSOR_ZONE',
      { table: 'zoneless', columns: { id: 'bigint', at: 'local-timestamp' }, ...AT },
      {},
      ['timestamptz'],
    ],
    [
      'error DB_NO_MARK',
      { columns: { ...COLUMNS, done: 'boolean' }, changeLog: { id: 'id', processed: 'done' } },
      READER,
      ['GRANT UPDATE ("done")'],
    ],
    ['error DB_STATEMENT', { table: undefined, query: 'SELECT id FROM' }, {}, ['syntax']],
    [
      'error DB_STATEMENT',
      { incremental: { cursor: 'at', initialValue: 'yesterday-ish' } },
      {},
      ['types of `columns`'],
    ],
  ])('%s: %o %o', async (expected, source, connection, words) => {
    const { levels, text } = await check(source, connection);
    expect(levels).toEqual([expected]);
    for (const word of words) expect(text).toContain(word);
    expect(text).not.toMatch(/reader's|nope'|a password/);
  });

  test('a cursor column that is not there', async () => {
    const { levels, text } = await check({
      columns: { id: 'bigint', changed: 'timestamp' },
      incremental: { cursor: 'changed' },
    });
    expect(levels).toEqual(['error DB_NO_COLUMN']);
    expect(text).toContain('"changed"');
  });

  test('a loose table: every problem of its cursor and key is found together, with the cost of the plan', async () => {
    const { levels, text } = await check({ table: 'loose', ...AT });
    expect(levels).toEqual([
      'error DB_KEY_NOT_UNIQUE',
      'error DB_CURSOR_NULL',
      'warning DB_CURSOR_NO_INDEX',
      'warning DB_CURSOR_NULLABLE',
      'warning DB_KEY_NULLABLE',
    ]);
    expect(text).toMatch(/cost \d+, \d+ rows/);
    expect(text).toContain('1 row whose cursor "at" is null');
  });

  test('a transaction that is open for long is named by its beginning', async () => {
    const session = await server.connect();
    await session.query('BEGIN; UPDATE orders SET done = done WHERE id = 1');
    try {
      // Nobody waits an hour for a test: the clock of the check is ahead.
      const source = declareOrders({ ...AT, connection: connectionTo(server) as never });
      const table = openSource(server, toTableSettings(source));
      const findings = await checkTable({
        source,
        table,
        clock: { ...systemClock, nowMs: () => systemClock.nowMs() + 3_600_000 },
        deadlineMs: systemClock.nowMs() + 30_000,
        privateAddress: () => Promise.resolve(undefined),
      });
      await table.close();
      expect(findings.map(({ code }) => code)).toEqual(['DB_HELD_BACK']);
    } finally {
      await session.query('ROLLBACK');
    }
  });

  test('a private address without a network: this machine gets there, the function would not', async () => {
    const privateAddress = ({ connection }: { connection: { host: unknown } }): Promise<string | undefined> =>
      findPrivateAddress(String(connection.host));
    const { levels, text } = await check({}, WATCHER, { privateAddress });
    expect(levels).toEqual(['warning DB_PRIVATE_ADDRESS']);
    expect(text).toContain('connection.network');
    const network = { subnets: ['subnet-1'], securityGroups: ['sg-1'] };
    expect((await check({}, { ...WATCHER, network }, { privateAddress })).levels).toEqual([]);
    expect(await findPrivateAddress('nowhere.invalid')).toBeUndefined();
  });

  test('a host that takes the connection and says nothing is given up in time', async () => {
    const silence = await startSilence();
    const startedMs = Date.now();
    try {
      const { levels, text } = await check({}, { port: silence.port }, { limitMs: 1000 });
      expect(levels).toHaveLength(1);
      expect(levels[0]).toMatch(/^error DB_(UNREACHABLE|TIMEOUT)$/);
      expect(text.length).toBeGreaterThan(20);
      expect(Date.now() - startedMs).toBeLessThan(5000);
    } finally {
      await silence.stop();
    }
  });

  test('a table that is locked by a migration is no green', async () => {
    const session = await server.connect();
    await session.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    try {
      const { levels } = await check({}, {}, { limitMs: 1000 });
      expect(levels).toEqual(['error DB_TIMEOUT']);
    } finally {
      await session.query('ROLLBACK');
    }
  });

  test('nothing is changed and no session is left', async () => {
    const before = await server.run('SELECT md5(array_agg(orders ORDER BY id)::text) AS digest FROM orders');
    for (const source of [
      {},
      AT,
      { columns: { ...COLUMNS, done: 'boolean' }, changeLog: { id: 'id', processed: 'done' } },
    ])
      await check(source);
    expect(await server.run('SELECT md5(array_agg(orders ORDER BY id)::text) AS digest FROM orders')).toEqual(
      before,
    );
    await expect
      .poll(() => server.run("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'headgate/%'"))
      .toEqual([]);
  });
});
