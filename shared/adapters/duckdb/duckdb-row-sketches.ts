import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { SKETCH_SIZE, toSketch, type Sketch } from '../../domain/plan/content-sketch.ts';
import type { RowSketches } from '../../ports/row-sketches.ts';
import { quoteName, quoteText } from './column-sql.ts';

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL)/;

/** Looks into Parquet files on this machine. */
export class DuckDbRowSketches implements RowSketches {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #files: (source: string) => Promise<readonly string[]>;
  readonly #known = new Map<
    string,
    Promise<{ readonly from: string; readonly types: Map<string, string> }>
  >();

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    files: (source: string) => Promise<readonly string[]>,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#files = files;
  }

  /** @param files paths of a source's files; asked for once */
  static async open(files: (source: string) => Promise<readonly string[]>): Promise<DuckDbRowSketches> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '2',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
    return new DuckDbRowSketches(instance, connection, files);
  }

  async columns(source: string): Promise<ReadonlyMap<string, Sketch>> {
    const { from, types } = await this.#tableOf(source);
    const sketches = new Map<string, Sketch>();
    for (const [name, type] of types) {
      const text = toText(name, type);
      sketches.set(name, await this.#sketch(`hash(${text})`, `${from} WHERE ${text} IS NOT NULL`));
    }
    return sketches;
  }

  async rows(source: string, columns: readonly string[]): Promise<Sketch> {
    const { from, types } = await this.#tableOf(source);
    const texts = columns.map((name) => `coalesce(${toText(name, types.get(name) ?? '')}, chr(1))`);
    return this.#sketch(`hash(concat_ws(chr(31), ${texts.join(', ')}))`, from);
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  #tableOf(source: string): Promise<{ readonly from: string; readonly types: Map<string, string> }> {
    const known = this.#known.get(source) ?? this.#openTable(source);
    this.#known.set(source, known);
    return known;
  }

  async #openTable(source: string): Promise<{ readonly from: string; readonly types: Map<string, string> }> {
    const files = await this.#files(source);
    const types = new Map<string, string>();
    if (files.length === 0) return { from: '', types };
    const from = `read_parquet([${files.map(quoteText).join(', ')}], union_by_name = true, hive_partitioning = false)`;
    const reader = await this.#connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
    for (const [name, type] of reader.getRows()) {
      if (typeof name === 'string' && !name.startsWith('_')) types.set(name, String(type));
    }
    return { from, types };
  }

  async #sketch(hash: string, from: string): Promise<Sketch> {
    const reader = await this.#connection.runAndReadAll(
      `SELECT DISTINCT ${hash} AS h FROM ${from} ORDER BY h LIMIT ${String(SKETCH_SIZE)}`,
    );
    return toSketch(reader.getRows().flatMap(([h]) => (typeof h === 'bigint' ? [h] : [])));
  }
}

/** A value as a text that is the same for the same value of another type: `10`, `10.00` and `'10'`; times with or without a zone. */
function toText(name: string, type: string): string {
  const column = quoteName(name);
  if (NUMBERS.test(type)) return `CAST(CAST(${column} AS DOUBLE) AS VARCHAR)`;
  if (type.startsWith('TIMESTAMP') || type === 'DATE') return `CAST(CAST(${column} AS TIMESTAMP) AS VARCHAR)`;
  if (type !== 'VARCHAR') return `CAST(${column} AS VARCHAR)`;
  return (
    `coalesce(CAST(TRY_CAST(${column} AS DOUBLE) AS VARCHAR), ` +
    `CAST(CAST(TRY_CAST(${column} AS TIMESTAMPTZ) AS TIMESTAMP) AS VARCHAR), ${column})`
  );
}
