import type { KeyText } from '../../ports/table-source.ts';
import { estimateRows } from './describe-relation.ts';
import type { PostgresTransaction } from './postgres-transaction.ts';
import { quoteName } from './sql-text.ts';
import type { Relation } from './table-columns.ts';
import type { RowOrder } from './table-statement.ts';

/** Rows of the sample per range: pages hold some 50 of them, so ranges differ by a fifth or so. */
const SAMPLE_ROWS = 1000;
const MAX_RANGES = 10_000;

/**
 * Keys that divide a table into ranges of about the same size: percentiles of a sample of its pages, or of all rows
 * where it is small or is no table. Whatever the sample says, ranges between its keys hold every row once.
 */
export async function sampleBoundaries(
  transaction: PostgresTransaction,
  relation: Relation,
  order: RowOrder,
  rowsPerSplit: number,
): Promise<readonly KeyText[]> {
  const rows = await estimateRows(transaction, relation);
  const ranges = Math.min(Math.ceil(rows / rowsPerSplit), MAX_RANGES);
  if (ranges <= 1) return [];
  const percent = (100 * ranges * SAMPLE_ROWS) / rows;
  const sample = percent < 100 && (await isTable(transaction, relation)) ? percent : undefined;
  const names = order.key.map((name) => `t.${quoteName(name)}`);
  const texts = order.key.map((name, i) => `${toText(name, relation)} AS k${String(i)}`);
  const found = await transaction.query(
    `SELECT ${order.key.map((_, i) => `k${String(i)}`).join(', ')} FROM (
       SELECT ${texts.join(', ')}, row_number() OVER (ORDER BY ${names.join(', ')}) AS place, count(*) OVER () AS total
       FROM ${relation.from}${sample === undefined ? '' : ` TABLESAMPLE SYSTEM (${sample.toFixed(6)}) REPEATABLE (7)`}
       WHERE ${names.map((name) => `${name} IS NOT NULL`).join(' AND ')}
     ) AS s
     WHERE place < total AND place * ${String(ranges)} / total > (place - 1) * ${String(ranges)} / total
     ORDER BY place`,
  );
  const keys = found.map((row) => order.key.map((_, i) => row[`k${String(i)}`] ?? ''));
  return keys.filter((key, i) => i === 0 || key.some((text, part) => text !== keys[i - 1]?.[part]));
}

/** As `TableRead.keys` takes it. */
function toText(name: string, { columns }: Relation): string {
  const column = `t.${quoteName(name)}`;
  const isBytes = columns.find((candidate) => candidate.name === name)?.type.name === 'bytea';
  return isBytes ? `encode(${column}, 'hex')` : `${column}::text`;
}

/** Whether there are pages to sample: tables, partitioned ones, materialized views. */
async function isTable(transaction: PostgresTransaction, { oid }: Relation): Promise<boolean> {
  if (oid === undefined) return false;
  const [row] = await transaction.query(
    "SELECT relkind IN ('r', 'p', 'm') AS sampled FROM pg_class WHERE oid = $1",
    [oid],
  );
  return row?.['sampled'] === 't';
}
