import { formatColumnType } from '../../domain/column-type.ts';
import type { Column, ColumnType } from '../../domain/contract.ts';
import { BlockedError, dispositionOf } from '../../domain/errors.ts';
import type {
  CursorPlace,
  KeyText,
  TableBatch,
  TableDescription,
  TableRead,
  TableSource,
} from '../../ports/table-source.ts';
import type { ColumnBatch } from '../../domain/column-batch.ts';
import { formatCell } from '../database/cell-text.ts';
import { readConnection, type ConnectionNeeds } from '../database/connection-values.ts';
import { createCursorOrder } from '../database/cursor-order.ts';
import {
  newColumn,
  noColumn,
  nullCursor,
  nullKey,
  timedOut,
  typeChanged,
} from '../database/table-failures.ts';
import { relationOf, toKeysOnly, type TableSettings } from '../database/table-settings.ts';
import { createCell } from './cell-decoders.ts';
import { toDatabaseColumn, toForm, toSelectSql, type DatabaseColumn } from './column-forms.ts';
import { openConnection, type MysqlConnection } from './connection.ts';
import { describeTable, hasSnapshots } from './describe-table.ts';
import { READ_MARK } from './read-activity.ts';
import { readBatches, type ReadColumn } from './read-batches.ts';
import { readHorizon } from './read-horizon.ts';
import {
  after,
  quoteName,
  quoteText,
  toLiteral,
  toReadSql,
  toRelationSql,
  type OrderedColumn,
  type ReadColumns,
} from './sql.ts';
import { translateError } from './translate-error.ts';

const DEFAULT_PORT = 3306;
/** Less is too little for any statement. */
const LEAST_MS = 100;
/** Entries that one statement marks. */
const MARK_AT_ONCE = 1000;

/** A table or query of a MySQL or MariaDB database; for what settings mean see `TableSettings`. */
export function createMysqlTableSource(settings: TableSettings, needs: ConnectionNeeds): TableSource {
  return new MysqlTableSource(settings, needs);
}

class MysqlTableSource implements TableSource {
  readonly #settings: TableSettings;
  readonly #needs: ConnectionNeeds;
  readonly #relation: string;
  #connection: MysqlConnection | undefined;
  #address = '';
  #user = '';

  constructor(settings: TableSettings, needs: ConnectionNeeds) {
    this.#settings = settings;
    this.#needs = needs;
    this.#relation = toRelationSql(settings);
  }

  describe(deadlineMs: number): Promise<TableDescription> {
    return this.#use(deadlineMs, (connection) =>
      describeTable(connection, this.#settings, this.#relation, (c) => this.#columnsOf(c)),
    );
  }

