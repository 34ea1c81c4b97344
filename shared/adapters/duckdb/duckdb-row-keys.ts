import duckdb from '@duckdb/node-bindings';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DatabaseSourceConfig } from '../../config/schema.ts';
import type { ColumnBatch } from '../../domain/column-batch.ts';
import type { Column } from '../../domain/contract.ts';
import { BlockedError, HeadgateError, TransientError } from '../../domain/errors.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ComparedKeys, CompareRequest, GatheredKeys, KeyFile, RowKeys } from '../../ports/row-keys.ts';
import { quoteName, quoteText, toWrittenType } from './column-sql.ts';
import type { LakeFiles } from './duckdb-landed-rows.ts';
import { failureKindOf, type DuckDbSession, type OpenDuckDb } from './duckdb-session.ts';
import { KeyBatches, toKeyItem } from './key-batch.ts';
import { ScratchFile } from './scratch-file.ts';

/** Rows of one key file that are gathered from the lake. */
const MAX_GATHERED_ROWS = 1_500_000;
/** Rows of one batch. */
const BATCH_ROWS = 50_000;

/** Compares keys with DuckDB. Its tables take a share of them at a time, and what is too much for its memory goes to `/tmp`. */
export class DuckDbRowKeys implements RowKeys {
  /** Shares are made by a hash of DuckDB's own. */
  readonly version = `duckdb ${duckdb.library_version()}`;
  readonly #session: DuckDbSession;
  readonly #files: LakeFiles;
  readonly #clock: Pick<Clock, 'nowMs'>;

  /** @param session may be that of a `DuckDbColumnWriter`: they take turns */
  constructor(session: DuckDbSession, files: LakeFiles, clock: Pick<Clock, 'nowMs'>) {
    this.#session = session;
    this.#files = files;
    this.#clock = clock;
  }

