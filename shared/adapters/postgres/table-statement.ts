import type { ColumnType } from '../../domain/contract.ts';
import type { KeyText, TableRead } from '../../ports/table-source.ts';
import { newColumn, noColumn, typeChanged, type ChangedType } from '../database/table-failures.ts';
import { relationOf, type TableSettings } from '../database/table-settings.ts';
import type { CopyField } from './copy-decoder.ts';
import { planColumn, toColumnWord, type PostgresColumn } from './postgres-types.ts';
import { quoteName, quoteText } from './sql-text.ts';
import type { Relation } from './table-columns.ts';
import { formatColumnType } from '../../domain/column-type.ts';

const ALIAS = 't';

/** The rows that are asked for, of `cursor`, `keys` and `unprocessed`. */
export type RowChoice = Pick<TableRead, 'cursor' | 'keys' | 'unprocessed'>;

/** What is selected, and how the rows are decoded. */
export interface SelectPlan {
  readonly select: string;
  readonly fields: readonly CopyField[];
}

/**
 * Selects the declared columns, in their order, and the others as one JSON object.
 *
 * @throws BlockedError when the table is not what the source declares: `DB_NO_COLUMN`, `DB_TYPE_CHANGED`,
 *   `DB_NEW_COLUMN`
 */
export function planSelect(settings: TableSettings, { columns }: Relation): SelectPlan {
  const present = new Map(columns.map((column) => [column.name, column]));
  const missing = settings.columns.filter(({ name }) => !present.has(name));
  if (missing.length > 0)
    throw noColumn(
      relationOf(settings),
      missing.map(({ name }) => name),
      [...present.keys()],
    );
  const declared = new Set(settings.columns.map(({ name }) => name));
  const undeclared = columns.filter(({ name }) => !declared.has(name));
  if (undeclared.length > 0 && settings.undeclared === 'freeze')
    throw newColumn(
      relationOf(settings),
      undeclared.map(({ name }) => name),
    );
  const changed: ChangedType[] = [];
  const expressions: string[] = [];
  const fields: CopyField[] = [];
  for (const { name, type } of settings.columns) {
    const column = present.get(name) as PostgresColumn;
    const plan = planColumn(column, type, ALIAS);
    if (plan === undefined) changed.push(toChanged(column, type));
    else {
      expressions.push(...plan.expressions);
      fields.push(...plan.fields);
    }
  }
  if (changed.length > 0) throw typeChanged(relationOf(settings), changed);
  if (undeclared.length > 0) {
    expressions.push(toExtra(undeclared));
    fields.push({ role: 'extra' });
  }
  return { select: expressions.join(', '), fields };
}

function toChanged(column: PostgresColumn, type: ColumnType): ChangedType {
  return {
    name: column.name,
    declared: type.kind === 'struct' ? 'a struct' : formatColumnType(type),
    databaseType: column.databaseType,
    columnType: toColumnWord(column),
  };
}

/** One JSON object of columns; null when all of them are. */
function toExtra(columns: readonly PostgresColumn[]): string {
  const names = columns.map(({ name }) => `${ALIAS}.${quoteName(name)}`);
  const nothing = names.map((name) => `${name} IS NOT DISTINCT FROM NULL`).join(' AND ');
  return `CASE WHEN ${nothing} THEN NULL ELSE (SELECT row_to_json(x)::text FROM (SELECT ${names.join(', ')}) AS x) END`;
}

/** Columns that rows are ordered and divided by. */
export class RowOrder {
  readonly #settings: TableSettings;
  readonly #columns: ReadonlyMap<string, PostgresColumn>;

