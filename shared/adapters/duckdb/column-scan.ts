import type duckdb from '@duckdb/node-bindings';
import { DuckDBTableFunction, type DuckDBConnection, type DuckDBType } from '@duckdb/node-api';

/** Rows that DuckDB takes chunk by chunk. */
export interface ScannedRows {
  /** The columns are called `c0`, `c1`, … */
  readonly types: readonly DuckDBType[];
  readonly rows: number;
  /**
   * Fills the next chunk.
   *
   * @returns its rows, at most 2,048; 0 when there are no more
   */
  fill(chunk: duckdb.DataChunk): number;
}

/** What a statement selects from to get the rows of `ColumnScan.run`. */
export const SCAN = 'headgate_columns()';

/**
 * A table function of DuckDB whose rows come out of our memory: DuckDB's thread asks for a chunk, and the main thread
 * fills the vectors while it waits. So rows are copied once, and nothing is kept in a table or file in between.
 */
export class ColumnScan {
  private current: ScannedRows | undefined;
  private failure: unknown;

  constructor(connection: DuckDBConnection) {
    const table = DuckDBTableFunction.create({
      name: SCAN.replace('()', ''),
      bindFunction: (bind) => {
        const { types, rows } = this.rows;
        types.forEach((type, i) => {
          bind.addResultColumn(`c${String(i)}`, type);
        });
        bind.setCardinality(rows, true);
      },
      initFunction: () => undefined,
      mainFunction: (_info, output) => {
        try {
          output.rowCount = this.rows.fill(output.chunk);
        } catch (error) {
          this.failure = error;
          throw error;
        }
      },
    });
    connection.registerTableFunction(table);
  }

  /**
   * Runs a statement that selects from `SCAN`.
   *
   * @throws what `fill` has thrown, or what DuckDB says
   */
  async run<Result>(rows: ScannedRows, statement: () => Promise<Result>): Promise<Result> {
    this.current = rows;
    this.failure = undefined;
    try {
      return await statement();
    } catch (error) {
      // DuckDB knows only the text of what was thrown.
      throw this.failure ?? error;
    } finally {
      this.current = undefined;
      this.failure = undefined;
    }
  }

  private get rows(): ScannedRows {
    if (this.current === undefined) throw new Error('there are no columns to scan');
    return this.current;
  }
}
