import type { ReceivedRows } from '../../ports/received-rows.ts';
import { quoteText } from './column-sql.ts';
import type { DuckDbSession, OpenDuckDb } from './duckdb-session.ts';
import { ScratchFile } from './scratch-file.ts';

const HOUR_MS = 3_600_000;

/**
 * Reads when rows were received, and nothing else of them. Identities are kept as digests of 16 bytes in a table of
 * DuckDB, which goes to disk when it does not fit into the session's memory.
 */
export class DuckDbReceivedRows implements ReceivedRows {
  readonly #session: DuckDbSession;
  #hasTable = false;

  constructor(session: DuckDbSession) {
    this.#session = session;
  }

  count(bytes: Uint8Array): Promise<ReadonlyMap<number, number> | undefined> {
    return this.#read(bytes, RAW, countHours);
  }

  add(
    bytes: Uint8Array,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<ReadonlyMap<number, number> | undefined> {
    return this.#read(bytes, RAW, async (duckDb, file) => {
      const hours = await countHours(duckDb, file);
      if (![...hours.keys()].some((hour) => hour >= from && hour <= to)) return hours;
      const { connection } = duckDb;
      if (!this.#hasTable) await connection.run('CREATE TABLE received (id UHUGEINT)');
      this.#hasTable = true;
      await connection.run(
        `INSERT INTO received SELECT md5_number(_id) FROM ${file} WHERE ${hourSql('_received_at')} BETWEEN ${String(from)} AND ${String(to)}`,
      );
      return hours;
    });
  }

  quarantined(bytes: Uint8Array): Promise<readonly number[] | undefined> {
    return this.#read(bytes, QUARANTINE, async ({ connection }, file) => {
      const reader = await connection.runAndReadAll(
        `SELECT ${hourSql('received_at')} FROM ${file} ORDER BY file_row_number`,
      );
      return reader.getRows().map(([hour]) => Number(hour));
    });
  }

  async repeated(): Promise<number> {
    if (!this.#hasTable) return 0;
    return await this.#session.run(async ({ connection }) => {
      const reader = await connection.runAndReadAll(
        // Groups go to disk where they are many; DISTINCT would not.
        'SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM received GROUP BY id)',
      );
      return Number(reader.getRows()[0]?.[0]);
    });
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  /** @returns undefined when the bytes are no Parquet file with these columns */
  async #read<Result>(
    bytes: Uint8Array,
    columns: readonly string[],
    step: (duckDb: OpenDuckDb, file: string) => Promise<Result>,
  ): Promise<Result | undefined> {
    return await this.#session.run(async (duckDb) => {
      const scratch = new ScratchFile(duckDb.directory, 'received.parquet');
      try {
        scratch.write(bytes, bytes.length);
        const path = quoteText(scratch.path);
        const names = await columnsOf(duckDb, path);
        if (!columns.every((name) => names.has(name))) return undefined;
        return await step(duckDb, `read_parquet(${path}, hive_partitioning = false, file_row_number = true)`);
      } finally {
        scratch.close();
      }
    });
  }
}

const RAW = ['_id', '_received_at'];
const QUARANTINE = ['received_at'];

/** Columns of a Parquet file; none where it is no such file. */
async function columnsOf({ connection }: OpenDuckDb, path: string): Promise<ReadonlySet<string>> {
  try {
    const schema = await connection.runAndReadAll(`SELECT name FROM parquet_schema(${path})`);
    return new Set(schema.getRows().map(([name]) => String(name)));
  } catch {
    return new Set();
  }
}

/** Hours since the epoch; rounded down, as everywhere. */
const hourSql = (column: string): string => `(epoch_ms(${column}) // ${String(HOUR_MS)})`;

async function countHours({ connection }: OpenDuckDb, file: string): Promise<Map<number, number>> {
  const reader = await connection.runAndReadAll(
    `SELECT ${hourSql('_received_at')} AS hour, count(*) FROM ${file} GROUP BY hour`,
  );
  return new Map(reader.getRows().map(([hour, rows]) => [Number(hour), Number(rows)]));
}
