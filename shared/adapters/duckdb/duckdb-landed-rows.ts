import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { DatabaseSourceConfig } from '../../config/schema.ts';
import { toSigned } from '../../domain/to-signed.ts';
import type { ColumnBatch, ColumnData } from '../../domain/column-batch.ts';
import type { Column, ColumnType } from '../../domain/contract.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { isLakeTime } from '../../domain/formats.ts';
import { partitionNumber, partitionPath } from '../../domain/object-key.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LandedRows, LandedSet } from '../../ports/landed-rows.ts';
import { parseMicros } from '../database/time-text.ts';
import { quoteName, quoteText, toReadType } from './column-sql.ts';
import type { DuckDbSession, OpenDuckDb } from './duckdb-session.ts';
import { toTokenSql, unscaled } from './row-tokens.ts';
import { ScratchFile } from './scratch-file.ts';

/** Objects of the lake. */
export interface LakeFiles {
  readonly list: (prefix: string) => Promise<readonly string[]>;
  readonly read: (key: string) => Promise<Uint8Array | undefined>;
}

/** Rows of one range: about 60 bytes each. */
const MAX_ROWS = 3_000_000;
/** Files whose range of cursors is remembered, so that the next window need not fetch them. */
const MAX_KNOWN_FILES = 20_000;
const DAY_MS = 86_400_000;
const DAY_MICROS = 86_400_000_000n;

interface Bounds {
  readonly from: string;
  readonly until: string;
}

/**
 * Looks into the Parquet files of a source with DuckDB, file by file. Where the cursor is the event time only the
 * partitions of the range are read; otherwise all files, and those again whose cursors overlap the range.
 */
export class DuckDbLandedRows implements LandedRows {
  readonly #session: DuckDbSession;
  readonly #files: LakeFiles;
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** Lowest and highest cursor of files, as `toToken` writes them; files never change. Undefined: it has no rows. */
  readonly #ranges = new LRUCache<string, { readonly low: bigint; readonly high: bigint } | 'none'>({
    max: MAX_KNOWN_FILES,
  });

  constructor(session: DuckDbSession, files: LakeFiles, clock: Pick<Clock, 'nowMs'>) {
    this.#session = session;
    this.#files = files;
    this.#clock = clock;
  }

  async find(source: Source<DatabaseSourceConfig>, range: Bounds, deadlineMs: number): Promise<LandedSet> {
    const columns = identityOf(source);
    const known = new Set<string>();
    const [low, high] = [this.#boundOf(columns, range.from), this.#boundOf(columns, range.until)];
    const all = await this.#files.list(`raw/${source.name}/`);
    const deleted = new Map<string, number>();
    for (const key of all.filter(isOfDeletes)) {
      this.#requireTime(source, range, deadlineMs);
      const bytes = await this.#read(key);
      await this.#session.run((duckDb) => collectDeletes(duckDb, bytes, columns.slice(0, -1), deleted));
    }
    for (const key of all.filter(isInPartitions(source, range))) {
      const ofFile = this.#ranges.get(key);
      if (ofFile === 'none' || (ofFile !== undefined && (ofFile.high < low || ofFile.low >= high))) continue;
      this.#requireTime(source, range, deadlineMs);
      const bytes = await this.#read(key);
      await this.#session.run((duckDb) =>
        this.#collect(duckDb, { key, bytes, columns, range, deleted }, known),
      );
      if (known.size > MAX_ROWS) {
        throw new BlockedError(
          'BACKFILL_WINDOW_TOO_LARGE',
          `the lake has more than ${String(MAX_ROWS)} rows of source ${source.name} from ${range.from} to ${range.until}; cancel the backfill and ask for it with a shorter --window`,
        );
      }
    }
    const places = columns.map(({ name }) => source.contract.columns.findIndex((each) => each.name === name));
    return {
      size: known.size,
      missing: (batch) => {
        const tokens = createTokens(columns, places, batch);
        const rows: number[] = [];
        for (let row = 0; row < batch.rows; row++) if (!known.has(toHash(tokens(row)))) rows.push(row);
        return rows;
      },
    };
  }

  async #read(key: string): Promise<Uint8Array> {
    const bytes = await this.#files.read(key);
    if (bytes !== undefined) return bytes;
    throw new TransientError(
      'OBJECT_VANISHED',
      `${key} was there and is gone while it was looked up; it is tried again`,
    );
  }

  /** An invocation that ends in the middle of it would do so again and again, and say nothing. */
  #requireTime({ name }: Source, { from, until }: Bounds, deadlineMs: number): void {
    if (this.#clock.nowMs() < deadlineMs) return;
    throw new BlockedError(
      'BACKFILL_WINDOW_TOO_LARGE',
      `what the lake has of source ${name} from ${from} to ${until} could not be looked up in the time of one run; cancel the backfill and ask for it with a shorter --window`,
    );
  }

  /** Cursors are integers as `toToken` writes them, decimals and times too. */
  #boundOf(columns: readonly Column[], text: string): bigint {
    return cursorUnits(columns.at(-1)?.type, text);
  }

  async #collect(
    { connection, directory }: OpenDuckDb,
    {
      key,
      bytes,
      columns,
      range,
      deleted,
    }: {
      readonly key: string;
      readonly bytes: Uint8Array;
      readonly columns: readonly Column[];
      readonly range: Bounds;
      /** When keys were marked as deleted last, by hash. */
      readonly deleted: ReadonlyMap<string, number>;
    },
    known: Set<string>,
  ): Promise<void> {
    const scratch = new ScratchFile(directory, 'landed.parquet');
    try {
      scratch.write(bytes, bytes.length);
      const file = quoteText(scratch.path);
      // Files of a time before a column was declared have no row of this key.
      if (!(await hasColumns(connection, scratch.path, columns))) {
        this.#ranges.set(key, 'none');
        return;
      }
      const cursor = columns.at(-1);
      if (cursor === undefined) throw new Error('a cursor is part of what identifies a row');
      const table = `read_parquet(${file}, hive_partitioning = false)`;
      const token = toTokenSql(cursor);
      const [bounds] = (
        await connection.runAndReadAll(
          `SELECT ${toTokenSql(cursor, 'min')}, ${toTokenSql(cursor, 'max')} FROM ${table}`,
        )
      ).getRows();
      const [low, high] = bounds ?? [];
      this.#ranges.set(
        key,
        typeof low === 'string' && typeof high === 'string'
          ? { low: BigInt(unscaled(low)), high: BigInt(unscaled(high)) }
          : 'none',
      );
      const selected = [...columns.slice(0, -1).map((column) => toTokenSql(column)), token, RECEIVED].join(
        ', ',
      );
      const type = toReadType(cursor.type);
      const within = `${quoteName(cursor.name)} >= CAST(${quoteText(range.from)} AS ${type}) AND ${quoteName(cursor.name)} < CAST(${quoteText(range.until)} AS ${type})`;
      const result = await connection.stream(`SELECT ${selected} FROM ${table} WHERE ${within}`);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        for (const values of chunk.getRows()) {
          const tokens = columns.map(({ type }, i) => fromSql(type, values[i]));
          const deletedAtMs = deleted.size === 0 ? undefined : deleted.get(toHash(tokens.slice(0, -1)));
          if (deletedAtMs === undefined || Number(values.at(-1)) > deletedAtMs) known.add(toHash(tokens));
        }
      }
    } finally {
      scratch.close();
    }
  }
}

