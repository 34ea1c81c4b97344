import { parseColumnType } from '../../shared/domain/column-type.ts';
import type { Column } from '../../shared/domain/contract.ts';
import type { TableSettings } from '../../shared/adapters/database/table-settings.ts';
import { createMysqlTableSource } from '../../shared/adapters/mysql/mysql-table-source.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
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

export const inOneMinute = (): number => Date.now() + 60_000;
