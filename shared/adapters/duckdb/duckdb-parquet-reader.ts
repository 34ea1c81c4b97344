import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DuckDBInstance,
  DuckDBTypeId,
  DuckDBArrayType,
  type DuckDBConnection,
  DuckDBListType,
  DuckDBStructType,
  type DuckDBType,
} from '@duckdb/node-api';
import type { JsonSchema } from '../../domain/contract.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { Place } from '../../domain/files-position.ts';
import { JSON_NUMBER, jsonText, toCsvColumns, type CsvColumn } from '../../domain/files/csv-columns.ts';
import {
  PARQUET_TAIL_BYTES,
  parquetFooterBytes,
  readParquetFooter,
  type ParquetRowGroup,
} from '../../domain/files/parquet-footer.ts';
import { unreadableObject, type Piece } from '../../domain/files/splitter.ts';
import type { ObjectSource, ObjectVersion } from '../../ports/object-source.ts';
import type { ParquetReader } from '../../ports/parquet-reader.ts';
import { quoteName } from './column-sql.ts';

/** DuckDB's words for what is not the file's fault. */
const PASSING = ['Out of Memory Error', 'INTERNAL Error', 'Interrupt Error'];
/** Read together with the footer's length: most footers are smaller. */
const END_BYTES = 64 * 1024;

/**
 * Rows of Parquet objects, by DuckDB: it reads all encodings and types exactly, and holds a few pages at a time. A row group
 * is fetched into a scratch file, at its own place behind a hole, with a footer that names it alone; so neither memory nor
 * disk grow with the object.
 */
export class DuckDbParquetReader implements ParquetReader {
  readonly #schema: JsonSchema;
  readonly #memoryLimitMiB: number;

  /** @param schema of the contract: whether a number is a number or a string there */
  constructor(options: { readonly schema: JsonSchema; readonly memoryLimitMiB?: number }) {
    this.#schema = options.schema;
    this.#memoryLimitMiB = options.memoryLimitMiB ?? 256;
  }

  async *read(
    objects: ObjectSource,
    object: ObjectVersion,
    from: Place,
    deadlineMs: number,
  ): AsyncGenerator<{ readonly pieces: readonly Piece[]; readonly place: Place }> {
    const groups = await readGroups(objects, object, deadlineMs);
    const directory = mkdtempSync(join(tmpdir(), 'headgate-parquet-'));
    const path = join(directory, 'group.parquet');
    const file = openSync(path, 'w', 0o600);
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '1',
      memory_limit: `${String(this.#memoryLimitMiB)}MiB`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    try {
      await connection.run(`SET TimeZone = 'UTC'`);
      let first = 0;
      for (const group of groups) {
        const last = first + group.rows;
        if (last > from.row) {
          await fetchGroup(objects, object, group, file, deadlineMs);
          const start = Math.max(from.row, first);
          yield* this.#readFile(connection, path, { first, start });
        }
        first = last;
      }
    } finally {
      connection.closeSync();
      instance.closeSync();
      closeSync(file);
      rmSync(directory, { recursive: true });
    }
  }

  async *#readFile(
    connection: DuckDBConnection,
    path: string,
    { first, start }: { readonly first: number; readonly start: number },
  ): AsyncGenerator<{ readonly pieces: readonly Piece[]; readonly place: Place }> {
    const table = `read_parquet('${path.replaceAll("'", "''")}')`;
    let row = start;
    try {
      const head = await connection.runAndReadAll(`SELECT * FROM ${table} LIMIT 0`);
      const types = head.columnTypes();
      const columns = toCsvColumns(head.columnNames(), this.#schema);
      const items = columns.map(({ name }, i) => {
        const type = types[i];
        return `${type === undefined ? 'NULL' : toTextSql(quoteName(name), type)} AS c${String(i)}`;
      });
      const result = await connection.stream(
        `SELECT ${items.join(', ')} FROM ${table} OFFSET ${String(start - first)}`,
      );
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        const texts = columns.map((_, i) => chunk.getColumnValues(i) as (string | null)[]);
        const pieces = Array.from({ length: chunk.rowCount }, (_, at): Piece => {
          let json = '';
          columns.forEach((column, i) => {
            const value = toJson(texts[i]?.[at] ?? null, column, types[i]);
            if (value !== undefined) json += `${json === '' ? '' : ','}${column.label}${value}`;
          });
          return { bytes: Buffer.from(`{${json}}`) };
        });
        row += pieces.length;
        yield { pieces, place: { offset: first, row, line: 0, state: '' } };
      }
    } catch (error) {
      const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      if (PASSING.some((kind) => text.startsWith(kind))) {
        throw new TransientError(
          'PARQUET_FAILED',
          `a row group could not be read: ${text}; it is tried again`,
          { cause: error },
        );
      }
      throw unreadableObject(
        `its Parquet is damaged, or of a kind that is not supported: ${text.replaceAll(path, 'the file')}`,
      );
    }
  }
}