  readHorizon(request: {
    readonly former: string | undefined;
    readonly deadlineMs: number;
  }): ReturnType<TableSource['readHorizon']> {
    return this.#use(request.deadlineMs, (connection) => {
      const { cursor } = this.#settings;
      const type = this.#typeOf(cursor ?? '');
      return readHorizon(connection, {
        ...request,
        type,
        largestSql: `${READ_MARK} SELECT MAX(${quoteName(cursor ?? '')}) FROM ${this.#relation}`,
        user: this.#user,
      });
    });
  }

  planBoundaries(request: {
    readonly rowsPerSplit: number;
    readonly deadlineMs: number;
  }): Promise<readonly KeyText[]> {
    return this.#use(request.deadlineMs, async (connection) => {
      const { key } = this.#readColumns(await this.#columnsOf(connection));
      const boundaries: KeyText[] = [];
      if (key.length === 0) return boundaries;
      const names = this.#settings.key.map((name) => {
        // As the wire would have it; read as the text that literals are made of.
        return this.#typeOf(name).kind === 'bytes' ? `LOWER(HEX(${quoteName(name)}))` : quoteName(name);
      });
      const order = key.map(({ sql }) => sql).join(', ');
      for (;;) {
        const last = boundaries.at(-1);
        const where = last === undefined ? '' : ` WHERE ${after(key, last)}`;
        const [row] = await connection.query(
          `${READ_MARK} SELECT ${names.join(', ')} FROM ${this.#relation}${where} ORDER BY ${order} ` +
            `LIMIT 1 OFFSET ${String(request.rowsPerSplit - 1)}`,
        );
        if (row === undefined) return boundaries;
        if (row.includes(null)) throw nullKey(relationOf(this.#settings), this.#settings.key);
        boundaries.push(row.map((text, i) => this.#keyText(text ?? '', i)));
      }
    });
  }

  async *read(request: TableRead): AsyncGenerator<TableBatch> {
    const connection = await this.#ready(request.deadlineMs);
    let committed = false;
    const watchdog = setTimeout(
      () => {
        connection.destroy();
      },
      Math.max(LEAST_MS, request.deadlineMs - Date.now()),
    );
    try {
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      const present = await this.#columnsOf(connection);
      const columns = this.#planColumns(present, request);
      const readColumns = this.#readColumns(present);
      if (request.cursor !== undefined) await this.#checkNulls(connection, present, readColumns);
      const { where, orderBy } = toReadSql(readColumns, request);
      const select = columns.map(
        ({ name, form }) => `${toSelectSql(quoteName(name), form)} AS ${quoteName(name)}`,
      );
      const limit = request.maxRows === undefined ? '' : ` LIMIT ${String(request.maxRows)}`;
      const sql = `${READ_MARK} SELECT ${select.join(', ')} FROM ${this.#relation}${where}${orderBy}${limit}`;
      for await (const rows of readBatches(connection, sql, columns)) yield this.#toBatch(rows, request);
      if (request.onCounted !== undefined && (await hasSnapshots(connection, this.#settings)))
        request.onCounted(await this.#countRows(connection, where));
      await connection.query('COMMIT');
      committed = true;
    } catch (error) {
      if (Date.now() >= request.deadlineMs) throw timedOut(`reading ${relationOf(this.#settings)}`, error);
      throw this.#translate(error);
    } finally {
      clearTimeout(watchdog);
      // The snapshot ends with its connection, also where the reader has stopped early.
      if (!committed) connection.destroy();
    }
  }

  count(request: Pick<TableRead, 'cursor' | 'keys' | 'unprocessed' | 'deadlineMs'>): Promise<number> {
    return this.#use(request.deadlineMs, async (connection) => {
      const { where } = toReadSql(this.#readColumns(await this.#columnsOf(connection)), request);
      return this.#countRows(connection, where);
    });
  }

  before(cursor: string, lookbackMs: number): string {
    return createCursorOrder(this.#typeOf(this.#settings.cursor ?? '')).before(cursor, lookbackMs);
  }

  at(ms: number): string {
    return createCursorOrder(this.#typeOf(this.#settings.cursor ?? '')).at(ms);
  }

  compare(a: string, b: string): number {
    return createCursorOrder(this.#typeOf(this.#settings.cursor ?? '')).compare(a, b);
  }

  markProcessed(ids: readonly string[], deadlineMs: number): Promise<void> {
    return this.#use(deadlineMs, async (connection) => {
      const { cursor = '', processed = '' } = this.#settings;
      const type = this.#typeOf(cursor);
      const [id, mark] = [quoteName(cursor), quoteName(processed)];
      for (let i = 0; i < ids.length; i += MARK_AT_ONCE) {
        const literals = ids.slice(i, i + MARK_AT_ONCE).map((text) => toLiteral(text, type));
        await connection.query('START TRANSACTION READ WRITE');
        await connection.query(
          `UPDATE ${this.#relation} SET ${mark} = 1 WHERE ${id} IN (${literals.join(', ')}) ` +
            `AND (${mark} = 0 OR ${mark} IS NULL)`,
        );
        await connection.query('COMMIT');
      }
    });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.closed === false) await connection.end();
  }

  /** Runs something on the connection. One that fails is given up: it may stand in the middle of a transaction. */
  async #use<Result>(
    deadlineMs: number,
    run: (connection: MysqlConnection) => Promise<Result>,
  ): Promise<Result> {
    const connection = await this.#ready(deadlineMs);
    const watchdog = setTimeout(
      () => {
        connection.destroy();
      },
      Math.max(LEAST_MS, deadlineMs - Date.now()),
    );
    try {
      return await run(connection);
    } catch (error) {
      connection.destroy();
      if (Date.now() >= deadlineMs) throw timedOut(`a statement on ${relationOf(this.#settings)}`, error);
      throw this.#translate(error);
    } finally {
      clearTimeout(watchdog);
    }
  }

  async #ready(deadlineMs: number): Promise<MysqlConnection> {
    if (Date.now() >= deadlineMs) throw timedOut(`a statement on ${relationOf(this.#settings)}`);
    try {
      if (this.#connection?.closed !== false) this.#connection = await this.#open(deadlineMs);
      const left = Math.max(LEAST_MS, deadlineMs - Date.now());
      await this.#connection.limitStatements(Math.min(this.#settings.statementTimeoutMs, left));
      return this.#connection;
    } catch (error) {
      this.#connection?.destroy();
      throw this.#translate(error);
    }
  }

  async #open(deadlineMs: number): Promise<MysqlConnection> {
    const iam = this.#settings.connection.auth === 'iam';
    const open = async (maxAgeMs?: number): Promise<MysqlConnection> => {
      const values = await readConnection(this.#settings.connection, DEFAULT_PORT, this.#needs, maxAgeMs);
      this.#address = `${values.host}:${String(values.port)}`;
      this.#user = values.user;
      return openConnection(values, { iam, timeoutMs: Math.max(LEAST_MS, deadlineMs - Date.now()) });
    };
    try {
      return await open();
    } catch (error) {
      const refused = this.#translate(error);
      if (refused.code !== 'DB_LOGIN' || dispositionOf(refused) !== 'block') throw refused;
      // The password may have been rotated since it was read.
      return await open(0);
    }
  }

  async #countRows(connection: MysqlConnection, where: string): Promise<number> {
    const [[count] = []] = await connection.query(
      `${READ_MARK} SELECT COUNT(*) FROM ${this.#relation}${where}`,
    );
    return Number(count);
  }

  #translate(error: unknown): ReturnType<typeof translateError> {
    return translateError(error, {
      relation: relationOf(this.#settings),
      address: this.#address,
      user: this.#user,
    });
  }

  /** The columns of the table or query, in its order. */
  async #columnsOf(connection: MysqlConnection): Promise<readonly DatabaseColumn[]> {
    const { table, query } = this.#settings;
    if (query !== undefined || table === undefined) {
      const columns = await connection.columnsOf(`SELECT * FROM ${this.#relation} LIMIT 0`);
      return columns.map(toDatabaseColumn);
    }
    const [name = '', schema] = table.split('.').reverse();
    const rows = await connection.query(
      'SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE FROM information_schema.COLUMNS ' +
        `WHERE TABLE_SCHEMA = ${schema === undefined ? 'DATABASE()' : quoteText(schema)} AND TABLE_NAME = ${quoteText(name)} ` +
        'ORDER BY ORDINAL_POSITION',
    );
    // Without any the table does not exist or may not be read: the database says which.
    if (rows.length === 0) await connection.query(`SELECT 1 FROM ${this.#relation} LIMIT 0`);
    return rows.map(([column, dataType, columnType, nullable]) => ({
      name: column ?? '',
      databaseType: columnType ?? '',
      nullable: nullable === 'YES',
      ...toForm(dataType ?? '', columnType ?? ''),
    }));
  }

  /** What is selected: the declared columns in their order, then those of which nothing is declared. */
  #planColumns(all: readonly DatabaseColumn[], { keysOnly }: TableRead): readonly ReadColumn[] {
    const { settings, present } =
      keysOnly === true ? toKeysOnly(this.#settings, all) : { settings: this.#settings, present: all };
    const { columns, undeclared } = settings;
    const relation = relationOf(settings);
    const found = this.#match(columns, present);
    const changed = found.flatMap(({ declared, there }) =>
      createCell(declared.type, there.form) === undefined
        ? [
            {
              name: declared.name,
              declared: formatType(declared.type),
              databaseType: there.databaseType,
              columnType: there.columnType,
            },
          ]
        : [],
    );
    if (changed.length > 0) throw typeChanged(relation, changed);
    const names = new Set(columns.map(({ name }) => name));
    const others = present.filter(({ name }) => !names.has(name));
    if (undeclared === 'freeze' && others.length > 0)
      throw newColumn(
        relation,
        others.map(({ name }) => name),
      );
    return [
      ...found.map(({ declared, there }) => ({ name: declared.name, form: there.form, declared })),
      ...others.map(({ name, form }) => ({ name, form, declared: undefined })),
    ];
  }

  #match(
    columns: readonly Column[],
    present: readonly DatabaseColumn[],
  ): readonly { declared: Column; there: DatabaseColumn }[] {
    const byName = new Map(present.map((column) => [column.name, column]));
    const missing: string[] = [];
    const found = columns.flatMap((declared) => {
      const there = byName.get(declared.name);
      if (there === undefined) missing.push(declared.name);
      return there === undefined ? [] : [{ declared, there }];
    });
    if (missing.length > 0) throw noColumn(relationOf(this.#settings), missing, [...byName.keys()]);
    return found;
  }

  #readColumns(present: readonly DatabaseColumn[]): ReadColumns {
    const { cursor, key, processed } = this.#settings;
    const forms = new Map(present.map(({ name, form }) => [name, form]));
    const nullable = new Set(present.filter((column) => column.nullable).map(({ name }) => name));
    const toOrdered = (name: string): OrderedColumn => {
      const type = this.#typeOf(name);
      // ENUM and SET sort by their numbers and compare as text: as text only they do both alike.
      const sql =
        forms.get(name) === 'enum'
          ? `(CONVERT(${quoteName(name)} USING utf8mb4) COLLATE utf8mb4_bin)`
          : quoteName(name);
      // A binary(16) that is declared as uuid compares as bytes.
      const binary = type.kind === 'uuid' && forms.get(name) === 'bytes';
      return {
        sql,
        nullable: nullable.has(name),
        literal: (text) =>
          binary ? toLiteral(text.replaceAll('-', ''), { kind: 'bytes' }) : toLiteral(text, type),
      };
    };
    return {
      cursor: cursor === undefined ? undefined : toOrdered(cursor),
      key: key.map(toOrdered),
      processed: processed === undefined ? undefined : quoteName(processed),
    };
  }

  #typeOf(name: string): ColumnType {
    const column = this.#settings.columns.find((declared) => declared.name === name);
    if (column === undefined)
      throw new BlockedError(
        'DB_NO_COLUMN',
        `"${name}" is not declared in \`columns\`, and rows are read by it: declare it`,
      );
    return column.type;
  }

  /** Rows whose cursor or key is null would never be found by a comparison. */
  async #checkNulls(
    connection: MysqlConnection,
    present: readonly DatabaseColumn[],
    { cursor, key }: ReadColumns,
  ): Promise<void> {
    const nullable = new Set(present.filter((column) => column.nullable).map(({ name }) => name));
    const countNulls = async (sql: string): Promise<number> => {
      const [[count] = []] = await connection.query(
        `${READ_MARK} SELECT COUNT(*) FROM ${this.#relation} WHERE ${sql} IS NULL`,
      );
      return Number(count);
    };
    const name = this.#settings.cursor ?? '';
    const nulls = cursor !== undefined && nullable.has(name) ? await countNulls(cursor.sql) : 0;
    if (nulls > 0) throw nullCursor(relationOf(this.#settings), name, nulls);
    for (const [i, part] of this.#settings.key.entries())
      if (nullable.has(part) && (await countNulls(key[i]?.sql ?? 'NULL')) > 0)
        throw nullKey(relationOf(this.#settings), this.#settings.key);
  }

  #toBatch(rows: ColumnBatch, request: TableRead): TableBatch {
    if (request.unprocessed === true) {
      const ids = Array.from({ length: rows.rows }, (_, row) =>
        this.#cellText(rows, this.#settings.cursor ?? '', row),
      );
      return { rows, last: undefined, ids };
    }
    if (request.cursor === undefined) return { rows, last: undefined };
    const row = rows.rows - 1;
    const last: CursorPlace = {
      cursor: this.#cellText(rows, this.#settings.cursor ?? '', row),
      key: this.#settings.key.map((name) => this.#cellText(rows, name, row)),
    };
    return { rows, last };
  }

  #cellText(rows: ColumnBatch, name: string, row: number): string {
    const i = this.#settings.columns.findIndex((column) => column.name === name);
    const [data, column] = [rows.columns[i], this.#settings.columns[i]];
    const text = data === undefined || column === undefined ? undefined : formatCell(data, column.type, row);
    if (text !== undefined) return text;
    throw new BlockedError(
      'DB_CURSOR_NULL',
      `${relationOf(this.#settings)} has a row whose "${name}" is null, or holds a value that its declared type cannot ` +
        '(such as a zero date): rows are read by it, so it must hold one. Mend the row, or read by another column',
    );
  }

  /** A boundary in the text of the lake's types. */
  #keyText(text: string, i: number): string {
    const type = this.#typeOf(this.#settings.key[i] ?? '');
    return type.kind === 'boolean' ? String(text === '1') : text;
  }
}

function formatType(type: ColumnType): string {
  return type.kind === 'struct' ? 'json' : formatColumnType(type);
}