  constructor(settings: TableSettings, { columns }: Relation) {
    this.#settings = settings;
    this.#columns = new Map(columns.map((column) => [column.name, column]));
    const needed = [
      ...this.key,
      ...[settings.cursor, settings.processed].filter((name) => name !== undefined),
    ];
    const missing = needed.filter((name) => !this.#columns.has(name));
    if (missing.length > 0) throw noColumn(relationOf(settings), missing, [...this.#columns.keys()]);
  }

  get key(): readonly string[] {
    return this.#settings.key;
  }

  /** Names of the given columns that may be null. */
  nullable(names: readonly string[]): readonly string[] {
    return names.filter((name) => this.#columns.get(name)?.nullable === true);
  }

  /** `(t."a", t."b")`, or the one column. Their own collation counts, in comparisons and in ORDER BY. */
  tuple(names: readonly string[]): string {
    const all = names.map((name) => `${ALIAS}.${quoteName(name)}`);
    return all.length === 1 ? (all[0] as string) : `(${all.join(', ')})`;
  }

  /** Values of these columns, as they are compared: cast to the column's type, so that an index serves. */
  values(names: readonly string[], texts: readonly string[]): string {
    const all = names.map((name, i) => {
      const column = this.#columns.get(name);
      const text = texts[i] ?? '';
      const isBytes = column?.type.name === 'bytea';
      return `${quoteText(isBytes ? `\\x${text}` : text)}::${column?.castType ?? 'text'}`;
    });
    return all.length === 1 ? (all[0] as string) : `(${all.join(', ')})`;
  }

  /** WHERE and ORDER BY of the rows that are asked for. */
  clauses({ cursor, keys, unprocessed }: RowChoice): { where: string; orderBy: string } {
    const conditions: string[] = [];
    const order: string[] = [];
    const name = this.#settings.cursor;
    if (cursor !== undefined && name !== undefined) {
      order.push(name, ...this.key);
      const { from, to, until } = cursor;
      if (from?.key !== undefined)
        conditions.push(
          `${this.tuple([name, ...this.key])} > ${this.values([name, ...this.key], [from.cursor, ...from.key])}`,
        );
      else if (from !== undefined)
        conditions.push(`${this.tuple([name])} >= ${this.values([name], [from.cursor])}`);
      if (to?.key !== undefined)
        conditions.push(
          `${this.tuple([name, ...this.key])} <= ${this.values([name, ...this.key], [to.cursor, ...to.key])}`,
        );
      for (const bound of [to?.key === undefined ? to?.cursor : undefined, until])
        if (bound !== undefined) conditions.push(`${this.tuple([name])} < ${this.values([name], [bound])}`);
    }
    if (keys !== undefined) conditions.push(...this.#inRange(keys));
    if (unprocessed === true && this.#settings.processed !== undefined) {
      conditions.push(this.#isUnprocessed(this.#settings.processed));
      if (name !== undefined) order.push(name);
    }
    return {
      where: conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`,
      orderBy:
        order.length === 0
          ? ''
          : ` ORDER BY ${[...new Set(order)].map((column) => this.tuple([column])).join(', ')}`,
    };
  }

  #inRange({ from, to }: { from: KeyText | undefined; to: KeyText | undefined }): string[] {
    const tuple = this.tuple(this.key);
    const conditions: string[] = [];
    if (from !== undefined) conditions.push(`${tuple} > ${this.values(this.key, from)}`);
    if (to === undefined) return conditions;
    const limit = this.values(this.key, to);
    // A key with a null is neither after nor before: it goes into the first range that does not lie before it, so that
    // every row is in exactly one.
    const below =
      this.nullable(this.key).length > 0 ? `(${tuple} > ${limit}) IS NOT TRUE` : `${tuple} <= ${limit}`;
    return [...conditions, below];
  }

  #isUnprocessed(name: string): string {
    const column = this.tuple([name]);
    const isNew = this.#columns.get(name)?.type.name === 'bool' ? `${column} = false` : `${column} = 0`;
    // An entry that says nothing is not processed either.
    return this.nullable([name]).length > 0 ? `(${isNew} OR ${column} IS NULL)` : isNew;
  }
}
