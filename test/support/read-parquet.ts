import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';

/**
 * A value of a Parquet file in a form that does not depend on who read it: integers and timestamps (µs since the epoch)
 * as bigint, dates as days since the epoch, decimals unscaled, structs as objects with every field, blobs as hex.
 */
export type Cell =
  | null
  | string
  | number
  | bigint
  | boolean
  | { days: number }
  | { unscaled: bigint }
  | { hex: string }
  | Cell[]
  | { [name: string]: Cell };

export type Row = Record<string, Cell>;

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

function fromHyparquet(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(fromHyparquet);
  if (typeof value === 'object') {
    if ('days' in value && typeof value.days === 'number') return { days: value.days };
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fromHyparquet(part)]));
  }
  throw new TypeError(`unexpected ${typeof value}`);
}

/** Rows as hyparquet, which shares no code with DuckDB, reads them. */
export async function readWithHyparquet(bytes: Uint8Array): Promise<Row[]> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const rows = await parquetReadObjects({
    file: copyOf(bytes),
    // Bytes without the logical type of text are a blob.
    utf8: false,
    compressors: {
      ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)),
    },
    parsers: {
      timestampFromMicroseconds: (micros: bigint) => micros,
      dateFromDays: (days: number) => ({ days }),
      stringFromBytes: (text: Uint8Array | undefined) => (text === undefined ? null : decoder.decode(text)),
    },
  });
  return rows.map((row) => fromHyparquet(row) as Row);
}

/** Leaf columns of a file as `path.to.leaf: PHYSICAL LOGICAL`, with `utc` for timestamps adjusted to UTC. */
export function leafColumns(bytes: Uint8Array): string[] {
  const { schema } = parquetMetadata(copyOf(bytes));
  const leaves: string[] = [];
  let at = 1;
  const walk = (path: string[]): void => {
    const element = schema[at++];
    if (element === undefined) throw new Error('the schema ends early');
    const below = [...path, element.name];
    if (element.num_children !== undefined && element.num_children > 0) {
      for (let i = 0; i < element.num_children; i++) walk(below);
      return;
    }
    const { logical_type: logical } = element;
    const words: (string | undefined)[] = [element.type, logical?.type ?? element.converted_type];
    if (logical?.type === 'TIMESTAMP') words.push(logical.unit, logical.isAdjustedToUTC ? 'utc' : 'local');
    leaves.push(`${below.join('.')}: ${words.filter((word) => word !== undefined).join(' ')}`);
  };
  while (at < schema.length) walk([]);
  return leaves;
}

function fromDuckDb(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) return value.micros;
  if (value instanceof DuckDBDecimalValue) return { unscaled: value.value };
  if (value instanceof DuckDBDateValue) return { days: value.days };
  if (value instanceof DuckDBBlobValue) return { hex: Buffer.from(value.bytes).toString('hex') };
  if (value instanceof DuckDBListValue) return value.items.map(fromDuckDb);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, part]) => [name, fromDuckDb(part)]));
  }
  return fromHyparquet(value);
}

/** Reads files with one DuckDB of its own. */
export class DuckDbReader {
  private readonly directory = mkdtempSync(join(tmpdir(), 'headgate-test-'));
  private instance: DuckDBInstance | undefined;

  async read(bytes: Uint8Array): Promise<Row[]> {
    this.instance ??= await DuckDBInstance.create(':memory:', {
      threads: '1',
      // Each file is written to one path; within a tick of the file system's clock the cache would take the one before.
      enable_external_file_cache: 'false',
    });
    const path = join(this.directory, 'table.parquet');
    writeFileSync(path, bytes);
    const connection = await this.instance.connect();
    try {
      const reader = await connection.runAndReadAll(
        `SELECT * FROM read_parquet('${path}', hive_partitioning = false)`,
      );
      const names = reader.columnNames();
      return reader
        .getRows()
        .map((row) => Object.fromEntries(row.map((value, i) => [names[i] ?? '', fromDuckDb(value)])));
    } finally {
      connection.closeSync();
    }
  }

  close(): void {
    this.instance?.closeSync();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
