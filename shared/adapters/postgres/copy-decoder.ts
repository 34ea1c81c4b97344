import type { BytesColumn, ColumnBatch } from '../../domain/column-batch.ts';
import { TransientError } from '../../domain/errors.ts';
import { BytesBuilder } from '../database/column-builders.ts';
import type { ValueReader } from './value-readers.ts';

/** A field of the rows that COPY sends. */
export type CopyField =
  | {
      /** A column of the batch. */
      readonly role: 'column';
      readonly name: string;
      readonly reader: ValueReader;
    }
  | {
      /** Text of a column's value that does not fit it (then the column is null); null otherwise. */
      readonly role: 'unfit';
      readonly name: string;
    }
  | {
      /** A JSON object with what no column holds; the last field. */
      readonly role: 'extra';
    };

/** https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format" */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = SIGNATURE.length + 8;
const HAS_OIDS = 1 << 16;
/** Batches are ended at a row after so many bytes. */
const BATCH_BYTES = 4 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

/**
 * Turns the stream of `COPY … TO STDOUT (FORMAT binary)` into batches of columns. Chunks may be cut anywhere; no value
 * becomes a JavaScript object or string, but for those that do not fit their column.
 */
export class CopyDecoder {
  readonly #fields: readonly CopyField[];
  readonly #readers: readonly (ValueReader | undefined)[];
  readonly #batchBytes: number;
  readonly #extra = new BytesBuilder();
  #hasExtra = false;
  readonly #batches: ColumnBatch[] = [];
  /** What a chunk had of a field that was not there as a whole. */
  #rest: Buffer = NO_BYTES;
  #restLength = 0;
  #isStarted = false;
  #isEnded = false;
  /** The field that comes next; -1: a row. */
  #next = -1;
  #row = 0;
  #capacity = 0;
  /** Bytes of this batch that were decoded. */
  #bytes = 0;
  /** `"name":"text"` of this row's values that do not fit. */
  #unfit: string[] | undefined;

  constructor(fields: readonly CopyField[], batchBytes = BATCH_BYTES) {
    this.#fields = fields;
    this.#readers = fields.map((field) => (field.role === 'column' ? field.reader : undefined));
    this.#batchBytes = batchBytes;
  }

  /** Decodes what came. @returns batches that are full now */
  push(chunk: Buffer): readonly ColumnBatch[] {
    if (this.#restLength === 0) {
      this.#keep(chunk, this.#decode(chunk, chunk.length));
    } else {
      this.#append(chunk);
      const bytes = this.#rest;
      const length = this.#restLength;
      const end = this.#decode(bytes, length);
      bytes.copyWithin(0, end, length);
      this.#restLength = length - end;
    }
    return this.#batches.splice(0);
  }

