import type { TableDescription, TableWarning } from '../../ports/table-source.ts';
import { keyNotUnique } from '../../domain/key-not-unique.ts';
import type { TableSettings } from '../database/table-settings.ts';
import type { DatabaseColumn } from './column-forms.ts';
import type { MysqlConnection } from './connection.ts';
import { quoteText } from './sql.ts';

/** Engines whose tables have transactions. */
const TRANSACTIONAL: ReadonlySet<string> = new Set(['innodb', 'rocksdb', 'ndbcluster', 'tokudb']);

/** Whether what a transaction reads of a table is one snapshot; of views and queries that is not known. */
export async function hasSnapshots(
  connection: MysqlConnection,
  { table }: Pick<TableSettings, 'table'>,
): Promise<boolean> {
  if (table === undefined) return false;
  const [[engine] = []] = await connection.query(
    `SELECT ENGINE FROM information_schema.TABLES WHERE ${whereTable(table)}`,
  );
  return TRANSACTIONAL.has(engine?.toLowerCase() ?? '');
}

function whereTable(table: string): string {
  const [name = '', schema] = table.split('.').reverse();
  return `TABLE_SCHEMA = ${schema === undefined ? 'DATABASE()' : quoteText(schema)} AND TABLE_NAME = ${quoteText(name)}`;
}

/** What the database says about a table or query; see `TableDescription`. */
export async function describeTable(
  connection: MysqlConnection,
  settings: TableSettings,
  relation: string,
  columnsOf: (connection: MysqlConnection) => Promise<readonly DatabaseColumn[]>,
): Promise<TableDescription> {
  const present = await columnsOf(connection);
  const columns = present.map(({ name, databaseType, columnType, nullable }) => ({
    name,
    databaseType,
    columnType,
    nullable,
  }));
  const byName = new Map(present.map((column) => [column.name, column]));
  const cursor = settings.cursor === undefined ? undefined : byName.get(settings.cursor);
  const warnings: TableWarning[] = [];
  if (cursor !== undefined) warnings.push(...cursorWarnings(cursor, settings));
  if (settings.table === undefined) {
    // A query has no index of its own: the database's plan says what it costs.
    return {
      columns,
      primaryKey: [],
      isKeyUnique: undefined,
      estimatedRows: undefined,
      estimatedBytes: undefined,
      warnings,
    };
  }
  const where = whereTable(settings.table);
  const [[engine, rows, bytes] = []] = await connection.query(
    `SELECT ENGINE, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE ${where}`,
  );
  const indexes = await readIndexes(connection, where);
  const estimatedRows = toNumber(rows);
  if (engine !== null && engine !== undefined && !TRANSACTIONAL.has(engine.toLowerCase()))
    warnings.push({
      code: 'DB_NO_TRANSACTIONS',
      message:
        `${relation} is stored by ${engine}, which has no transactions: a read may see part of a change. ` +
        'ALTER TABLE … ENGINE=InnoDB mends that',
    });
  if (
    cursor !== undefined &&
    engine !== null &&
    !indexes.some(({ columns: [first] }) => first === cursor.name)
  )
    warnings.push({
      code: 'DB_CURSOR_NO_INDEX',
      message:
        `no index begins with the cursor "${cursor.name}": every run reads the whole table ` +
        `(about ${String(estimatedRows ?? 0)} rows, ${String(toNumber(bytes) ?? 0)} bytes). ` +
        `CREATE INDEX … ON ${relation} (${[cursor.name, ...settings.key.filter((part) => part !== cursor.name)].join(', ')})`,
    });
  // A view has no engine, and no index of its own.
  const isKeyUnique =
    engine === null || engine === undefined
      ? undefined
      : indexes.some(
          (index) =>
            index.unique &&
            index.columns.every(
              (column) =>
                (column === settings.cursor || settings.key.includes(column)) &&
                byName.get(column)?.nullable === false,
            ),
        );
  if (settings.key.length > 0 && isKeyUnique === false)
    warnings.push({ code: 'DB_KEY_NOT_UNIQUE', message: keyNotUnique(relation, settings.key).message });
  warnings.push(...(await markWarnings(connection, settings, relation, where)));
  const primary = indexes.find((index) => index.name === 'PRIMARY');
  return {
    columns,
    primaryKey: primary?.columns ?? [],
    isKeyUnique,
    estimatedRows,
    estimatedBytes: toNumber(bytes),
    warnings,
  };
}

function cursorWarnings(cursor: DatabaseColumn, settings: TableSettings): TableWarning[] {
  const warnings: TableWarning[] = [];
  if (cursor.nullable)
    warnings.push({
      code: 'DB_CURSOR_NULLABLE',
      message: `the cursor "${cursor.name}" may be null, and a row without it stops the source: make it NOT NULL`,
    });
  if ((cursor.form === 'datetime' || cursor.form === 'date') && !settings.lookback)
    warnings.push({
      code: 'DB_CURSOR_ZONE',
      message:
        `the cursor "${cursor.name}" is ${cursor.databaseType}, which holds the time of the writer's session zone: rows are ` +
        'missed if sessions set `time_zone` to another one than the server. A TIMESTAMP does not have this problem',
    });
  return warnings;
}

/** Entries of a change log are marked once they have landed, which is the first write of a source. */
async function markWarnings(
  connection: MysqlConnection,
  { processed }: TableSettings,
  relation: string,
  where: string,
): Promise<TableWarning[]> {
  if (processed === undefined) return [];
  const [[privileges, user] = []] = await connection.query(
    `SELECT PRIVILEGES, CURRENT_USER() FROM information_schema.COLUMNS WHERE ${where} AND COLUMN_NAME = ${quoteText(processed)}`,
  );
  if (privileges === undefined || privileges === null || privileges.split(',').includes('update')) return [];
  return [
    {
      code: 'DB_NO_MARK',
      message:
        `the user "${user ?? ''}" may not set "${processed}", so entries that have landed stay unprocessed: ` +
        `GRANT UPDATE (${processed}) ON ${relation} TO it`,
    },
  ];
}

interface Index {
  readonly name: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
}

async function readIndexes(connection: MysqlConnection, where: string): Promise<readonly Index[]> {
  const rows = await connection.query(
    `SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME FROM information_schema.STATISTICS WHERE ${where} ` +
      'ORDER BY INDEX_NAME, SEQ_IN_INDEX',
  );
  const indexes = new Map<string, { name: string; unique: boolean; columns: string[] }>();
  for (const [name, nonUnique, column] of rows) {
    const index = indexes.get(name ?? '') ?? { name: name ?? '', unique: nonUnique === '0', columns: [] };
    // An index on an expression has no column.
    index.columns.push(column ?? '');
    indexes.set(index.name, index);
  }
  return [...indexes.values()];
}

function toNumber(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text);
}
