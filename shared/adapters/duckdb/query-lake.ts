import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

/** A result in words: one text per value, `NULL` for none. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Answers a query about a lake that lies in a folder. Each source is a view of its name, with the partition columns
 * (`dt`, `hour`); what is in quarantine is the view `quarantine`.
 *
 * @param folder holds `raw/<source>/…` and `quarantine/<source>/…`
 * @throws Error with DuckDB's message when the query is wrong
 */
export async function queryLake(folder: string, sql: string): Promise<QueryResult> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '2',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run(`SET TimeZone = 'UTC'`);
    for (const source of await listFolders(join(folder, 'raw'))) {
      await createView(connection, source, join(folder, 'raw', source));
    }
    if ((await listFolders(join(folder, 'quarantine'))).length > 0) {
      await createView(connection, 'quarantine', join(folder, 'quarantine'));
    }
    const reader = await connection.runAndReadAll(sql);
    const columns = reader.columnNames();
    return {
      columns,
      rows: reader.getRows().map((row) => row.map((value) => (value === null ? 'NULL' : String(value)))),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function createView(connection: DuckDBConnection, name: string, folder: string): Promise<void> {
  const glob = join(folder, '**', '*.parquet').replaceAll("'", "''");
  await connection.run(
    `CREATE VIEW "${name.replaceAll('"', '""')}" AS
     SELECT * FROM read_parquet('${glob}', union_by_name = true, hive_partitioning = true)`,
  );
}

/** Names of the folders in a folder; none if it does not exist. */
async function listFolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
