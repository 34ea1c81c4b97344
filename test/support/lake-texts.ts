import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

const LOCAL_TEXT = (value: string): string =>
  `CASE WHEN year(${value}) > 0 THEN strftime(${value}, '%Y-%m-%d %H:%M:%S.%f')
   ELSE regexp_replace(CAST(${value} AS VARCHAR), ' [(]BC[)](.*)', '\\1 BC') END`;

/** How DuckDB is asked for the form that `formatCell` has, by the word of the type. */
const TEXTS: Readonly<Record<string, (value: string) => string>> = {
  float: (value) => `replace(CAST(${value} AS VARCHAR), 'inf', 'Infinity')`,
  double: (value) => `replace(CAST(${value} AS VARCHAR), 'inf', 'Infinity')`,
  bytes: (value) => `lower(hex(${value}))`,
  date: (value) => `replace(CAST(${value} AS VARCHAR), ' (BC)', ' BC')`,
  timestamp: (value) =>
    `regexp_replace(${LOCAL_TEXT(`(${value} AT TIME ZONE 'UTC')`)}, '^(.*?)( BC)?$', '\\1+00\\2')`,
  'local-timestamp': LOCAL_TEXT,
};

function toText(word: string, value: string): string {
  // Where all digits are behind the point, DuckDB writes none before it.
  if (/^decimal[(][^)]*[)]$/.test(word))
    return `regexp_replace(CAST(${value} AS VARCHAR), '^(-?)[.]', '\\10.')`;
  if (!word.endsWith('[]')) return `CAST(${TEXTS[word]?.(value) ?? value} AS VARCHAR)`;
  const texts = `list_transform(${value}, lambda e: ${toText(word.slice(0, -2), 'e')})`;
  return `CASE WHEN ${value} IS NOT NULL THEN CAST(to_json(${texts}) AS VARCHAR) END`;
}

/**
 * Rows of a Parquet file in the order of `id`, as DuckDB reads them: values as text in the form of `formatCell`, lists as
 * JSON of their elements' text.
 *
 * @param columns by name, with the words of their types
 */
export async function readLakeTexts(
  file: Uint8Array,
  columns: Readonly<Record<string, string>>,
): Promise<Record<string, string | null>[]> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-types-'));
  const duckDb = await DuckDBInstance.create(':memory:');
  try {
    const path = join(directory, 'types.parquet');
    await writeFile(path, file);
    const connection = await duckDb.connect();
    const texts = Object.entries(columns).map(([name, word]) => `${toText(word, name)} AS ${name}`);
    const reader = await connection.runAndReadAll(
      `SELECT ${texts.join(', ')} FROM read_parquet('${path}') AS t ORDER BY t.id`,
    );
    const rows = reader.getRowObjects() as Record<string, string | null>[];
    connection.closeSync();
    return rows;
  } finally {
    duckDb.closeSync();
    await rm(directory, { recursive: true });
  }
}
