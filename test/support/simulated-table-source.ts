import type { BytesColumn, ColumnBatch } from '../../shared/domain/column-batch.ts';
import type {
  CursorPlace,
  Horizon,
  KeyText,
  TableBatch,
  TableDescription,
  TableRead,
  TableSource,
} from '../../shared/ports/table-source.ts';
import type { CursorKind, RowVersion, SimulatedDatabase } from './simulated-database.ts';

/** Ways to read wrongly. */
export interface TableQuirks {
  /** Rows with the cursor of the place are passed over. */
  readonly ignoresKeys?: boolean;
  /** The bound belongs to what is read. */
  readonly includesUntil?: boolean;
  /** Open transactions are not looked at. */
  readonly hasNoHorizon?: boolean;
  /** Rows are read before the horizon. */
  readonly readsBeforeHorizon?: boolean;
  /** Entries are marked as they are read. */
  readonly marksAtOnce?: boolean;
  /** The key that a range begins behind belongs to it. */
  readonly includesFrom?: boolean;
  /** The key that a range ends with does not belong to it. */
  readonly excludesTo?: boolean;
  /** What was not read yet is counted too. */
  readonly countsBeyond?: boolean;
  /** Keys are read from a replica that is behind: as they were when keys were read before. */
  readonly readsOldKeys?: boolean;
}

export interface SimulatedTableOptions {
  readonly database: Pick<
    SimulatedDatabase,
    'rows' | 'openTransactions' | 'nextId' | 'cursorAt' | 'markProcessed'
  >;
  readonly cursor: CursorKind;
  readonly batchRows: number;
  readonly rowsPerSplit: number;
  /** Others go on meanwhile; it may throw, as a database that breaks off. */
  readonly turn: () => Promise<void>;
  readonly quirks?: TableQuirks | undefined;
}

/** What a sequence had given at a moment, and who was open then. */
interface Memory {
  /** Everything below is final. */
  readonly final: string | undefined;
  readonly next: string;
  readonly open: readonly number[];
}

const FAR_FUTURE = 10n ** 18n;
const TIME_DIGITS = 18;

/** The columns `id`, `at`, `version`, `processed` of a simulated table. */
export class SimulatedTableSource implements TableSource {
  readonly #options: SimulatedTableOptions;
  /** What was read before the horizon, by a quirk. */
  #early: readonly RowVersion[] | undefined;
  /** What a replica has. */
  #old: readonly RowVersion[];

  constructor(options: SimulatedTableOptions) {
    this.#options = options;
    this.#old = options.quirks?.readsOldKeys === true ? options.database.rows() : [];
  }

  describe(): Promise<TableDescription> {
    return Promise.resolve({
      columns: [],
      primaryKey: ['id'],
      isKeyUnique: true,
      estimatedRows: undefined,
      estimatedBytes: undefined,
      warnings: [],
    });
  }

  async readHorizon({ former }: { readonly former: string | undefined }): Promise<Horizon> {
    const { database, cursor, quirks, turn } = this.#options;
    await turn();
    if (quirks?.readsBeforeHorizon === true) {
      this.#early = database.rows();
      for (let turns = 0; turns < 6; turns++) await turn();
    }
    const open = database.openTransactions();
    const oldestOpenMs = open.length === 0 ? undefined : Math.min(...open.map(({ startedMs }) => startedMs));
    if (quirks?.hasNoHorizon === true)
      return { until: toText(FAR_FUTURE - 1n), memory: undefined, oldestOpenMs };
    if (cursor === 'sequence') {
      const memory = this.#nextMemory(former === undefined ? undefined : (JSON.parse(former) as Memory));
      return { until: memory.final, memory: JSON.stringify(memory), oldestOpenMs };
    }
    const until = database.cursorAt(oldestOpenMs);
    return { until: toText(until), memory: undefined, oldestOpenMs };
  }

