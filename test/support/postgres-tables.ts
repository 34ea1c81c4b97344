import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import type { TableSettings } from '../../shared/adapters/database/table-settings.ts';
import { PostgresTableSource } from '../../shared/adapters/postgres/postgres-table-source.ts';
import type { OpenTable, TableFixture } from '../contract/table-source.suite.ts';
import type { TestPostgres } from './postgres.ts';
import { declareTable } from './table-settings.ts';

/** The section `connection` for a test server. */
export function connectionTo(
  server: TestPostgres,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    ...{ host: 'localhost', port: server.port, database: 'postgres', user: server.user },
    ...{ password: { parameter: '/test/password' }, ca: server.ca },
    ...more,
  };
}

/** A source over the test server; parameters are answered with the superuser's password. */
export function openSource(
  server: TestPostgres,
  settings: TableSettings,
  password = server.password,
): PostgresTableSource {
  return new PostgresTableSource(settings, {
    clock: systemClock,
    parameters: { get: () => Promise.resolve(password) },
    createToken: () => Promise.reject(new Error('no token was asked for')),
  });
}

const SQL_TYPES: Readonly<Record<string, string>> = {
  timestamp: 'timestamptz',
  'local-timestamp': 'timestamp',
  double: 'float8',
  float: 'float4',
  bytes: 'bytea',
};

let tables = 0;

/** A table of its own for a test. */
export async function openTable(server: TestPostgres, fixture: TableFixture): Promise<OpenTable> {
  const table = `table "${String((tables += 1))}"`;
  const quoted = `"${table.replaceAll('"', '""')}"`;
  const { columns, cursor, changeLog, isKeyNullable = false, notNull = [] } = fixture;
  const names = Object.keys(columns);
  const key = fixture.key ?? names.slice(0, 1);
  const list = (all: readonly string[]): string => all.map((name) => `"${name}"`).join(', ');
  const types = Object.entries(columns).map(
    ([name, word]) => `"${name}" ${SQL_TYPES[word] ?? word}${notNull.includes(name) ? ' NOT NULL' : ''}`,
  );
  await server.run(
    `CREATE TABLE ${quoted} (${[...types, ...(isKeyNullable ? [] : [`PRIMARY KEY (${list(key)})`])].join(', ')})`,
  );
  const statement = (rows: TableFixture['rows']): string => {
    const tuples = rows.map(
      (row) =>
        `(${row.map((text) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`.replace(/^'/, "E'"))).join(', ')})`,
    );
    return `INSERT INTO ${quoted} VALUES ${tuples.join(', ')}`;
  };
  const insert = async (rows: TableFixture['rows']): Promise<void> => {
    if (rows.length > 0) await server.run(`SET TimeZone TO 'UTC'; ${statement(rows)}`);
  };
  await insert(fixture.rows);
  const source = openSource(
    server,
    declareTable('postgres', {
      table: `public.${table}`,
      connection: connectionTo(server),
      columns: fixture.declared ?? columns,
      key: changeLog === undefined ? key.filter((name) => name in (fixture.declared ?? columns)) : [],
      ...(fixture.undeclared === undefined ? {} : { undeclared: fixture.undeclared }),
      ...(cursor === undefined ? {} : { incremental: { cursor } }),
      ...(changeLog === undefined ? {} : { changeLog }),
    }),
  );
  return {
    source,
    insert,
    insertSlowly: async (rows) => {
      const session = await server.connect();
      await session.query(`BEGIN; ${statement(rows)}`);
      return async () => {
        await session.query('COMMIT');
        await session.end();
      };
    },
    dropTable: async () => {
      await server.run(`DROP TABLE ${quoted}`);
    },
    close: () => source.close(),
  };
}
