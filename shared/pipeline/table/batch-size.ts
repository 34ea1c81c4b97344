/** Commits in a row after which a larger batch is tried again. */
const COMMITS_BEFORE_MORE = 8;

/**
 * How many rows a reader reads for one commit. A commit may write so many partitions; a reader that is asked again for the
 * state for which it has offered a batch was too greedy, and halves it. What fitted holds for the commits after it, which
 * find rows as scattered as these: beginning with a full batch each time would read most rows several times.
 */
export class BatchSize {
  readonly #mostRows: number | undefined;
  #rows: number | undefined;
  #offered: { readonly version: number; readonly rows: number } | undefined;
  #fitted = 0;

  /** @param mostRows undefined: as many as are there */
  constructor(mostRows?: number) {
    this.#mostRows = mostRows;
    this.#rows = mostRows;
  }

  /** Rows to read, given the version of the lane; undefined: as many as are there. */
  next(version: number): number | undefined {
    const offered = this.#offered;
    this.#offered = undefined;
    if (offered === undefined) return this.#rows;
    if (offered.version === version) {
      this.#rows = Math.max(1, Math.floor(offered.rows / 2));
      this.#fitted = 0;
    } else if (this.#rows !== undefined && ++this.#fitted % COMMITS_BEFORE_MORE === 0) {
      this.#rows = Math.min(this.#rows * 2, this.#mostRows ?? Infinity);
    }
    return this.#rows;
  }

  /** So many rows are offered. */
  offered(version: number, rows: number): void {
    this.#offered = { version, rows };
  }
}
