import duckdb from '@duckdb/node-bindings';
import { DOUBLE, INTEGER, VARCHAR } from '@duckdb/node-api';
import type { ColumnBatch, ColumnData } from '../../domain/column-batch.ts';
import { BlockedError } from '../../domain/errors.ts';
import { hasOperations } from '../../domain/has-operations.ts';
import { recordIdentity } from '../../domain/identity.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import type { Source } from '../../domain/source.ts';
import type {
  ColumnFile,
  ColumnTable,
  ColumnTableWriter,
  LakeColumns,
} from '../../ports/column-table-writer.ts';
import { checkBatch } from './check-batch.ts';
import { SCAN, type ScannedRows } from './column-scan.ts';
import { quoteName, quoteText } from './column-sql.ts';
import { DuckDbSession, toWriteError, type OpenDuckDb } from './duckdb-session.ts';
import { groupByPartition, toEventTimes } from './event-times.ts';
import { NotUtf8Error, toVectorType, VectorFiller, type RowIndices } from './vector-filler.ts';

/** Rows of DuckDB's chunks. */
const CHUNK_ROWS = duckdb.vector_size();
const TEXT = { kind: 'string' } as const;
const NUMBER = { kind: 'double' } as const;

/** Writes tables of columns with DuckDB: typed arrays → DuckDB's vectors → Parquet (zstd). */
export class DuckDbColumnWriter implements ColumnTableWriter {
  private readonly session: DuckDbSession;

  /** @param session may be that of a `DuckDbTableWriter`: they take turns */
  constructor(session = new DuckDbSession()) {
    this.session = session;
  }

  open(source: Source, lake: LakeColumns): Promise<ColumnTable> {
    return Promise.resolve(new DuckDbColumnTable(this.session, source, lake));
  }

  /** Closes the session; a later table opens it again. */
  async close(): Promise<void> {
    await this.session.close();
  }
}

/** A batch and what follows from it. */
interface HeldBatch extends ColumnBatch {
  /** Rows that came before it. */
  readonly firstRow: number;
  /** Undefined where the source declares no event time. */
  readonly eventTimesMs: Float64Array | undefined;
  readonly partitions: ReadonlyMap<number, RowIndices>;
}

class DuckDbColumnTable implements ColumnTable {
  rows = 0;
  bytes = 0;
  private readonly session: DuckDbSession;
  private readonly source: Source;
  private readonly lake: LakeColumns;
  private batches: HeldBatch[] = [];
  private isOpen = true;

  constructor(session: DuckDbSession, source: Source, lake: LakeColumns) {
    this.session = session;
    this.source = source;
    this.lake = lake;
  }

  append(batch: ColumnBatch): Promise<void> {
    // A promise, so that a writer may have the caller wait.
    return new Promise((resolve) => {
      this.hold(batch);
      resolve();
    });
  }

  async finish(): Promise<readonly ColumnFile[]> {
    this.assertOpen();
    this.isOpen = false;
    const { batches } = this;
    this.batches = [];
    const partitions = new Set(batches.flatMap((batch) => [...batch.partitions.keys()]));
    if (partitions.size === 0) return [];
    try {
      return await this.session.run(async (duckDb) => {
        const files: ColumnFile[] = [];
        for (const partition of [...partitions].sort((a, b) => a - b)) {
          files.push(await this.writePartition(duckDb, batches, partition));
        }
        return files;
      });
    } catch (error) {
      throw toWriteError(error);
    }
  }

  discard(): Promise<void> {
    this.isOpen = false;
    this.batches = [];
    return Promise.resolve();
  }

  private hold(batch: ColumnBatch): void {
    this.assertOpen();
    const { contract, config } = this.source;
    checkBatch(contract.columns, batch);
    if (batch.rows === 0) return;
    const { receivedAtMs } = this.lake;
    const path = config.eventTime?.path;
    const eventTime = batch.columns[contract.columns.findIndex(({ name }) => name === path)];
    const eventTimesMs = eventTime && toEventTimes(eventTime, batch.rows, receivedAtMs);
    const partitions = eventTimesMs
      ? groupByPartition(config.partition, eventTimesMs)
      : new Map([[partitionNumber(config.partition, receivedAtMs), allRows(batch.rows)]]);
    this.batches.push({ ...batch, firstRow: this.rows, eventTimesMs, partitions });
    this.rows += batch.rows;
    this.bytes += batch.columns.reduce((sum, column) => sum + bytesOf(column), 0);
    if (batch.extra !== undefined) this.bytes += bytesOf(batch.extra);
  }

  private assertOpen(): void {
    if (!this.isOpen) throw new Error('the table is finished or given up');
  }

  private async writePartition(
    duckDb: OpenDuckDb,
    batches: readonly HeldBatch[],
    partition: number,
  ): Promise<ColumnFile> {
    const scan = new PartitionScan(this.source, batches, partition);
    const bytes = await duckDb.scan.run(scan, () => duckDb.writeTable(this.toSelect(scan), scan.rows));
    return { partition, rows: scan.rows, bytes };
  }

