import type { TableDescription, TableWarning } from '../../ports/table-source.ts';
import { standby } from '../database/table-failures.ts';
import { keyNotUnique } from '../../domain/key-not-unique.ts';
import { relationOf, type TableSettings } from '../database/table-settings.ts';
import { toColumnWord } from './postgres-types.ts';
import type { PostgresTransaction } from './postgres-transaction.ts';
import { quoteName } from './sql-text.ts';
import type { Relation } from './table-columns.ts';

/** What the database says about a table or query, and what may go wrong with the declared settings. */
export async function describeRelation(
  transaction: PostgresTransaction,
  relation: Relation,
  settings: TableSettings,
): Promise<TableDescription> {
  const { cursor, lookback } = settings;
  if (cursor !== undefined && !lookback) {
    const [server] = await transaction.query('SELECT pg_is_in_recovery() AS standby');
    if (server?.['standby'] === 't') throw standby();
  }
  const primaryKey = await findPrimaryKey(transaction, relation);
  const { rows, bytes } = await estimate(transaction, relation);
  const isKeyUnique = await findKeyUnique(transaction, relation, settings);
  return {
    columns: relation.columns.map((column) => ({
      name: column.name,
      databaseType: column.databaseType,
      columnType: toColumnWord(column),
      nullable: column.nullable,
    })),
    primaryKey,
    isKeyUnique,
    estimatedRows: rows,
    estimatedBytes: bytes,
    warnings: [
      ...(await warnOfCursor(transaction, relation, settings)),
      ...warnOfKey(relation, settings, isKeyUnique),
      ...(await warnOfMark(transaction, relation, settings)),
    ],
  };
}

async function findPrimaryKey(
  transaction: PostgresTransaction,
  { oid }: Relation,
): Promise<readonly string[]> {
  if (oid === undefined) return [];
  const rows = await transaction.query(
    `SELECT a.attname AS name
     FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place), pg_attribute a
     WHERE i.indrelid = $1 AND i.indisprimary AND place <= i.indnkeyatts
       AND a.attrelid = i.indrelid AND a.attnum = k.attnum
     ORDER BY place`,
    [oid],
  );
  return rows.map(({ name }) => name ?? '');
}

interface Plan {
  readonly 'Total Cost': number;
  readonly 'Plan Rows': number;
  readonly 'Plan Width': number;
}

async function explain(transaction: PostgresTransaction, sql: string): Promise<Plan | undefined> {
  const [row] = await transaction.query(`EXPLAIN (FORMAT JSON) ${sql}`);
  const text = row?.['QUERY PLAN'];
  if (text === null || text === undefined) return undefined;
  return (JSON.parse(text) as { Plan: Plan }[])[0]?.Plan;
}

/** The planner's estimate, which looks at the size of the files where statistics are old or missing. */
export async function estimateRows(transaction: PostgresTransaction, { from }: Relation): Promise<number> {
  return (await explain(transaction, `SELECT 1 FROM ${from}`))?.['Plan Rows'] ?? 0;
}

async function estimate(
  transaction: PostgresTransaction,
  relation: Relation,
): Promise<{ rows: number | undefined; bytes: number | undefined }> {
  const plan = await explain(transaction, `SELECT * FROM ${relation.from}`);
  if (plan === undefined) return { rows: undefined, bytes: undefined };
  return { rows: plan['Plan Rows'], bytes: plan['Plan Rows'] * plan['Plan Width'] };
}

/** Columns of the unique indexes, and the first columns of all, that serve every row. */
async function findIndexes(
  transaction: PostgresTransaction,
  oid: string,
): Promise<readonly { columns: readonly string[]; isUnique: boolean; isOrdered: boolean }[]> {
  const rows = await transaction.query(
    `SELECT i.indisunique AS is_unique, m.amname AS method,
       (SELECT json_agg(a.attname ORDER BY place)::text
        FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE place <= i.indnkeyatts) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
     WHERE i.indrelid = $1 AND i.indisvalid AND i.indpred IS NULL`,
    [oid],
  );
  return rows.map((row) => ({
    columns: JSON.parse(row['columns'] ?? '[]') as string[],
    isUnique: row['is_unique'] === 't',
    isOrdered: row['method'] === 'btree',
  }));
}

async function warnOfCursor(
  transaction: PostgresTransaction,
  relation: Relation,
  settings: TableSettings,
): Promise<readonly TableWarning[]> {
  const { cursor, key } = settings;
  const column = relation.columns.find(({ name }) => name === cursor);
  if (cursor === undefined || column === undefined) return [];
  const warnings: TableWarning[] = [];
  if (relation.oid !== undefined) {
    const indexes = await findIndexes(transaction, relation.oid);
    if (!indexes.some(({ columns, isOrdered }) => isOrdered && columns[0] === cursor)) {
      const names = [cursor, ...key].map(quoteName).join(', ');
      const plan = await explain(
        transaction,
        `SELECT 1 FROM ${relation.from} ORDER BY ${[cursor, ...key].map((name) => `t.${quoteName(name)}`).join(', ')}`,
      );
      const cost =
        plan === undefined
          ? ''
          : ` (cost ${plan['Total Cost'].toFixed(0)}, ${String(plan['Plan Rows'])} rows)`;
      warnings.push({
        code: 'DB_CURSOR_NO_INDEX',
        message:
          `no index begins with the cursor "${cursor}": every run reads and sorts the whole table${cost}. ` +
          `CREATE INDEX CONCURRENTLY ON ${String(settings.table)} (${names})`,
      });
    }
  }
  if (column.nullable && relation.oid !== undefined)
    warnings.push({
      code: 'DB_CURSOR_NULLABLE',
      message:
        `the cursor "${cursor}" may be null, and a row whose cursor is null would never be read: every run looks for ` +
        'them and stops if there is one. ALTER TABLE … ALTER COLUMN … SET NOT NULL saves that look',
    });
  const zone = await writersZone(transaction);
  if (column.type.name === 'timestamp' || column.type.name === 'date')
    warnings.push({
      code: 'DB_CURSOR_ZONE',
      message:
        `the cursor "${cursor}" is ${column.databaseType}, without a time zone: it is understood as a time of "${zone}", ` +
        'the zone of the database. Rows of sessions that set another one may be missed; timestamptz has no such trap, ' +
        'and `lookback` of a day covers it',
    });
  return warnings;
}