/** `_received_at`, ms since the epoch. */
const RECEIVED = 'epoch_ms(_received_at)';

/** Files that reconciliations have landed, see deletes-batch.ts. */
const isOfDeletes = (key: string): boolean => key.slice(key.lastIndexOf('/') + 1).startsWith('keys-');

/** Whether a Parquet file has these columns. */
async function hasColumns(
  connection: OpenDuckDb['connection'],
  path: string,
  columns: readonly Column[],
): Promise<boolean> {
  const schema = await connection.runAndReadAll(`SELECT name FROM parquet_schema(${quoteText(path)})`);
  const names = new Set(schema.getRows().map(([name]) => String(name)));
  return columns.every(({ name }) => names.has(name));
}

/** Adds when each key of a file was marked as deleted, by hash. */
async function collectDeletes(
  { connection, directory }: OpenDuckDb,
  bytes: Uint8Array,
  columns: readonly Column[],
  deleted: Map<string, number>,
): Promise<void> {
  const scratch = new ScratchFile(directory, 'deletes.parquet');
  try {
    scratch.write(bytes, bytes.length);
    if (!(await hasColumns(connection, scratch.path, columns))) return;
    const items = [...columns.map((column) => toTokenSql(column)), RECEIVED].join(', ');
    const result = await connection.stream(
      `SELECT ${items} FROM read_parquet(${quoteText(scratch.path)}, hive_partitioning = false) WHERE _op = 'd'`,
    );
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      for (const values of chunk.getRows()) {
        const hashed = toHash(columns.map(({ type }, i) => fromSql(type, values[i])));
        deleted.set(hashed, Math.max(deleted.get(hashed) ?? 0, Number(values.at(-1))));
      }
    }
  } finally {
    scratch.close();
  }
}