  async list({ name }: Source<DatabaseSourceConfig>): Promise<readonly string[]> {
    const prefix = prefixOf(name);
    return (await this.#files.list(prefix)).map((key) => key.slice(prefix.length));
  }

  async gather(
    source: Source<DatabaseSourceConfig>,
    names: readonly string[],
    untilMs: number,
  ): Promise<GatheredKeys> {
    return await this.#run(source, ['gathered'], async (keys) => {
      await keys.create('gathered', '_received_at TIMESTAMPTZ, _op VARCHAR');
      let files = 0;
      let newestMs: number | undefined;
      for (const name of names) {
        if (
          files > 0 &&
          (this.#clock.nowMs() >= untilMs || (await keys.count('gathered')) > MAX_GATHERED_ROWS)
        )
          break;
        newestMs = later(newestMs, await this.#gatherFile(keys, source, name));
        files++;
      }
      const newest = `SELECT ${keys.names}, max(_received_at) AS _received_at, _op FROM gathered GROUP BY ${keys.names}, _op`;
      return { files, newestMs, ...(await keys.write(newest)) };
    });
  }

  async compare(
    source: Source<DatabaseSourceConfig>,
    { lake, table, share: { number, of } }: CompareRequest,
  ): Promise<ComparedKeys> {
    return await this.#run(source, ['known', 'present', 'living'], async (keys) => {
      await keys.create('known', '_received_at TIMESTAMPTZ, _op VARCHAR');
      await keys.create('present');
      const isInShare = of === 1 ? '' : ` WHERE hash(${keys.names}) % ${String(of)} = ${String(number)}`;
      for (const file of lake)
        await keys.load(
          file,
          (read) => `INSERT INTO known SELECT ${keys.names}, _received_at, _op FROM ${read}${isInShare}`,
        );
      for (const file of table)
        await keys.load(file, (read) => `INSERT INTO present SELECT ${keys.names} FROM ${read}${isInShare}`);
      // A row that the former inventory has found alive has no time, and no delete that would be newer.
      await keys.connection.run(
        `CREATE TEMP TABLE living AS SELECT ${keys.names} FROM known GROUP BY ${keys.names}
         HAVING count(*) FILTER (_op IS NULL) > 0 AND (count(*) FILTER (_op IS NOT NULL) = 0
           OR max(_received_at) FILTER (_op IS NULL) > max(_received_at) FILTER (_op IS NOT NULL))`,
      );
      const none = 'CAST(NULL AS TIMESTAMPTZ) AS _received_at, CAST(NULL AS VARCHAR) AS _op';
      const those = (join: 'SEMI' | 'ANTI'): string =>
        `SELECT ${keys.names}, ${none} FROM living ${join} JOIN present USING (${keys.names})`;
      return { alive: await keys.write(those('SEMI')), gone: await keys.write(those('ANTI')) };
    });
  }

  async rowsOf(
    source: Source<DatabaseSourceConfig>,
    { keys: file, without }: { readonly keys: KeyFile; readonly without: readonly KeyFile[] },
  ): Promise<readonly ColumnBatch[]> {
    return await this.#run(source, ['gone', 'landed'], async (keys) => {
      await keys.create('gone');
      await keys.load(file, (read) => `INSERT INTO gone SELECT ${keys.names} FROM ${read}`);
      await keys.create('landed');
      const isSame = keys.columns.map(({ name }) => `gone.${quoteName(name)} = landed.${quoteName(name)}`);
      for (const landed of without) {
        // Joined with the file itself, DuckDB leaves out parts of it by their smallest and largest value, which know no NaN.
        await keys.load(landed, (read) => `INSERT INTO landed SELECT ${keys.names} FROM ${read}`);
        await keys.connection.run(`DELETE FROM gone USING landed WHERE ${isSame.join(' AND ')}`);
        await keys.connection.run('DELETE FROM landed');
      }
      return await keys.batches('gone', source.contract.columns);
    });
  }

  /** Adds the newest row of each key of a file. @returns the newest `_received_at` of all rows, ms */
  async #gatherFile(
    keys: KeyTables,
    source: Source<DatabaseSourceConfig>,
    name: string,
  ): Promise<number | undefined> {
    const key = prefixOf(source.name) + name;
    const bytes = await this.#files.read(key);
    if (bytes === undefined) {
      throw new TransientError(
        'OBJECT_VANISHED',
        `${key} was there and is gone while it was looked up; it is tried again`,
      );
    }
    return await keys.gather(bytes);
  }

  async #run<Result>(
    source: Source<DatabaseSourceConfig>,
    tables: readonly string[],
    step: (keys: KeyTables) => Promise<Result>,
  ): Promise<Result> {
    return await this.#session.run(async (duckDb) => {
      const keys = new KeyTables(duckDb, source);
      try {
        return await step(keys);
      } catch (cause) {
        if (cause instanceof HeadgateError) throw cause;
        const kind = failureKindOf(cause);
        if (kind === 'Conversion Error') {
          throw new BlockedError(
            'KEYS_NOT_COMPARABLE',
            `the lake has keys of source ${source.name} that are no values of the declared types ; declare the types that they had, or remove \`deletes\``,
            { cause },
          );
        }
        throw new TransientError('KEYS_NOT_COMPARED', `DuckDB could not compare keys: ${kind}`, { cause });
      } finally {
        for (const table of tables) await duckDb.connection.run(`DROP TABLE IF EXISTS ${table}`);
        keys.close();
      }
    });
  }
}

const prefixOf = (source: string): string => `raw/${source}/`;

const later = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;

/** Tables in DuckDB whose columns are those of a source's key. */
class KeyTables {
  readonly connection: DuckDBConnection;
  readonly columns: readonly Column[];
  /** The columns, as SQL. */
  readonly names: string;
  readonly #duckDb: OpenDuckDb;
  readonly #scratch: ScratchFile;

  constructor(duckDb: OpenDuckDb, { name, config, contract }: Source<DatabaseSourceConfig>) {
    this.#duckDb = duckDb;
    this.connection = duckDb.connection;
    this.columns = config.key.map((key) => {
      const column = contract.columns.find((each) => each.name === key);
      if (column !== undefined) return column;
      throw new BlockedError(
        'KEYS_NOT_COMPARABLE',
        `sources.${name}.key: ${JSON.stringify(key)} is not declared`,
      );
    });
    this.names = this.columns.map((column) => quoteName(column.name)).join(', ');
    this.#scratch = new ScratchFile(duckDb.directory, 'keys.parquet');
  }

