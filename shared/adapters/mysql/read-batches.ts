import type { ColumnBatch } from '../../domain/column-batch.ts';
import type { Column } from '../../domain/contract.ts';
import { BytesBuilder } from '../database/column-builders.ts';
import { createCell, toJson, type Cell } from './cell-decoders.ts';
import type { Form } from './column-forms.ts';
import type { MysqlConnection } from './connection.ts';

/** A column of the answer, in its order. */
export interface ReadColumn {
  readonly name: string;
  readonly form: Form;
  /** The declared column that it fills; undefined: it goes into `_extra`. */
  readonly declared: Column | undefined;
}

const BATCH_BYTES = 4 * 1024 ** 2;
const BATCH_ROWS = 65_536;
const NULL = 0xfb;

/**
 * Collects rows off the wire into columns. The values of a row stand one after the other, each behind its length:
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_row.html
 */
class BatchBuilder {
  readonly #columns: readonly ReadColumn[];
  readonly #cells: readonly (Cell | undefined)[];
  readonly #extra = new BytesBuilder();
  #rows = 0;
  #bytes = 0;
  #hasExtra = false;

  constructor(columns: readonly ReadColumn[]) {
    this.#columns = columns;
    this.#cells = columns.map(({ declared, form }) =>
      declared === undefined ? undefined : createCell(declared.type, form),
    );
  }

  get rows(): number {
    return this.#rows;
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES || this.#rows >= BATCH_ROWS;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const row = this.#rows;
    const cells = this.#cells;
    let extra = '';
    let at = start;
    for (let i = 0; i < cells.length; i += 1) {
      const cell = cells[i];
      cell?.builder.reserve(row + 1);
      let length = bytes[at] as number;
      at += 1;
      if (length === NULL) {
        // What is undeclared and null is left out of `_extra`.
        cell?.builder.setNull(row);
        continue;
      }
      if (length > NULL) {
        const size = length === 0xfc ? 2 : length === 0xfd ? 3 : 8;
        length = size === 8 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUIntLE(at, size);
        at += size;
      }
      if (cell === undefined || !cell.decode(bytes, at, at + length, row)) {
        cell?.builder.setNull(row);
        extra += this.#extraOf(i, toJson(bytes, at, at + length, this.#formOf(i)));
      }
      at += length;
    }
    if (at !== end)
      throw new Error(`a row of ${String(end - start)} bytes has ${String(at - start)} in its columns`);
    this.#extra.reserve(row + 1);
    if (extra === '') this.#extra.setNull(row);
    else {
      this.#extra.setText(row, `{${extra.slice(1)}}`);
      this.#hasExtra = true;
    }
    this.#rows += 1;
    this.#bytes += end - start;
  }

  /** The rows so far, in the order of the declared columns. The builder starts anew. */
  finish(): ColumnBatch {
    const rows = this.#rows;
    const extra = this.#extra.finish(rows);
    const batch: ColumnBatch = {
      rows,
      columns: this.#cells.flatMap((cell) => (cell === undefined ? [] : [cell.builder.finish(rows)])),
      extra: this.#hasExtra ? extra : undefined,
    };
    this.#rows = 0;
    this.#bytes = 0;
    this.#hasExtra = false;
    return batch;
  }

  #formOf(i: number): Form {
    return this.#columns[i]?.form ?? 'text';
  }

  #extraOf(i: number, json: string): string {
    return `,${JSON.stringify(this.#columns[i]?.name)}:${json}`;
  }
}

/**
 * Streams the answer of one statement as batches. The database waits while a batch is not taken: at most one stands ready
 * while the next one is made.
 *
 * @param columns declared ones first, in the order of the contract
 */
export async function* readBatches(
  connection: MysqlConnection,
  sql: string,
  columns: readonly ReadColumn[],
): AsyncGenerator<ColumnBatch> {
  const builder = new BatchBuilder(columns);
  const ready: ColumnBatch[] = [];
  let outcome: { readonly error?: unknown } | undefined;
  let wake = (): void => undefined;
  connection
    .stream(sql, (bytes, start, end) => {
      builder.append(bytes, start, end);
      if (!builder.isFull) return;
      ready.push(builder.finish());
      connection.pause();
      wake();
    })
    .then(
      () => {
        outcome = {};
      },
      (error: unknown) => {
        outcome = { error };
      },
    )
    .finally(() => {
      wake();
    });
  try {
    for (;;) {
      const batch = ready.shift();
      if (batch !== undefined) {
        yield batch;
        continue;
      }
      if (outcome !== undefined) break;
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      connection.resume();
      // A packet that had arrived may have ended the wait already.
      if (ready.length === 0) await woken;
    }
    if ('error' in outcome) throw outcome.error;
    if (builder.rows > 0) yield builder.finish();
  } finally {
    // Whoever stops early ends the statement: its connection is of no use any more.
    if (outcome === undefined) connection.destroy();
  }
}
