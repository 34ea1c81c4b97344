import type { PostgresColumn } from './postgres-types.ts';
import { quoteTable } from './sql-text.ts';
import type { PostgresTransaction } from './postgres-transaction.ts';
import type { TableSettings } from '../database/table-settings.ts';

/** A table or query as it is now. */
export interface Relation {
  /** What stands behind FROM, with its alias `t`. */
  readonly from: string;
  /** OID of a table or view; undefined for a query. */
  readonly oid: string | undefined;
  readonly columns: readonly PostgresColumn[];
}

/**
 * Looks at the table or query, and locks it against changes of its columns until the transaction ends: the types that
 * are found here are those that are read.
 */
export async function findRelation(
  transaction: PostgresTransaction,
  { table, query }: Pick<TableSettings, 'table' | 'query'>,
): Promise<Relation> {
  if (query !== undefined) {
    const from = `(${query}\n) AS t`;
    const fields = await transaction.fieldsOf(`SELECT * FROM ${from} LIMIT 0`);
    const columns = await toColumns(
      transaction,
      fields.map(({ name, typeId, modifier }) => ({
        ...{ name, modifier },
        typeId: String(typeId),
        nullable: true,
        dimensions: 0,
      })),
    );
    return { from, oid: undefined, columns };
  }
  const name = quoteTable(table ?? '');
  // Before the first statement that takes a snapshot: one that is older than a TRUNCATE or an ALTER TABLE that is waited
  // for would see an empty table.
  await transaction.query(`LOCK TABLE ${name} IN ACCESS SHARE MODE`);
  const rows = await transaction.query(
    `SELECT a.attrelid::text AS oid, a.attname AS name, a.atttypid::text AS type_id, a.atttypmod::text AS modifier,
       NOT a.attnotnull AS nullable, a.attndims::text AS dimensions
     FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [name],
  );
  const columns = await toColumns(
    transaction,
    rows.map((row) => ({
      name: row['name'] ?? '',
      typeId: row['type_id'] ?? '',
      modifier: Number(row['modifier']),
      nullable: row['nullable'] === 't',
      dimensions: Number(row['dimensions']),
    })),
  );
  const [first] = await transaction.query('SELECT $1::regclass::oid::text AS oid', [name]);
  return { from: `${name} AS t`, oid: first?.['oid'] ?? undefined, columns };
}

interface RawColumn {
  readonly name: string;
  readonly typeId: string;
  readonly modifier: number;
  readonly nullable: boolean;
  readonly dimensions: number;
}

/** Domains are followed to their base type, arrays to their elements. */
const TYPES = `
  WITH RECURSIVE
  declared AS (
    SELECT * FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS x (type_id, modifier, i)
  ),
  steps AS (
    SELECT i, type_id, modifier, 0 AS depth FROM declared
    UNION ALL
    SELECT i, typbasetype, typtypmod, depth + 1 FROM steps JOIN pg_type ON oid = type_id WHERE typtype = 'd'
  ),
  base AS (SELECT DISTINCT ON (i) i, type_id, modifier FROM steps ORDER BY i, depth DESC),
  element_steps AS (
    SELECT i, typelem AS type_id, modifier, 0 AS depth
    FROM base JOIN pg_type ON oid = type_id WHERE typcategory = 'A' AND typelem <> 0
    UNION ALL
    SELECT i, typbasetype, typtypmod, depth + 1 FROM element_steps JOIN pg_type ON oid = type_id WHERE typtype = 'd'
  ),
  element AS (SELECT DISTINCT ON (i) i, type_id, modifier FROM element_steps ORDER BY i, depth DESC)
  SELECT format_type(d.type_id, d.modifier) AS shown, format_type(b.type_id, -1) AS cast_type,
    NAME(b) AS name, bt.typtype AS kind, b.modifier::text AS modifier,
    NAME(e) AS element, et.typtype AS element_kind, e.modifier::text AS element_modifier
  FROM declared d
  JOIN base b USING (i) JOIN pg_type bt ON bt.oid = b.type_id JOIN pg_namespace bn ON bn.oid = bt.typnamespace
  LEFT JOIN element e USING (i) LEFT JOIN pg_type et ON et.oid = e.type_id
  LEFT JOIN pg_namespace en ON en.oid = et.typnamespace
  ORDER BY i`.replaceAll(
  /NAME\((.)\)/g,
  // Others may have a type of their own with such a name.
  "CASE WHEN $1t.oid IS NULL THEN NULL WHEN $1n.nspname = 'pg_catalog' OR $1t.typname = 'hstore' THEN $1t.typname ELSE 'other' END",
);

async function toColumns(
  transaction: PostgresTransaction,
  columns: readonly RawColumn[],
): Promise<readonly PostgresColumn[]> {
  const rows = await transaction.query(TYPES, [
    columns.map(({ typeId }) => typeId),
    columns.map(({ modifier }) => modifier),
  ]);
  return columns.map(({ name, nullable, dimensions }, i) => {
    const row = rows[i] ?? {};
    const { element } = row;
    return {
      ...{ name, nullable, dimensions },
      databaseType: row['shown'] ?? '',
      castType: row['cast_type'] ?? '',
      type: { name: row['name'] ?? 'other', kind: row['kind'] ?? '', modifier: Number(row['modifier']) },
      element:
        element === null || element === undefined
          ? undefined
          : {
              name: element,
              kind: row['element_kind'] ?? '',
              modifier: Number(row['element_modifier']),
            },
    };
  });
}
