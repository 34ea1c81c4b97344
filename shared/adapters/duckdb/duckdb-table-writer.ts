import { randomBytes } from 'node:crypto';
import type { Column } from '../../domain/contract.ts';
import { hasOperations } from '../../domain/has-operations.ts';
import type { QuarantineRow } from '../../domain/quarantine.ts';
import type { Source } from '../../domain/source.ts';
import type { FrameSlice, TableWriter, UnwritableRow, WrittenTable } from '../../ports/table-writer.ts';
import { quoteName, quoteText, readLines, toReadType, toSelectItem } from './column-sql.ts';
import { DuckDbSession, toMessage, toWriteError, type OpenDuckDb } from './duckdb-session.ts';
import type { LineFiles } from './line-files.ts';
import { nameAddedFields, toRowDefaults, writeRowLines } from './row-lines.ts';

/** Columns of a quarantine file: as read from a line, and the expression that is written. */
const QUARANTINE_COLUMNS: readonly { name: string; read: string; select: string }[] = [
  { name: 'source', read: 'VARCHAR', select: 'source' },
  { name: 'reason', read: 'VARCHAR', select: 'reason' },
  { name: 'id', read: 'VARCHAR', select: 'id' },
  { name: 'key', read: 'VARCHAR', select: 'key' },
  { name: 'received_at', read: 'BIGINT', select: 'make_timestamptz(received_at * 1000)' },
  { name: 'schema_version', read: 'VARCHAR', select: 'schema_version' },
  { name: 'error', read: 'VARCHAR', select: 'error' },
  { name: 'raw', read: 'VARCHAR', select: 'from_base64(raw)' },
  { name: 'attempts', read: 'INTEGER', select: 'attempts' },
  { name: 'last_seen_at', read: 'BIGINT', select: 'make_timestamptz(last_seen_at * 1000)' },
];

/** Smallest limit of a line that is asked for; DuckDB allocates twice this much. */
const MIN_LINE_LIMIT_BYTES = 64 * 1024;

/** Some rows of one call, still in terms of the caller's slices. */
interface Part extends FrameSlice {
  readonly slice: FrameSlice;
}

function countRows(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.indices.length, 0);
}

/** The first `rows` rows and the others. */
function splitParts(parts: readonly Part[], rows: number): [Part[], Part[]] {
  const first: Part[] = [];
  const rest: Part[] = [];
  let left = rows;
  for (const part of parts) {
    const { indices } = part;
    if (left > 0) first.push({ ...part, indices: indices.slice(0, left) });
    if (left < indices.length) rest.push({ ...part, indices: indices.slice(Math.max(0, left)) });
    left -= indices.length;
  }
  return [first, rest];
}

/** SQL for the time so many milliseconds after another one. */
function timeOf(baseMs: string, afterMs: string): string {
  return `make_timestamptz((${baseMs}::BIGINT + ${afterMs}) * 1000)`;
}

/**
 * Writes tables with DuckDB: lines of JSON → `read_json` with the contract's types → Parquet (zstd).
 */
export class DuckDbTableWriter implements TableWriter {
  private readonly session: DuckDbSession;
  private readonly fields = nameAddedFields(randomBytes(4).readUInt32LE().toString(36).padStart(7, '0'));

  constructor(session = new DuckDbSession()) {
    this.session = session;
  }

  async writeRows(source: Source, slices: readonly FrameSlice[]): Promise<WrittenTable> {
    return await this.session.run(async (session) => {
      const parts = slices.map((slice): Part => ({ ...slice, slice }));
      const rows = countRows(parts);
      if (rows === 0) return { bytes: undefined, rows: 0, unwritable: [] };
      let failure: unknown;
      try {
        return { bytes: await this.writeParts(session, source, parts), rows, unwritable: [] };
      } catch (error) {
        failure = error;
      }
      const unwritable = await this.findUnwritable(session, source, parts);
      // Nothing was wrong with any row: the failure is not about the data.
      if (unwritable.length === 0) throw toWriteError(failure);
      const bad = new Map<FrameSlice, Set<number>>();
      for (const { slice, index } of unwritable) {
        const indices = bad.get(slice);
        if (indices === undefined) bad.set(slice, new Set([index]));
        else indices.add(index);
      }
      const good = parts.map((part) => ({
        ...part,
        indices: part.indices.filter((index) => bad.get(part.slice)?.has(index) !== true),
      }));
      const goodRows = countRows(good);
      const bytes = goodRows === 0 ? undefined : await this.writeParts(session, source, good);
      return { bytes, rows: goodRows, unwritable };
    });
  }

  async writeQuarantine(rows: readonly QuarantineRow[]): Promise<Uint8Array> {
    return await this.session.run((session) => this.writeQuarantineLines(session, rows));
  }

  async writeTombstone(source: Source): Promise<Uint8Array> {
    return await this.session.run((session) => this.writeParts(session, source, []));
  }

  async writeQuarantineTombstone(): Promise<Uint8Array> {
    return await this.session.run((session) => this.writeQuarantineLines(session, []));
  }

  /** Closes the session; a later call opens it again. */
  async close(): Promise<void> {
    await this.session.close();
  }

