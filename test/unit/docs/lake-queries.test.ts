import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { declareTable } from '../../support/declare-table.ts';
import { toColumn } from '../../support/to-columns.ts';

const writer = new DuckDbColumnWriter();
const directory = mkdtempSync(join(tmpdir(), 'headgate-docs-'));

afterAll(async () => {
  await writer.close();
  rmSync(directory, { recursive: true });
});

/** The first query of a part of the page. */
function queryOf(part: string): string {
  const page = readFileSync('docs/lake.md', 'utf8');
  const text = page.slice(page.indexOf(`## ${part}\n`));
  return /```sql\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
}

test('the query for the current state has the newest version of each row, and none that is deleted', async () => {
  const source = declareTable(
    { id: 'bigint', updated_at: 'bigint', note: 'text' },
    { key: ['id'], incremental: { cursor: 'updated_at' } },
  );
  const versions: readonly (readonly [number, bigint, bigint | null, string | null])[] = [
    [1, 1n, 10n, 'first'],
    [2, 1n, 20n, 'second'],
    [1, 2n, 10n, 'gone'],
    [3, 2n, null, null],
    [1, 3n, 10n, 'went'],
    [3, 3n, null, null],
    [4, 3n, 40n, 'came back'],
  ];
  for (const [i, [receivedAtMs, id, at, note]] of versions.entries()) {
    const op = note === null ? { op: 'd' as const } : {};
    const table = await writer.open(source, { origin: 'x', firstIndex: 0, receivedAtMs, ...op });
    const values = [[id], [at], [note]];
    const columns = source.contract.columns.map(({ type }, place) => toColumn(type, values[place] ?? []));
    await table.append({ rows: 1, columns, extra: undefined });
    for (const { bytes } of await table.finish())
      writeFileSync(join(directory, `${String(i)}.parquet`), bytes);
  }
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run('CREATE SCHEMA headgate');
  await connection.run(`CREATE VIEW headgate.orders AS SELECT * FROM read_parquet('${directory}/*.parquet')`);
  const result = await connection.runAndReadAll(
    `SELECT note FROM (${queryOf('Current state')}) ORDER BY note`,
  );
  expect(result.getRows()).toEqual([['came back'], ['second']]);
  connection.closeSync();
  instance.closeSync();
});