async function readGroups(
  objects: ObjectSource,
  object: ObjectVersion,
  deadlineMs: number,
): Promise<readonly ParquetRowGroup[]> {
  let end = await readFrom(objects, object, Math.max(0, object.bytes - END_BYTES), deadlineMs);
  const footerBytes = parquetFooterBytes(end.subarray(-PARQUET_TAIL_BYTES), object.bytes);
  const wanted = footerBytes + PARQUET_TAIL_BYTES;
  if (wanted > end.length) end = await readFrom(objects, object, object.bytes - wanted, deadlineMs);
  return readParquetFooter(end.subarray(end.length - wanted, end.length - PARQUET_TAIL_BYTES), object.bytes);
}

async function readFrom(
  objects: ObjectSource,
  object: ObjectVersion,
  offset: number,
  deadlineMs: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of objects.open(object, offset, deadlineMs)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Makes the scratch file one that has this row group only. */
async function fetchGroup(
  objects: ObjectSource,
  object: ObjectVersion,
  group: ParquetRowGroup,
  file: number,
  deadlineMs: number,
): Promise<void> {
  const write = (bytes: Uint8Array, at: number): void => {
    for (let done = 0; done < bytes.length;)
      done += writeSync(file, bytes, done, bytes.length - done, at + done);
  };
  try {
    ftruncateSync(file, 0);
    write(Buffer.from('PAR1'), 0);
    let at = group.start;
    for await (const chunk of objects.open(object, group.start, deadlineMs)) {
      const some = chunk.subarray(0, group.end - at);
      write(some, at);
      at += some.length;
      if (at >= group.end) break;
    }
    const footer = group.footer();
    const tail = Buffer.alloc(PARQUET_TAIL_BYTES, 'PAR1', 'latin1');
    tail.writeUInt32LE(footer.length, 0);
    write(Buffer.concat([footer, tail]), group.end);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    throw new BlockedError(
      'SCRATCH_FULL',
      `a row group of ${JSON.stringify(object.name)} needs ${String(group.end - group.start)} bytes of scratch space; let its writer make smaller row groups`,
      { cause: error },
    );
  }
}

const NUMERIC: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
]);

const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.LIST,
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.MAP,
]);

/** An expression whose text is the column's value, by all of its digits. */
function toTextSql(expression: string, type: DuckDBType): string {
  if (NESTED.has(type.typeId)) return `CAST(to_json(${toValueSql(expression, type, 0)}) AS VARCHAR)`;
  return `CAST(${toScalarSql(expression, type)} AS VARCHAR)`;
}

const NAIVE_TIMES: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
]);

function toScalarSql(expression: string, { typeId }: DuckDBType): string {
  if (typeId === DuckDBTypeId.TIMESTAMP_TZ)
    return `strftime(${expression} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (NAIVE_TIMES.has(typeId)) return `strftime(CAST(${expression} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f')`;
  if (typeId === DuckDBTypeId.TIMESTAMP_NS) return `strftime(${expression}, '%Y-%m-%dT%H:%M:%S.%n')`;
  return typeId === DuckDBTypeId.BLOB ? `base64(${expression})` : expression;
}

/** What DuckDB would write in JSON with fewer digits than it has. */
const ROUNDED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
]);

/** The same inside of nested values, where JSON is made by DuckDB: what it would round becomes text. */
function toValueSql(expression: string, type: DuckDBType, depth: number): string {
  if (type instanceof DuckDBStructType) {
    const entries = type.entryNames.map((name, i) => {
      const entry = type.entryTypes[i];
      const below = `struct_extract(${expression}, '${name.replaceAll("'", "''")}')`;
      return `${quoteName(name)} := ${entry === undefined ? 'NULL' : toValueSql(below, entry, depth)}`;
    });
    return `CASE WHEN ${expression} IS NULL THEN NULL ELSE struct_pack(${entries.join(', ')}) END`;
  }
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    const element = `x${String(depth)}`;
    return `list_transform(${expression}, lambda ${element}: ${toValueSql(element, type.valueType, depth + 1)})`;
  }
  return ROUNDED.has(type.typeId) ? `CAST(${expression} AS VARCHAR)` : toScalarSql(expression, type);
}

/** Digits that any reader of JSON keeps. */
const MAX_DIGITS = 15;

/** @returns undefined for a null that may be left out */
function toJson(
  text: string | null,
  { types, nullText }: CsvColumn,
  type: DuckDBType | undefined,
): string | undefined {
  if (text === null) return nullText === 'absent' ? undefined : 'null';
  if (type === undefined) return jsonText(text);
  if (NESTED.has(type.typeId)) return text;
  if (type.typeId === DuckDBTypeId.BOOLEAN && types?.includes('boolean') !== false) return text;
  // What the contract does not name has no type that would hold all digits.
  if (types === undefined && text.replace(/\D/g, '').length > MAX_DIGITS) return jsonText(text);
  const mayBeNumber = types === undefined || types.includes('integer') || types.includes('number');
  return NUMERIC.has(type.typeId) && mayBeNumber && JSON_NUMBER.test(text) ? text : jsonText(text);
}
