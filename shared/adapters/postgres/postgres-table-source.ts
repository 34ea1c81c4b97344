import type { ColumnBatch } from '../../domain/column-batch.ts';
import type { ColumnType } from '../../domain/contract.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  CursorPlace,
  Horizon,
  KeyText,
  TableBatch,
  TableDescription,
  TableRead,
  TableSource,
} from '../../ports/table-source.ts';
import { formatCell } from '../database/cell-text.ts';
import { readConnection, type ConnectionNeeds } from '../database/connection-values.ts';
import { createCursorOrder, type CursorOrder } from '../database/cursor-order.ts';
import { noHorizon, nullCursor, nullKey } from '../database/table-failures.ts';
import { relationOf, toKeysOnly, type TableSettings } from '../database/table-settings.ts';
import { CopyDecoder } from './copy-decoder.ts';
import { describeRelation, findSequenceProblem } from './describe-relation.ts';
import { readPostgresHorizon } from './postgres-horizon.ts';
import { PostgresSessions, type TransactionMode } from './postgres-session.ts';
import type { PostgresTransaction } from './postgres-transaction.ts';
import { sampleBoundaries } from './sample-boundaries.ts';
import { quoteName, quoteTable } from './sql-text.ts';
import { findRelation, type Relation } from './table-columns.ts';
import { planSelect, RowOrder, type SelectPlan } from './table-statement.ts';

const DEFAULT_PORT = 5432;
/** Ids that one statement marks. */
const MARK_ROWS = 10_000;

export interface PostgresNeeds extends ConnectionNeeds {
  readonly clock: Clock;
}

/** A table or query of PostgreSQL; rows come by binary COPY, straight into columns. */
export class PostgresTableSource implements TableSource {
  readonly #settings: TableSettings;
  readonly #clock: Clock;
  readonly #sessions: PostgresSessions;
  readonly #types: ReadonlyMap<string, ColumnType>;
  #order: CursorOrder | undefined;

