import { beforeAll, expect, test } from 'vitest';
import { checkDatabase, startSilence, type FoundOfTable } from '../../support/check-database.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import { SEE_OTHERS, SHOP } from '../../support/mysql-source.ts';

const COLUMNS = { id: 'bigint', at: 'timestamp', body: 'text' };
const AT = { incremental: { cursor: 'at' } };
const BLIND = { user: 'blind' };

describeOnMariadb('headgate validate --connect on MariaDB', (server) => {
  beforeAll(async () => {
    const admin = await server().connect();
    await admin.query(
      SHOP +
        SEE_OTHERS +
        'USE shop; CREATE TABLE orders (id BIGINT PRIMARY KEY, at TIMESTAMP(6) NOT NULL, body TEXT, done TINYINT(1) NOT NULL DEFAULT 0, KEY (at, id)); ' +
        "INSERT INTO orders VALUES (1, '2026-01-01', 'a', 0), (2, '2026-01-02', 'b', 0); " +
        'CREATE TABLE secret (id BIGINT PRIMARY KEY); ' +
        'CREATE TABLE loose (id BIGINT, at TIMESTAMP(6) NULL, body TEXT); ' +
        "INSERT INTO loose VALUES (1, '2026-01-01', 'a'), (2, NULL, 'b'); " +
        'CREATE TABLE zoneless (id BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL, KEY (at)); ' +
        'CREATE TABLE old (id BIGINT PRIMARY KEY) ENGINE=MyISAM; ' +
        "CREATE USER blind@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON shop.orders TO blind@'%'; ",
    );
  });

  function check(
    source: Readonly<Record<string, unknown>>,
    connection: Readonly<Record<string, unknown>> = {},
    limitMs = 30_000,
  ): Promise<FoundOfTable> {
    const { host, port, ca } = server();
    return checkDatabase(
      {
        ...{ type: 'mysql', table: 'orders', columns: COLUMNS, key: ['id'] },
        ...source,
        connection: {
          ...{ host, port, ca, database: 'shop', user: 'reader', password: { parameter: '/password' } },
          ...connection,
        },
      },
      { values: { '/password': 'secret', '/wrong': 'nope' }, limitMs },
    );
  }

  test.each([
    ['a full extract', {}],
    ['a cursor', AT],
    ['a cursor with a beginning', { incremental: { cursor: 'at', initialValue: '2026-01-01 00:00:00' } }],
    ['a query', { table: undefined, query: 'SELECT id, at, body FROM orders WHERE id > 1' }],
  ])('finds nothing wrong with %s', async (_, source) => {
    expect((await check(source)).levels).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, readonly string[]]>([
    ['error DB_UNREACHABLE', {}, { port: 1 }, ['connection.host']],
    ['error DB_LOGIN', {}, { password: { parameter: '/wrong' } }, ['connection.password']],
    ['error PARAMETER_MISSING', {}, { password: { parameter: '/none' } }, ["put-parameter --name '/none'"]],
    ['error DB_TLS', {}, { ca: undefined }, ['connection.ca']],
    ['error DB_PERMISSION', { table: 'secret', columns: { id: 'bigint' } }, BLIND, ['GRANT SELECT']],
    ['error DB_NO_TABLE', { table: 'nothing' }, {}, ['nothing']],
    ['error DB_NO_COLUMN', { columns: { ...COLUMNS, gone: 'text' } }, {}, ['"gone"']],
    ['error DB_TYPE_CHANGED', { columns: { ...COLUMNS, at: 'integer' } }, {}, ['"at" is timestamp(6)']],
    ['error DB_NEW_COLUMN', { undeclared: 'freeze' }, {}, ['"done"']],
    ['error DB_NO_HORIZON', AT, BLIND, ['GRANT PROCESS']],
    [
      'warning DB_CURSOR_ZONE',
      { table: 'zoneless', columns: { id: 'bigint', at: 'local-timestamp' }, ...AT },
      {},
      ['TIMESTAMP'],
    ],
    ['warning DB_NO_TRANSACTIONS', { table: 'old', columns: { id: 'bigint' } }, {}, ['InnoDB']],
    [
      'error DB_NO_MARK',
      { columns: { ...COLUMNS, done: 'boolean' }, changeLog: { id: 'id', processed: 'done' } },
      {},
      ['GRANT UPDATE (done)'],
    ],
    ['error DB_QUERY', { table: undefined, query: 'SELECT id, FROM orders' }, {}, ['one SELECT']],
  ])('%s: %o %o', async (expected, source, connection, words) => {
    const { levels, text } = await check(source, connection);
    expect(levels).toEqual([expected]);
    for (const word of words) expect(text).toContain(word);
    expect(text).not.toMatch(/'secret'|'nope'/);
  });

  test('a loose table: every problem of its cursor and key is found together', async () => {
    const { levels, text } = await check({ table: 'loose', ...AT });
    expect(levels).toEqual([
      'error DB_KEY_NOT_UNIQUE',
      'error DB_CURSOR_NULL',
      'warning DB_CURSOR_NULLABLE',
      'warning DB_CURSOR_NO_INDEX',
    ]);
    expect(text).toMatch(/about \d+ rows/);
  });

  test('a host that takes the connection and says nothing is given up in time', async () => {
    const silence = await startSilence();
    const startedMs = Date.now();
    try {
      const { levels } = await check({}, { port: silence.port }, 1000);
      expect(levels).toHaveLength(1);
      expect(levels[0]).toMatch(/^error DB_(UNREACHABLE|TIMEOUT)$/);
      expect(Date.now() - startedMs).toBeLessThan(5000);
    } finally {
      await silence.stop();
    }
  });
});