  /**
   * @returns the last rows
   * @throws TransientError when the stream ended before its end mark
   */
  end(): ColumnBatch | undefined {
    if (!this.#isEnded)
      throw new TransientError('DB_UNREACHABLE', 'the database ended the rows before their end');
    if (this.#row > 0) this.#finishBatch();
    return this.#batches.pop();
  }

  #keep(chunk: Buffer, from: number): void {
    if (from === chunk.length) return;
    this.#restLength = 0;
    this.#append(chunk.subarray(from));
  }

  #append(chunk: Buffer): void {
    const length = this.#restLength + chunk.length;
    if (length > this.#rest.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#rest.length * 2));
      this.#rest.copy(grown, 0, 0, this.#restLength);
      this.#rest = grown;
    }
    chunk.copy(this.#rest, this.#restLength);
    this.#restLength = length;
  }

  /** @returns up to where `bytes[0 … end]` was decoded */
  #decode(bytes: Buffer, end: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, end);
    const readers = this.#readers;
    let at = this.#isStarted ? 0 : this.#decodeHeader(bytes, view, end);
    if (!this.#isStarted) return 0;
    let counted = at;
    while (!this.#isEnded) {
      if (this.#next < 0) {
        if (end - at < 2) break;
        this.#startRow(view.getInt16(at));
        at += 2;
        continue;
      }
      let next = this.#next;
      const row = this.#row;
      for (; next < readers.length; next += 1) {
        if (end - at < 4) break;
        const length = view.getInt32(at);
        if (length > end - at - 4) break;
        const reader = readers[next];
        if (reader === undefined || (length >= 0 && !reader.read(view, bytes, at + 4, length, row)))
          this.#readOther(next, view, bytes, at + 4, length);
        else if (length < 0) reader.builder.setNull(row);
        at += length < 0 ? 4 : 4 + length;
      }
      this.#next = next;
      if (next < readers.length) break;
      this.#endRow();
      this.#bytes += at - counted;
      counted = at;
      if (this.#bytes >= this.#batchBytes) this.#finishBatch();
    }
    this.#bytes += at - counted;
    return this.#isEnded ? end : at;
  }

  /** @returns where the first row starts */
  #decodeHeader(bytes: Buffer, view: DataView, end: number): number {
    if (end < HEADER_BYTES) return 0;
    if (bytes.compare(SIGNATURE, 0, SIGNATURE.length, 0, SIGNATURE.length) !== 0)
      throw new TransientError('DB_PROTOCOL', 'the database did not send rows in the binary format of COPY');
    if ((view.getInt32(SIGNATURE.length) & HAS_OIDS) !== 0)
      throw new TransientError('DB_PROTOCOL', 'the rows of COPY carry OIDs, which were not asked for');
    const extension = view.getInt32(SIGNATURE.length + 4);
    if (end < HEADER_BYTES + extension) return 0;
    this.#isStarted = true;
    return HEADER_BYTES + extension;
  }

  #startRow(fields: number): void {
    if (fields === -1) {
      this.#isEnded = true;
      return;
    }
    if (fields !== this.#fields.length)
      throw new TransientError(
        'DB_PROTOCOL',
        `a row has ${String(fields)} fields where ${String(this.#fields.length)} were asked for`,
      );
    if (this.#row === this.#capacity) {
      this.#capacity = Math.max(1024, this.#capacity * 2);
      for (const reader of this.#readers) reader?.builder.reserve(this.#capacity);
      this.#extra.reserve(this.#capacity);
    }
    this.#next = 0;
  }

  /** What is no plain value: one that does not fit, its text from the database, or the extra columns. */
  #readOther(index: number, view: DataView, bytes: Buffer, start: number, length: number): void {
    const field = this.#fields[index] as CopyField;
    if (field.role === 'column') {
      field.reader.builder.setNull(this.#row);
      // The database sends the text itself where it knows better; see `unfit`.
      if (field.reader.toText !== undefined)
        this.#addUnfit(field.name, field.reader.toText(view, start, length));
    } else if (length < 0) return;
    else if (field.role === 'unfit') {
      this.#addUnfit(field.name, bytes.toString('utf8', start, start + length));
    } else if (this.#unfit === undefined) {
      this.#extra.set(this.#row, bytes, start, start + length);
      this.#hasExtra = true;
    } else {
      this.#unfit.push(bytes.toString('utf8', start + 1, start + length - 1));
    }
  }

  #addUnfit(name: string, text: string): void {
    (this.#unfit ??= []).push(`${JSON.stringify(name)}:${JSON.stringify(text)}`);
  }

  #endRow(): void {
    if (this.#unfit !== undefined) {
      this.#extra.setText(this.#row, `{${this.#unfit.join(',')}}`);
      this.#hasExtra = true;
      this.#unfit = undefined;
    }
    this.#row += 1;
    this.#next = -1;
  }

  #finishBatch(): void {
    const rows = this.#row;
    this.#batches.push({
      rows,
      columns: this.#readers.flatMap((reader) => reader?.builder.finish(rows) ?? []),
      extra: this.#finishExtra(rows),
    });
    this.#row = 0;
    this.#bytes = 0;
    // Builders keep room for as many rows as this batch had.
    this.#capacity = rows;
  }

  #finishExtra(rows: number): BytesColumn | undefined {
    const extra = this.#extra.finish(rows);
    if (!this.#hasExtra) return undefined;
    this.#hasExtra = false;
    // A JSON object is never empty text, so what is empty is null.
    const nulls = new Uint8Array(rows);
    for (let i = 0; i < rows; i += 1) if (extra.offsets[i] === extra.offsets[i + 1]) nulls[i] = 1;
    return { ...extra, nulls };
  }
}
