import { parseColumnType } from '../../shared/domain/column-type.ts';
import type { Column } from '../../shared/domain/contract.ts';
import type { TableSettings } from '../../shared/adapters/database/table-settings.ts';
import { createMysqlTableSource } from '../../shared/adapters/mysql/mysql-table-source.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import type { OpenTable, TableFixture } from '../contract/table-source.suite.ts';
import type { TestMariadb } from './mariadb.ts';

/** Declared columns, by name and type. */
export function declareColumns(types: Readonly<Record<string, string>>): Column[] {
  return Object.entries(types).map(([name, word]) => {
    const type = parseColumnType(word);
    if (type === undefined) throw new RangeError(`${word} is no column type`);
    return { name, type };
  });
}

type Connection = TableSettings['connection'];

/** A source of tables on a server of the tests, as the user `reader` of the database `shop`, over TLS. */
export function openMysqlSource(
  server: TestMariadb,
  {
    columns,
    connection = {},
    password = 'secret',
    ...settings
  }: Partial<Omit<TableSettings, 'columns' | 'connection'>> & {
    readonly columns: Readonly<Record<string, string>>;
    readonly connection?: Partial<Connection>;
    readonly password?: string;
  },
): TableSource {
  return createMysqlTableSource(
    {
      name: 'orders',
      connection: {
        host: server.host,
        port: server.port,
        database: 'shop',
        user: 'reader',
        password: { parameter: '/password' },
        auth: 'password',
        tls: 'verify-full',
        ca: server.ca,
        statementTimeout: '1 minute',
        ...connection,
      },
      statementTimeoutMs: 60_000,
      table: 'orders',
      query: undefined,
      columns: declareColumns(columns),
      undeclared: 'evolve',
      key: ['id'],
      cursor: undefined,
      processed: undefined,
      lookback: false,
      ...settings,
    },
    {
      parameters: { get: () => Promise.resolve(password) },
      createToken: () => Promise.resolve(password),
    },
  );
}

/** The database `shop` and its user. */
export const SHOP =
  "CREATE DATABASE shop; CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON shop.* TO reader@'%'; ";

/** What a horizon needs. */
export const SEE_OTHERS = "GRANT PROCESS ON *.* TO reader@'%'; ";

export const inOneMinute = (): number => Date.now() + 60_000;

const SQL_TYPES: Readonly<Record<string, string>> = {
  boolean: 'TINYINT(1)',
  timestamp: 'TIMESTAMP(6)',
  'local-timestamp': 'DATETIME(6)',
  bytes: 'LONGBLOB',
  text: 'LONGTEXT',
};

let tables = 0;

/** A table of its own for a test of the contract. */
export async function openMysqlTable(server: TestMariadb, fixture: TableFixture): Promise<OpenTable> {
  const table = `table "${String((tables += 1))}"`;
  const { columns, cursor, changeLog, isKeyNullable = false, notNull = [] } = fixture;
  const names = Object.keys(columns);
  const key = fixture.key ?? names.slice(0, 1);
  const list = (all: readonly string[]): string => all.map((name) => `\`${name}\``).join(', ');
  const types = Object.entries(columns).map(([name, word]) => {
    // A key is no longer than an index can hold.
    const type = word === 'text' && key.includes(name) ? 'VARCHAR(100)' : (SQL_TYPES[word] ?? word);
    return `\`${name}\` ${type} ${notNull.includes(name) || (!isKeyNullable && key.includes(name)) ? 'NOT NULL' : 'NULL DEFAULT NULL'}`;
  });
  const admin = await server.connect('shop');
  await admin.query("SET time_zone = '+00:00'");
  await admin.query(
    `CREATE TABLE \`${table}\` (${[...types, ...(isKeyNullable ? [] : [`PRIMARY KEY (${list(key)})`])].join(', ')})`,
  );
  await admin.query(`GRANT SELECT, UPDATE ON shop.\`${table}\` TO reader@'%'`);
  const statement = (rows: TableFixture['rows']): string => {
    const quote = (text: string | null): string => {
      if (text === null) return 'NULL';
      return /^(true|false)$/.test(text) ? text : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
    };
    return `INSERT INTO \`${table}\` VALUES ${rows.map((row) => `(${row.map(quote).join(', ')})`).join(', ')}`;
  };
  const insert = async (rows: TableFixture['rows']): Promise<void> => {
    if (rows.length > 0) await admin.query(statement(rows));
  };
  await insert(fixture.rows);
  const declared = fixture.declared ?? columns;
  const source = openMysqlSource(server, {
    table: `shop.${table}`,
    columns: declared,
    key: changeLog === undefined ? key.filter((name) => name in declared) : [changeLog.id],
    cursor: cursor ?? changeLog?.id,
    processed: changeLog?.processed,
    ...(fixture.undeclared === undefined ? {} : { undeclared: fixture.undeclared }),
  });
  return {
    source,
    insert,
    insertSlowly: async (rows) => {
      const session = await server.connect('shop');
      await session.query(`BEGIN; ${statement(rows)}`);
      return async () => {
        await session.query('COMMIT');
      };
    },
    dropTable: async () => {
      await admin.query(`DROP TABLE \`${table}\``);
    },
    close: () => source.close(),
  };
}
