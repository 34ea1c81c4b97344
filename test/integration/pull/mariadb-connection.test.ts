import { beforeAll, describe, expect, test } from 'vitest';
import { toRows } from '../../support/table-rows.ts';
import type { CursorPlace, TableSource } from '../../../shared/ports/table-source.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import {
  declareColumns,
  inOneMinute,
  openMysqlSource,
  SEE_OTHERS,
  SHOP,
} from '../../support/mysql-source.ts';

const COLUMNS = { id: 'bigint', note: 'text' };

async function readIds(
  source: TableSource,
  columns: Readonly<Record<string, string>> = COLUMNS,
  request: Partial<Parameters<TableSource['read']>[0]> = {},
): Promise<(string | null | undefined)[]> {
  const ids = [];
  for await (const { rows } of source.read({ deadlineMs: inOneMinute(), ...request }))
    ids.push(...toRows(rows, declareColumns(columns)).map((row) => row['id']));
  await source.close();
  return ids;
}

describeOnMariadb('connections to MariaDB', (server) => {
  beforeAll(async () => {
    const admin = await server().connect();
    await admin.query(
      SHOP +
        SEE_OTHERS +
        'USE shop; CREATE TABLE orders (id BIGINT PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, NULL); ' +
        "CREATE TABLE other (id INT); CREATE USER unseen@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON shop.other TO unseen@'%'; ",
    );
  });

  test('a certificate is checked: authority and host name', async () => {
    expect(await readIds(openMysqlSource(server(), { columns: COLUMNS }))).toEqual(['1']);
    const unknown = openMysqlSource(server(), { columns: COLUMNS, connection: { ca: undefined } });
    await expect(readIds(unknown)).rejects.toMatchObject({ code: 'DB_TLS', disposition: 'block' });
    const address = openMysqlSource(server(), { columns: COLUMNS, connection: { host: '127.0.0.1' } });
    await expect(readIds(address)).rejects.toMatchObject({ code: 'DB_TLS', disposition: 'block' });
  });

  test.each([
    ['DB_LOGIN', 'block', { password: 'wrong' }],
    ['DB_PERMISSION', 'block', { connection: { user: 'unseen' } }],
    ['DB_NO_TABLE', 'block', { table: 'nothing' }],
    ['DB_PERMISSION', 'block', { connection: { database: 'mysql' } }],
    ['DB_QUERY', 'block', { table: undefined, query: 'SELECT id, FROM orders' }],
    ['DB_NO_COLUMN', 'block', { table: undefined, query: 'SELECT id, nope FROM orders' }],
    ['DB_UNREACHABLE', 'retry', { connection: { port: 1 } }],
  ] as const)('%s: %s', async (code, disposition, settings) => {
    const failure = readIds(openMysqlSource(server(), { columns: COLUMNS, ...settings }));
    await expect(failure).rejects.toMatchObject({ code, disposition });
    await expect(failure).rejects.not.toThrow(/'secret'|wrong/);
  });

  test('a token goes as it is, over TLS', async () => {
    const source = openMysqlSource(server(), {
      columns: COLUMNS,
      connection: { auth: 'iam', password: undefined },
    });
    // Where the server asks for a password in the usual way, the token is that password.
    expect(await readIds(source)).toEqual(['1']);
  });

  test('a statement that takes too long is ended by the database, and may be repeated', async () => {
    const source = openMysqlSource(server(), {
      table: undefined,
      query: 'SELECT id, SLEEP(10) AS note FROM orders',
      columns: { id: 'bigint', note: 'integer' },
      statementTimeoutMs: 300,
    });
    await expect(readIds(source)).rejects.toMatchObject({ code: 'DB_TIMEOUT', disposition: 'retry' });
  });

  test('a connection that is lost half-way ends the read with an error, never early', async () => {
    const admin = await server().connect('shop');
    await admin.query(
      "CREATE TABLE large (id BIGINT PRIMARY KEY, note TEXT); INSERT INTO large SELECT seq, REPEAT('x', 4000) FROM seq_1_to_20000",
    );
    const source = openMysqlSource(server(), { table: 'large', columns: COLUMNS });
    let rows = 0;
    const read = async (): Promise<void> => {
      for await (const batch of source.read({ deadlineMs: inOneMinute() })) {
        if (rows === 0) {
          const [list] = await admin.query(
            "SELECT id FROM information_schema.processlist WHERE user = 'reader' AND command <> 'Sleep'",
          );
          for (const { id } of list as { id: string }[]) await admin.query(`KILL ${id}`);
        }
        rows += batch.rows.rows;
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'DB_UNREACHABLE', disposition: 'retry' });
    expect(rows).toBeLessThan(20_000);
    expect(await source.count({ deadlineMs: inOneMinute() })).toBe(20_000);
    await source.close();
  });

  test('whoever does not take batches holds the database back, and whoever stops ends its statement', async () => {
    const admin = await server().connect('shop');
    const source = openMysqlSource(server(), { table: 'large', columns: COLUMNS });
    const running = async (): Promise<number> => {
      const [list] = await admin.query(
        "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%large%'",
      );
      return Number((list as { n: string }[])[0]?.n);
    };
    const batches = source.read({ deadlineMs: inOneMinute() })[Symbol.asyncIterator]();
    await batches.next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    // 80 MB do not fit into the buffers between: the server still has some to send.
    expect(await running()).toBe(1);
    await batches.return?.();
    for (let i = 0; i < 50 && (await running()) > 0; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await running()).toBe(0);
    await source.close();
  });

  describe('rows are read on at any key', () => {
    test.each([
      [
        'a collation without case',
        'VARCHAR(20) COLLATE utf8mb4_general_ci',
        ["'a'", "'B'", "'c'", "'Öl'", "'z '"],
      ],
      ['latin1', 'VARCHAR(20) CHARACTER SET latin1', ["'ä'", "'a'", "'ß'", "'z'"]],
      ['an ENUM, which sorts by number', "ENUM('z', 'a', 'm')", ["'z'", "'a'", "'m'"]],
      ['quotes and backslashes', 'VARCHAR(20)', ["'\\''", "'\\\\'", "'\"'", "'\\n'"]],
    ])('%s', async (_, type, values) => {
      const admin = await server().connect('shop');
      await admin.query(
        `CREATE OR REPLACE TABLE keyed (id ${type} NOT NULL PRIMARY KEY, at TIMESTAMP(6) NOT NULL); ` +
          values.map((value) => `INSERT INTO keyed VALUES (${value}, '2026-01-01 00:00:00')`).join('; '),
      );
      const columns = { id: 'text', at: 'timestamp' };
      const source = openMysqlSource(server(), { table: 'keyed', columns, cursor: 'at' });
      const ids: unknown[] = [];
      let place: CursorPlace | undefined;
      for (let i = 0; i <= values.length; i += 1)
        for await (const { rows, last } of source.read({
          cursor: { from: place, until: undefined },
          maxRows: 1,
          deadlineMs: inOneMinute(),
        })) {
          ids.push(...toRows(rows, declareColumns(columns)).map((row) => row['id']));
          place = last;
        }
      await source.close();
      expect(new Set(ids).size).toBe(values.length);
      expect(ids).toHaveLength(values.length);
    });
  });

  test('a page by cursor is read from the index, however far into the table it is', async () => {
    const admin = await server().connect('shop');
    await admin.query(
      'CREATE TABLE wide (id BIGINT PRIMARY KEY, at TIMESTAMP(6) NOT NULL, note TEXT, KEY (at)); ' +
        "INSERT INTO wide SELECT seq, '2026-01-01' + INTERVAL seq SECOND, 'x' FROM seq_1_to_20000; ANALYZE TABLE wide; " +
        'FLUSH STATUS',
    );
    const columns = { id: 'bigint', at: 'timestamp', note: 'text' };
    const source = openMysqlSource(server(), { table: 'wide', columns, cursor: 'at' });
    const before = await handlerReads(admin);
    const from = { cursor: '2026-01-01 05:00:00+00', key: ['18000'] };
    const ids = await readIds(source, columns, { cursor: { from, until: undefined }, maxRows: 10 });
    expect(ids).toEqual(Array.from({ length: 10 }, (_, i) => String(18_001 + i)));
    expect((await handlerReads(admin)) - before).toBeLessThan(1000);
  });
});

/** Rows that the server has looked at. */
async function handlerReads(admin: {
  query(sql: string): Promise<[unknown, ...unknown[]]>;
}): Promise<number> {
  const [rows] = await admin.query("SHOW GLOBAL STATUS LIKE 'Handler_read%next'");
  return (rows as { Value: string }[]).reduce((sum, { Value }) => sum + Number(Value), 0);
}