  #nextMemory(former: Memory | undefined): Memory {
    const { database } = this.#options;
    const open = database.openTransactions().map(({ number }) => number);
    const next = toText(database.nextId);
    if (open.length === 0) return { final: next, next, open };
    if (former === undefined) return { final: undefined, next, open };
    const isOver = !former.open.some((number) => open.includes(number));
    return isOver ? { final: former.next, next, open } : former;
  }

  async planBoundaries(): Promise<readonly KeyText[]> {
    await this.#options.turn();
    const rows = sortBy(this.#options.database.rows(), ({ id }) => id);
    return rows
      .filter((_, i) => i % this.#options.rowsPerSplit === this.#options.rowsPerSplit - 1)
      .slice(0, -1)
      .map(({ id }) => [String(id)]);
  }

  async *read(request: TableRead): AsyncGenerator<TableBatch> {
    const { turn, batchRows, quirks, database } = this.#options;
    await turn();
    const rows = this.#rowsOf(request).slice(0, request.maxRows);
    for (let at = 0; at < rows.length; at += batchRows) {
      const some = rows.slice(at, at + batchRows);
      const ids = some.map(({ id }) => String(id));
      if (request.unprocessed === true && quirks?.marksAtOnce === true) database.markProcessed(ids);
      const last = some.at(-1);
      yield {
        rows: toColumns(some, this.#options.cursor, request.keysOnly === true),
        last:
          request.cursor === undefined || last === undefined
            ? undefined
            : { cursor: toText(last.cursor), key: [String(last.id)] },
        ...(request.unprocessed === true && { ids }),
      };
      await turn();
    }
    request.onCounted?.(rows.length);
  }

  count(request: Pick<TableRead, 'cursor' | 'keys' | 'unprocessed' | 'deadlineMs'>): Promise<number> {
    const { cursor } = request;
    const isBeyond = this.#options.quirks?.countsBeyond === true && cursor !== undefined;
    return Promise.resolve(
      this.#rowsOf(isBeyond ? { ...request, cursor: { ...cursor, to: undefined } } : request).length,
    );
  }

  /** The rows of one statement: what it can see when it begins. */
  #rowsOf({ cursor, keys, unprocessed, keysOnly }: TableRead): RowVersion[] {
    const { quirks, database } = this.#options;
    const isOld = keysOnly === true && quirks?.readsOldKeys === true;
    const rows = isOld ? this.#old : (this.#early ?? database.rows());
    if (unprocessed === true)
      return sortBy(
        rows.filter(({ processed }) => !processed),
        ({ id }) => id,
      );
    if (cursor !== undefined) {
      const { from, to, until } = cursor;
      const bound =
        until === undefined ? undefined : BigInt(until) + (quirks?.includesUntil === true ? 1n : 0n);
      const wanted = rows.filter(
        (row) =>
          this.#isAfter(row, from) &&
          (to === undefined || !this.#isAfter(row, to)) &&
          (bound === undefined || row.cursor < bound),
      );
      return sortBy(
        sortBy(wanted, ({ id }) => id),
        (row) => row.cursor,
      );
    }
    const from = keys?.from && BigInt(keys.from[0] ?? 0) - (quirks?.includesFrom === true ? 1n : 0n);
    const to = keys?.to && BigInt(keys.to[0] ?? 0) - (quirks?.excludesTo === true ? 1n : 0n);
    return rows.filter(({ id }) => (from === undefined || id > from) && (to === undefined || id <= to));
  }

  #isAfter({ cursor, id }: RowVersion, from: CursorPlace | undefined): boolean {
    if (from === undefined) return true;
    const place = BigInt(from.cursor);
    if (cursor !== place || from.key === undefined)
      return from.key === undefined ? cursor >= place : cursor > place;
    return this.#options.quirks?.ignoresKeys !== true && id > BigInt(from.key[0] ?? 0);
  }

  before(cursor: string, lookbackMs: number): string {
    return toText(BigInt(cursor) - BigInt(lookbackMs) * 1000n);
  }

  at(ms: number): string {
    return toText(BigInt(ms) * 1000n);
  }

  compare(a: string, b: string): number {
    return Number(BigInt(a) - BigInt(b));
  }

  async markProcessed(ids: readonly string[]): Promise<void> {
    await this.#options.turn();
    this.#options.database.markProcessed(ids);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const toText = (cursor: bigint): string => String(cursor).padStart(TIME_DIGITS, '0');

function sortBy<Item>(items: readonly Item[], value: (item: Item) => bigint): Item[] {
  return [...items].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
}

function toColumns(rows: readonly RowVersion[], cursor: CursorKind, keysOnly: boolean): ColumnBatch {
  const nulls = undefined;
  const wide = (value: (row: RowVersion) => bigint): ColumnBatch['columns'][number] => ({
    kind: 'int64',
    values: BigInt64Array.from(rows, value),
    nulls,
  });
  const key = wide(({ id }) => id);
  if (keysOnly) return { rows: rows.length, columns: [key], extra: undefined };
  return {
    rows: rows.length,
    columns: [
      key,
      // The column of a log is a number, and there is a time beside it.
      wide((row) => (cursor === 'sequence' ? 0n : row.cursor)),
      toTexts(rows.map(({ version }) => String(version))),
      { kind: 'boolean', values: Uint8Array.from(rows, ({ processed }) => (processed ? 1 : 0)), nulls },
    ],
    extra: undefined,
  };
}

function toTexts(texts: readonly string[]): BytesColumn {
  const parts = texts.map((text) => Buffer.from(text));
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + part.length;
  });
  return { kind: 'bytes', data: Buffer.concat(parts), offsets, nulls: undefined };
}