  /** The columns of `DuckDbTableWriter.writeRows`, in its order and with its types. */
  private toSelect({ row, eventTime, extra }: PartitionScan): string {
    const { contract, name, config } = this.source;
    const { origin, firstIndex, receivedAtMs, op } = this.lake;
    const none = 'CAST(NULL AS VARCHAR)';
    const receivedAt = `make_timestamptz(${String(Math.floor(receivedAtMs))}::BIGINT * 1000)`;
    const items = [
      ...contract.columns.map((column, i) => `c${String(i)} AS ${quoteName(column.name)}`),
      `${quoteText(name)} AS _source`,
      `${quoteText(recordIdentity(origin, 0).slice(0, -1))} || (${String(firstIndex)}::BIGINT + ${row}) AS _id`,
      `${none} AS _key`,
      `${receivedAt} AS _received_at`,
      `${eventTime === undefined ? receivedAt : `make_timestamptz(${eventTime}::BIGINT * 1000)`} AS _event_time`,
      `${quoteText(contract.version)} AS _schema_version`,
      `${extra ?? none} AS _extra`,
    ];
    if (hasOperations(config)) items.push(`${op === undefined ? none : quoteText(op)} AS _op`);
    return `SELECT ${items.join(', ')} FROM ${SCAN}`;
  }
}

/** The rows of one partition, chunk by chunk. Columns are those of the contract and the three that vary by row. */
class PartitionScan implements ScannedRows {
  readonly types;
  readonly rows: number;
  /** Names of columns; undefined where the value is the same for all rows. */
  readonly row: string;
  readonly eventTime: string | undefined;
  readonly extra: string | undefined;
  private readonly source: Source;
  private readonly parts: readonly { readonly batch: HeldBatch; readonly rows: RowIndices }[];
  private readonly filler = new VectorFiller();
  private part = 0;
  private done = 0;

  constructor(source: Source, batches: readonly HeldBatch[], partition: number) {
    this.source = source;
    this.parts = batches.flatMap((batch) => {
      const rows = batch.partitions.get(partition);
      return rows === undefined ? [] : [{ batch, rows }];
    });
    this.rows = this.parts.reduce((sum, { rows }) => sum + rows.length, 0);
    const types = source.contract.columns.map(({ type }) => toVectorType(type));
    this.row = `c${String(types.push(INTEGER) - 1)}`;
    const hasTimes = this.parts.some(({ batch }) => batch.eventTimesMs !== undefined);
    this.eventTime = hasTimes ? `c${String(types.push(DOUBLE) - 1)}` : undefined;
    const hasExtra = this.parts.some(({ batch }) => batch.extra !== undefined);
    this.extra = hasExtra ? `c${String(types.push(VARCHAR) - 1)}` : undefined;
    this.types = types;
  }

  fill(chunk: duckdb.DataChunk): number {
    const part = this.parts[this.part];
    if (part === undefined) return 0;
    const { batch } = part;
    const rows = part.rows.subarray(this.done, this.done + CHUNK_ROWS);
    this.done += rows.length;
    if (this.done === part.rows.length) {
      this.part++;
      this.done = 0;
    }
    let at = 0;
    const next = (): duckdb.Vector => duckdb.data_chunk_get_vector(chunk, at++);
    const { filler } = this;
    for (const [i, { name, type }] of this.source.contract.columns.entries()) {
      const column = batch.columns[i];
      if (column === undefined) throw new TypeError(`a batch has no column ${name}`);
      try {
        filler.fill(next(), type, column, rows);
      } catch (error) {
        if (!(error instanceof NotUtf8Error)) throw error;
        throw new BlockedError(
          'COLUMN_NOT_UTF8',
          `source ${this.source.name}: column "${name}" holds text that is not UTF-8; ` +
            'declare the column as bytes, or correct the encoding of the values in the database',
        );
      }
    }
    filler.fillSequence(next(), batch.firstRow, rows);
    if (this.eventTime !== undefined) {
      const values = batch.eventTimesMs ?? new Float64Array(batch.rows);
      filler.fill(next(), NUMBER, { kind: 'double', values, nulls: undefined }, rows);
    }
    if (this.extra !== undefined) filler.fill(next(), TEXT, batch.extra ?? noTexts(batch.rows), rows);
    return rows.length;
  }
}

function allRows(rows: number): RowIndices {
  const all = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) all[i] = i;
  return all;
}

function noTexts(rows: number): ColumnData {
  return {
    kind: 'bytes',
    data: new Uint8Array(0),
    offsets: new Uint32Array(rows + 1),
    nulls: new Uint8Array(rows).fill(1),
  };
}

function bytesOf(column: ColumnData): number {
  const nulls = column.nulls?.length ?? 0;
  if (column.kind === 'bytes') return column.data.length + column.offsets.byteLength + nulls;
  if (column.kind === 'list') return column.offsets.byteLength + bytesOf(column.element) + nulls;
  return column.values.byteLength + nulls;
}