/** The time zone of sessions that set none; this one is in UTC. */
async function writersZone(transaction: PostgresTransaction): Promise<string> {
  const [row] = await transaction.query("SELECT reset_val AS zone FROM pg_settings WHERE name = 'TimeZone'");
  return row?.['zone'] ?? 'UTC';
}

async function findKeyUnique(
  transaction: PostgresTransaction,
  { oid }: Relation,
  { key, cursor }: TableSettings,
): Promise<boolean | undefined> {
  if (oid === undefined) return undefined;
  // A view has no indexes of its own.
  const [relation] = await transaction.query(
    "SELECT relkind IN ('r', 'p', 'm') AS stored FROM pg_class WHERE oid = $1",
    [oid],
  );
  if (relation?.['stored'] !== 't') return undefined;
  const indexes = await findIndexes(transaction, oid);
  return indexes.some(
    ({ isUnique, columns }) =>
      isUnique && columns.length > 0 && columns.every((name) => name === cursor || key.includes(name)),
  );
}

function warnOfKey(
  { columns }: Relation,
  settings: TableSettings,
  isKeyUnique: boolean | undefined,
): readonly TableWarning[] {
  const { key } = settings;
  if (isKeyUnique === undefined || key.length === 0) return [];
  const warnings: TableWarning[] = [];
  if (!isKeyUnique)
    warnings.push({ code: 'DB_KEY_NOT_UNIQUE', message: keyNotUnique(relationOf(settings), key).message });
  const nullable = columns.filter(({ name, nullable: isNullable }) => isNullable && key.includes(name));
  if (nullable.length > 0)
    warnings.push({
      code: 'DB_KEY_NULLABLE',
      message:
        `columns of the key may be null (${nullable.map(({ name }) => name).join(', ')}): ranges of the key are read ` +
        'without its index, and a null key stops reading by cursor',
    });
  return warnings;
}

/** Entries of a change log are marked once they have landed, which is the first write of a source. */
async function warnOfMark(
  transaction: PostgresTransaction,
  { oid }: Relation,
  { processed, table }: TableSettings,
): Promise<readonly TableWarning[]> {
  if (processed === undefined || oid === undefined) return [];
  const [row] = await transaction.query(
    `SELECT has_column_privilege(a.attrelid, a.attnum, 'UPDATE') AS may, current_user::text AS role
     FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped`,
    [oid, processed],
  );
  if (row === undefined || row['may'] === 't') return [];
  return [
    {
      code: 'DB_NO_MARK',
      message:
        `the role "${row['role'] ?? ''}" may not set "${processed}", so entries that have landed stay unprocessed: ` +
        `GRANT UPDATE (${quoteName(processed)}) ON ${String(table)} TO it`,
    },
  ];
}

/** Why numbers of a sequence do not grow with time; undefined when they do. */
export async function findSequenceProblem(
  transaction: PostgresTransaction,
  { oid }: Relation,
  column: string,
): Promise<{ reason: string; remedy: string } | undefined> {
  if (oid === undefined) return undefined;
  const [row] = await transaction.query(
    `SELECT s.seqrelid::regclass::text AS name, s.seqcache::text AS cache, s.seqincrement > 0 AS grows, s.seqcycle AS cycles
     FROM pg_attribute a
     JOIN pg_depend d ON (
       -- owned by the column, or an identity
       d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
     ) OR (
       -- used by its default
       d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.objid IN (SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum)
     )
     JOIN pg_sequence s ON s.seqrelid IN (d.objid, d.refobjid)
     WHERE a.attrelid = $1 AND a.attname = $2 AND (s.seqcache > 1 OR s.seqincrement < 0 OR s.seqcycle)
     LIMIT 1`,
    [oid, column],
  );
  if (row === undefined) return undefined;
  const name = row['name'] ?? '';
  if (row['grows'] !== 't' || row['cycles'] === 't')
    return {
      reason: `the sequence ${name} of the cursor "${column}" does not only grow`,
      remedy: `ALTER SEQUENCE ${name} INCREMENT 1 NO CYCLE, or choose a cursor that grows`,
    };
  return {
    reason:
      `the sequence ${name} of the cursor "${column}" has CACHE ${row['cache'] ?? ''}: each session keeps numbers and uses ` +
      'them later, behind what was read',
    remedy: `ALTER SEQUENCE ${name} CACHE 1 (and end the sessions that still keep some), or choose a time as the cursor`,
  };
}