  constructor(settings: TableSettings, needs: PostgresNeeds) {
    this.#settings = settings;
    this.#clock = needs.clock;
    this.#types = new Map(settings.columns.map(({ name, type }) => [name, type]));
    this.#sessions = new PostgresSessions({
      connect: (fresh) => readConnection(settings.connection, DEFAULT_PORT, needs, fresh ? 0 : undefined),
      applicationName: `headgate/${settings.name}`,
      statementTimeoutMs: settings.statementTimeoutMs,
      relation: relationOf(settings),
      clock: needs.clock,
    });
  }

  describe(deadlineMs: number): Promise<TableDescription> {
    return this.#reading(deadlineMs, async (transaction) =>
      describeRelation(transaction, await this.#find(transaction), this.#settings),
    );
  }

  async readHorizon({
    former,
    deadlineMs,
  }: {
    readonly former: string | undefined;
    readonly deadlineMs: number;
  }): Promise<Horizon> {
    const cursor = this.#cursor();
    return readPostgresHorizon(
      {
        cursor,
        type: this.#typeOf(cursor),
        order: this.#cursorOrder(),
        clock: this.#clock,
        deadlineMs,
        transaction: (run) =>
          this.#sessions.transaction({ access: 'read', isolation: 'read committed', deadlineMs }, run),
        readNext: () => this.#readNext(cursor, deadlineMs),
      },
      former,
    );
  }

  planBoundaries({
    rowsPerSplit,
    deadlineMs,
  }: {
    readonly rowsPerSplit: number;
    readonly deadlineMs: number;
  }): Promise<readonly KeyText[]> {
    if (this.#settings.key.length === 0) return Promise.resolve([]);
    return this.#reading(deadlineMs, async (transaction) => {
      const relation = await this.#find(transaction);
      return sampleBoundaries(transaction, relation, new RowOrder(this.#settings, relation), rowsPerSplit);
    });
  }

  async *read(request: TableRead): AsyncGenerator<TableBatch, void, undefined> {
    const mode = this.#readMode(request.deadlineMs);
    const transaction = await this.#sessions.begin(mode);
    let isOver = false;
    try {
      const relation = await this.#find(transaction);
      const order = new RowOrder(this.#settings, relation);
      const { select, fields } = this.#planSelect(relation, request);
      await this.#refuseNulls(transaction, relation, order, request);
      const { where, orderBy } = order.clauses(request);
      const limit = request.maxRows === undefined ? '' : ` LIMIT ${String(Math.ceil(request.maxRows))}`;
      const decoder = new CopyDecoder(fields);
      const sql = `COPY (SELECT ${select} FROM ${relation.from}${where}${orderBy}${limit}) TO STDOUT (FORMAT binary)`;
      for await (const chunk of transaction.copy(sql))
        for (const batch of decoder.push(chunk)) yield this.#toBatch(batch, request);
      const last = decoder.end();
      if (last !== undefined) yield this.#toBatch(last, request);
      if (request.onCounted !== undefined && this.#settings.query === undefined)
        request.onCounted(await countRows(transaction, relation, where));
      await transaction.end();
      isOver = true;
    } catch (error) {
      throw this.#sessions.translate(error, request.deadlineMs);
    } finally {
      if (!isOver) transaction.abandon();
    }
  }

  count(request: Pick<TableRead, 'cursor' | 'keys' | 'unprocessed' | 'deadlineMs'>): Promise<number> {
    return this.#reading(request.deadlineMs, async (transaction) => {
      const relation = await this.#find(transaction);
      const { where } = new RowOrder(this.#settings, relation).clauses(request);
      return countRows(transaction, relation, where);
    });
  }

  before(cursor: string, lookbackMs: number): string {
    return this.#cursorOrder().before(cursor, lookbackMs);
  }

  at(ms: number): string {
    return this.#cursorOrder().at(ms);
  }

  compare(a: string, b: string): number {
    return this.#cursorOrder().compare(a, b);
  }

  async markProcessed(ids: readonly string[], deadlineMs: number): Promise<void> {
    const { table, processed } = this.#settings;
    if (table === undefined || processed === undefined)
      throw new RangeError('only entries of a change log with `processed` are marked');
    const id = quoteName(this.#cursor());
    const column = quoteName(processed);
    const isBoolean = this.#types.get(processed)?.kind === 'boolean';
    const [done, isDone] = isBoolean
      ? ['true', `${column} IS NOT TRUE`]
      : ['1', `${column} IS DISTINCT FROM 1`];
    for (let i = 0; i < ids.length; i += MARK_ROWS) {
      // In one order, so that two runs do not wait for each other.
      const some = ids.slice(i, i + MARK_ROWS).map(BigInt);
      some.sort((a, b) => (a < b ? -1 : Number(a > b)));
      await this.#sessions.transaction(
        { access: 'write', isolation: 'read committed', deadlineMs },
        async (transaction) => {
          await transaction.query(
            `UPDATE ${quoteTable(table)} SET ${column} = ${done} WHERE ${id} = ANY ($1::bigint[]) AND ${isDone}`,
            [some.map(String)],
          );
        },
      );
    }
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  #readMode(deadlineMs: number): TransactionMode {
    // A table is locked before the snapshot is taken. That of a query is not, so its one statement takes its own, after
    // the types were looked at (and what they stand on was locked).
    const isolation = this.#settings.query === undefined ? 'repeatable read' : 'read committed';
    return { access: 'read', isolation, deadlineMs };
  }

  #reading<Result>(
    deadlineMs: number,
    run: (transaction: PostgresTransaction) => Promise<Result>,
  ): Promise<Result> {
    return this.#sessions.transaction(this.#readMode(deadlineMs), run);
  }

  #planSelect(relation: Relation, { keysOnly }: TableRead): SelectPlan {
    if (keysOnly !== true) return planSelect(this.#settings, relation);
    const { settings, present } = toKeysOnly(this.#settings, relation.columns);
    return planSelect(settings, { ...relation, columns: present });
  }

  #find(transaction: PostgresTransaction): Promise<Relation> {
    return findRelation(transaction, this.#settings);
  }

  #cursor(): string {
    const { cursor } = this.#settings;
    if (cursor === undefined) throw new RangeError('this source is not read by cursor');
    return cursor;
  }

  #typeOf(name: string): ColumnType {
    const type = this.#types.get(name);
    if (type === undefined) throw new RangeError(`the column ${name} is not declared`);
    return type;
  }

  #cursorOrder(): CursorOrder {
    return (this.#order ??= createCursorOrder(this.#typeOf(this.#cursor())));
  }

  async #readNext(cursor: string, deadlineMs: number): Promise<string | undefined> {
    return this.#reading(deadlineMs, async (transaction) => {
      const relation = await this.#find(transaction);
      const problem = await findSequenceProblem(transaction, relation, cursor);
      if (problem !== undefined) throw noHorizon(problem.reason, problem.remedy);
      const column = new RowOrder(this.#settings, relation).tuple([cursor]);
      const [row] = await transaction.query(
        `SELECT (floor(max(${column})::numeric) + 1)::text AS next FROM ${relation.from}`,
      );
      const next = row?.['next'] ?? undefined;
      // NaN and infinity are greater than every number.
      if (next !== undefined && !/^-?\d+$/.test(next)) throw this.#badValue(cursor);
      return next;
    });
  }

  /** Rows that no read by cursor would return. */
  async #refuseNulls(
    transaction: PostgresTransaction,
    relation: Relation,
    order: RowOrder,
    { cursor }: TableRead,
  ): Promise<void> {
    if (cursor === undefined) return;
    const name = this.#cursor();
    const whereNull = (names: readonly string[]): string =>
      ` WHERE ${names.map((column) => `${order.tuple([column])} IS NULL`).join(' OR ')}`;
    const exists = async (names: readonly string[]): Promise<boolean> => {
      if (names.length === 0) return false;
      const rows = await transaction.query(
        `SELECT 1 AS one FROM ${relation.from}${whereNull(names)} LIMIT 1`,
      );
      return rows.length > 0;
    };
    if (await exists(order.nullable([name])))
      throw nullCursor(
        relationOf(this.#settings),
        name,
        await countRows(transaction, relation, whereNull([name])),
      );
    if (await exists(order.nullable(order.key))) throw nullKey(relationOf(this.#settings), order.key);
  }

  #toBatch(rows: ColumnBatch, { cursor, unprocessed }: TableRead): TableBatch {
    return {
      rows,
      last: cursor === undefined ? undefined : this.#placeOf(rows, rows.rows - 1),
      ...(unprocessed === true ? { ids: this.#idsOf(rows) } : {}),
    };
  }

  #placeOf(rows: ColumnBatch, row: number): CursorPlace {
    const [cursor = '', ...key] = [this.#cursor(), ...this.#settings.key].map((name) =>
      this.#cellText(rows, name, row),
    );
    return { cursor, key };
  }

  #idsOf(rows: ColumnBatch): readonly string[] {
    const name = this.#cursor();
    return Array.from({ length: rows.rows }, (_, row) => this.#cellText(rows, name, row));
  }

  #cellText(rows: ColumnBatch, name: string, row: number): string {
    const i = this.#settings.columns.findIndex((column) => column.name === name);
    const column = rows.columns[i];
    const text = column && formatCell(column, this.#typeOf(name), row);
    if (text !== undefined) return text;
    throw this.#badValue(name);
  }

  #badValue(name: string): BlockedError {
    return new BlockedError(
      'DB_CURSOR_VALUE',
      `${relationOf(this.#settings)} has a row whose "${name}" is infinite, not a number or too large for its declared ` +
        'type, so no place in the table can be named by it: correct the row, declare a larger type, or leave such ' +
        'rows out by a `query`',
    );
  }
}

async function countRows(
  transaction: PostgresTransaction,
  relation: Relation,
  where: string,
): Promise<number> {
  const [row] = await transaction.query(`SELECT count(*)::text AS rows FROM ${relation.from}${where}`);
  return Number(row?.['rows']);
}