  async create(table: string, others?: string): Promise<void> {
    const columns = this.columns.map(({ name, type }) => `${quoteName(name)} ${toWrittenType(type)}`);
    await this.connection.run(
      `CREATE TEMP TABLE ${table} (${[...columns, ...(others === undefined ? [] : [others])].join(', ')})`,
    );
  }

  async count(table: string): Promise<number> {
    const [[count] = []] = (await this.connection.runAndReadAll(`SELECT count(*) FROM ${table}`)).getRows();
    return Number(count);
  }

  /** Runs a statement over a key file. */
  async load(file: KeyFile, statement: (read: string) => string): Promise<void> {
    const read = this.#open(await file());
    await this.connection.run(statement(read));
  }

  /** Adds the newest row of each key of a file of the lake to `gathered`. @returns the newest `_received_at` of all rows, ms */
  async gather(bytes: Uint8Array): Promise<number | undefined> {
    const read = this.#open(bytes);
    const schema = await this.connection.runAndReadAll(
      `SELECT name FROM parquet_schema(${quoteText(this.#scratch.path)})`,
    );
    const present = new Set(schema.getRows().map(([name]) => String(name)));
    const [[newest] = []] = (
      await this.connection.runAndReadAll(`SELECT CAST(epoch_ms(max(_received_at)) AS DOUBLE) FROM ${read}`)
    ).getRows();
    const newestMs = typeof newest === 'number' ? newest : undefined;
    // Files of a time before a column was declared have no row of this key.
    if (!this.columns.every(({ name }) => present.has(name))) return newestMs;
    const items = this.columns.map(
      ({ name, type }) => `CAST(${quoteName(name)} AS ${toWrittenType(type)}) AS ${quoteName(name)}`,
    );
    const op = present.has('_op') ? '_op' : 'CAST(NULL AS VARCHAR)';
    const whole = this.columns.map(({ name }) => `${quoteName(name)} IS NOT NULL`).join(' AND ');
    const places = this.columns.map((_, i) => String(i + 1)).join(', ');
    await this.connection.run(
      `INSERT INTO gathered SELECT ${items.join(', ')}, max(_received_at), ${op} AS op FROM ${read} WHERE ${whole} GROUP BY ${places}, op`,
    );
    return newestMs;
  }

  /** Writes a key file. */
  async write(select: string): Promise<{ readonly rows: number; readonly bytes: Buffer }> {
    const [[count] = []] = (
      await this.connection.runAndReadAll(`SELECT count(*) FROM (${select})`)
    ).getRows();
    const rows = Number(count);
    return { rows, bytes: await this.#duckDb.writeTable(select, rows) };
  }

  async batches(table: string, columns: readonly Column[]): Promise<readonly ColumnBatch[]> {
    const items = this.columns.map(toKeyItem).join(', ');
    const result = await this.connection.stream(`SELECT ${items} FROM ${table}`);
    const batches: ColumnBatch[] = [];
    const all = new KeyBatches(columns);
    let texts: string[][] = this.columns.map(() => []);
    const end = (): void => {
      const rows = texts[0]?.length ?? 0;
      if (rows === 0) return;
      const byName = new Map(this.columns.map(({ name }, i) => [name, texts[i] ?? []]));
      batches.push(all.create(byName, rows));
      texts = this.columns.map(() => []);
    };
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      this.columns.forEach((_, i) => {
        for (const value of chunk.getColumnValues(i)) texts[i]?.push(String(value));
      });
      if ((texts[0]?.length ?? 0) >= BATCH_ROWS) end();
    }
    end();
    return batches;
  }

  close(): void {
    this.#scratch.close();
  }

  #open(bytes: Uint8Array): string {
    this.#scratch.write(bytes, bytes.length);
    return `read_parquet(${quoteText(this.#scratch.path)}, hive_partitioning = false)`;
  }
}