  /** One file with the rows of these parts. */
  private async writeParts(session: OpenDuckDb, source: Source, parts: readonly Part[]): Promise<Uint8Array> {
    const { contract, name } = source;
    const { fields } = this;
    const defaults = toRowDefaults(parts.filter(({ indices }) => indices.length > 0));
    const { idPrefix, schemaVersion } = defaults;
    const columns: Record<string, string> = {
      [fields.id]: 'VARCHAR',
      [fields.schemaVersion]: 'VARCHAR',
      [fields.receivedAt]: 'BIGINT',
      [fields.key]: 'VARCHAR',
      [fields.eventTime]: 'BIGINT',
      [fields.extra]: 'JSON',
    };
    for (const column of contract.columns) columns[column.name] = toReadType(column.type);
    const select = [
      ...contract.columns.map((column: Column) => toSelectItem(column)),
      `${quoteText(name)} AS _source`,
      `${quoteText(idPrefix)} || ${quoteName(fields.id)} AS _id`,
      `${quoteName(fields.key)} AS _key`,
      `${timeOf(String(defaults.receivedAtMs), `coalesce(${quoteName(fields.receivedAt)}, 0)`)} AS _received_at`,
      `${timeOf(String(defaults.eventTimeMs), quoteName(fields.eventTime))} AS _event_time`,
      `coalesce(${quoteName(fields.schemaVersion)}, ${quoteText(schemaVersion)}) AS _schema_version`,
      `CAST(${quoteName(fields.extra)} AS VARCHAR) AS _extra`,
      ...(hasOperations(source.config) ? ['CAST(NULL AS VARCHAR) AS _op'] : []),
    ];
    return await this.copyLines(session, columns, select, countRows(parts), (files) => {
      for (const part of parts) writeRowLines(files, contract, fields, defaults, part);
    });
  }

  private async writeQuarantineLines(
    session: OpenDuckDb,
    rows: readonly QuarantineRow[],
  ): Promise<Uint8Array> {
    const columns = Object.fromEntries(QUARANTINE_COLUMNS.map(({ name, read }) => [name, read]));
    const select = QUARANTINE_COLUMNS.map((column) => `${column.select} AS ${column.name}`);
    try {
      return await this.copyLines(session, columns, select, rows.length, (files) => {
        for (const row of rows) {
          const line = Buffer.from(`${JSON.stringify(toQuarantineLine(row))}\n`);
          const { buffer, at } = files.startLine(line.length);
          files.endLine(at + line.copy(buffer, at));
        }
      });
    } catch (error) {
      throw toWriteError(error);
    }
  }

  /** Lines → file of lines → one COPY statement → the bytes of the Parquet file. */
  private async copyLines(
    session: OpenDuckDb,
    columns: Readonly<Record<string, string>>,
    select: readonly string[],
    rows: number,
    writeLines: (files: LineFiles) => void,
  ): Promise<Uint8Array> {
    const { lines } = session;
    lines.clear();
    writeLines(lines);
    const paths = lines.finish();
    const maxLineBytes = Math.max(
      MIN_LINE_LIMIT_BYTES,
      2 ** Math.ceil(Math.log2(lines.longestLineBytes + 1)),
    );
    return await session.writeTable(
      `SELECT ${select.join(', ')} FROM ${readLines(paths, columns, maxLineBytes)}`,
      rows,
    );
  }

  /**
   * The rows that fail alone, found by halving. It is told from what DuckDB does, not from what its messages say: a
   * failure that is not about a row (memory, disk) does not repeat with every single row.
   */
  private async findUnwritable(
    session: OpenDuckDb,
    source: Source,
    parts: readonly Part[],
  ): Promise<readonly UnwritableRow[]> {
    const rows = countRows(parts);
    const [first, rest] = splitParts(parts, Math.ceil(rows / 2));
    const unwritable: UnwritableRow[] = [];
    for (const half of [first, rest]) {
      const [part] = half;
      const index = part?.indices[0];
      if (part === undefined || index === undefined) continue;
      try {
        await this.writeParts(session, source, half);
      } catch (error) {
        if (countRows(half) > 1) {
          unwritable.push(...(await this.findUnwritable(session, source, half)));
          continue;
        }
        // A table without rows can be written always; when it cannot, this is not about the row.
        await this.writeParts(session, source, []).catch((cause: unknown) => {
          throw toWriteError(cause);
        });
        const reason = toMessage(error).replaceAll(session.directory, '').split('\n')[0] ?? '';
        unwritable.push({ slice: part.slice, index, error: `cannot be written as Parquet: ${reason}` });
      }
    }
    return unwritable;
  }
}

function toQuarantineLine(row: QuarantineRow): Readonly<Record<string, unknown>> {
  return {
    source: row.source.toWellFormed(),
    reason: row.reason,
    id: row.id.toWellFormed(),
    key: row.key ?? null,
    received_at: Math.floor(row.receivedAtMs),
    schema_version: row.schemaVersion?.toWellFormed() ?? null,
    error: row.error.toWellFormed(),
    attempts: row.replayed?.number ?? 1,
    last_seen_at: Math.floor(row.replayed?.atMs ?? row.receivedAtMs),
    raw: Buffer.from(row.raw.buffer, row.raw.byteOffset, row.raw.byteLength).toString('base64'),
  };
}