/** Columns that tell the versions of rows apart: those of the key, and last the cursor. */
function identityOf({ name, config, contract }: Source<DatabaseSourceConfig>): readonly Column[] {
  const names = [...config.key, config.incremental?.cursor ?? ''];
  return names.map((wanted) => {
    const column = contract.columns.find((each) => each.name === wanted);
    if (column !== undefined && column.type.kind !== 'list' && column.type.kind !== 'struct') return column;
    throw new BlockedError(
      'BACKFILL_KEY',
      `sources.${name}: rows cannot be told apart by the column ${JSON.stringify(wanted)}, which is ${column === undefined ? 'not declared' : `a ${column.type.kind}`}`,
    );
  });
}

/** Where the cursor decides the partition, only some of them can have rows of the range. */
function isInPartitions(
  { name, config, contract }: Source<DatabaseSourceConfig>,
  { from, until }: Bounds,
): (key: string) => boolean {
  const cursor = config.incremental?.cursor;
  const type = contract.columns.find((column) => column.name === cursor)?.type;
  if (cursor === undefined || config.eventTime?.path !== cursor) return () => true;
  const [first, last] = [from, until].map((text) => toMs(type, text));
  // Other times land by when they were read.
  if (first === undefined || last === undefined || !isLakeTime(first) || !isLakeTime(last)) return () => true;
  const prefix = `raw/${name}/`;
  const low = `${prefix}${partitionPath('day', partitionNumber('day', first))}`;
  const high = `${prefix}${partitionPath('day', partitionNumber('day', last + DAY_MS))}`;
  return (key) => key >= low && key < high;
}

function toMs(type: ColumnType | undefined, text: string): number | undefined {
  const units = cursorUnits(type, text);
  if (type?.kind === 'date') return Number(units) * DAY_MS;
  return Math.floor(Number(units) / 1000);
}

/** A cursor as the integer that its column holds: days, microseconds, unscaled digits. */
function cursorUnits(type: ColumnType | undefined, text: string): bigint {
  if (type?.kind === 'decimal') {
    const [whole = '', fraction = ''] = text.split('.');
    return BigInt(whole + fraction.padEnd(type.scale, '0'));
  }
  if (type?.kind !== 'date' && type?.kind !== 'timestamp' && type?.kind !== 'local-timestamp')
    return BigInt(text);
  const micros = parseMicros(text);
  if (micros === undefined)
    throw new BlockedError(
      'BACKFILL_RANGE',
      `${JSON.stringify(text)} is no time that files can be looked up by`,
    );
  return type.kind === 'date' ? micros / DAY_MICROS : micros;
}

/* ------------------------------------------------------------------------------- values as text, on both sides */

const NULL = '-';

function toHash(tokens: readonly string[]): string {
  return hash('sha256', JSON.stringify(tokens), 'buffer').toString('latin1', 0, 16);
}

function fromSql(type: ColumnType | undefined, value: unknown): string {
  if (value === null || typeof value !== 'string') return NULL;
  if (type?.kind === 'decimal') return `=${String(BigInt(unscaled(value)))}`;
  if (type?.kind === 'float' || type?.kind === 'double') return `=${String(Number(value))}`;
  return `=${value}`;
}

/** Texts of a row of a batch, as `fromSql` gives them for the same row in a file. */
function createTokens(
  columns: readonly Column[],
  places: readonly number[],
  batch: ColumnBatch,
): (row: number) => string[] {
  const readers = columns.map(({ type }, i) => {
    const data = batch.columns[places[i] ?? -1];
    if (data === undefined) throw new Error('a batch has all columns of its contract');
    const write = createToken(type, data);
    return (row: number): string => (data.nulls?.[row] === 1 ? NULL : `=${write(row)}`);
  });
  return (row) => readers.map((read) => read(row));
}

function createToken(type: ColumnType, data: ColumnData): (row: number) => string {
  switch (data.kind) {
    case 'int32':
    case 'int64':
    case 'float':
    case 'double':
    case 'boolean':
      return (row) => String(data.values[row]);
    case 'bytes': {
      const { offsets } = data;
      const slice = (row: number): Buffer => {
        const start = offsets[row] ?? 0;
        return Buffer.from(
          data.data.buffer,
          data.data.byteOffset + start,
          (offsets[row + 1] ?? start) - start,
        );
      };
      if (type.kind === 'bytes') return (row) => slice(row).toString('hex');
      if (type.kind === 'decimal') return (row) => String(toSigned(slice(row)));
      return (row) => slice(row).toString();
    }
    case 'list':
      throw new Error('lists identify no rows');
  }
}
