import type { BytesColumn, ColumnBatch } from '../../shared/domain/column-batch.ts';
import type { CursorPlace, TableBatch, TableRead, TableSource } from '../../shared/ports/table-source.ts';

/** A row of `declareOrders`. */
export interface OrderRow {
  readonly id: bigint;
  /** Microseconds since 1970-01-01. */
  readonly at: bigint;
  readonly body: string;
}

const toMicros = (cursor: string): bigint => BigInt(cursor);

/** The table of `declareOrders` in memory. Cursors are microseconds as text. A read sees the rows as they are when it begins. */
export class OrdersTable implements TableSource {
  readonly rows = new Map<bigint, OrderRow>();
  /** Called before each batch of a read; tests make it fail or wait there. */
  beforeBatch: () => Promise<void> = () => Promise.resolve();
  batchRows = 7;
  /** Reads that are under way, and the most that ever were. */
  reading = 0;
  mostReading = 0;

  constructor(rows: readonly OrderRow[] = []) {
    for (const row of rows) this.rows.set(row.id, row);
  }

  describe(): ReturnType<TableSource['describe']> {
    return Promise.resolve({
      ...{ columns: [], primaryKey: ['id'], isKeyUnique: true, warnings: [] },
      ...{ estimatedRows: this.rows.size, estimatedBytes: undefined },
    });
  }

  readHorizon(): ReturnType<TableSource['readHorizon']> {
    const newest = [...this.rows.values()].reduce((high, { at }) => (at > high ? at : high), 0n);
    return Promise.resolve({ until: String(newest + 1n), memory: undefined, oldestOpenMs: undefined });
  }

  planBoundaries({ rowsPerSplit }: { readonly rowsPerSplit: number }): Promise<readonly string[][]> {
    const ids = [...this.rows.keys()].sort((a, b) => Number(a - b));
    const boundaries = ids.filter((_, i) => (i + 1) % rowsPerSplit === 0 && i + 1 < ids.length);
    return Promise.resolve(boundaries.map((id) => [String(id)]));
  }

  async *read({ cursor, keys, maxRows }: TableRead): AsyncGenerator<TableBatch> {
    const all = [...this.rows.values()].filter(
      (row) =>
        (cursor === undefined || isWithin(row, cursor)) && (keys === undefined || isInRange(row, keys)),
    );
    all.sort((a, b) => (cursor === undefined || a.at === b.at ? Number(a.id - b.id) : Number(a.at - b.at)));
    this.reading++;
    this.mostReading = Math.max(this.mostReading, this.reading);
    try {
      const size = Math.min(this.batchRows, maxRows ?? Infinity);
      const end = Math.min(all.length, maxRows === undefined ? Infinity : Math.ceil(maxRows / size) * size);
      for (let at = 0; at < end; at += size) {
        await this.beforeBatch();
        const rows = all.slice(at, at + size);
        const last = rows.at(-1);
        yield {
          rows: toBatch(rows),
          last: cursor && last && { cursor: String(last.at), key: [String(last.id)] },
        };
      }
    } finally {
      this.reading--;
    }
  }

  count(): Promise<number> {
    return Promise.resolve(this.rows.size);
  }

  before(cursor: string, lookbackMs: number): string {
    return String(toMicros(cursor) - BigInt(lookbackMs) * 1000n);
  }

  at(ms: number): string {
    return String(BigInt(ms) * 1000n);
  }

  compare(a: string, b: string): number {
    return Number(toMicros(a) - toMicros(b));
  }

  markProcessed(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function isWithin({ at, id }: OrderRow, { from, until }: NonNullable<TableRead['cursor']>): boolean {
  if (until !== undefined && at >= toMicros(until)) return false;
  if (from === undefined) return true;
  return isAfter({ at, id }, from);
}

function isAfter({ at, id }: Pick<OrderRow, 'at' | 'id'>, { cursor, key }: CursorPlace): boolean {
  const from = toMicros(cursor);
  if (at !== from) return at > from;
  return key === undefined || id > BigInt(key[0] ?? '');
}

function isInRange({ id }: OrderRow, { from, to }: NonNullable<TableRead['keys']>): boolean {
  return (
    (from === undefined || id > BigInt(from[0] ?? '')) && (to === undefined || id <= BigInt(to[0] ?? ''))
  );
}

function toBatch(rows: readonly OrderRow[]): ColumnBatch {
  const fixed = (values: readonly bigint[]) => ({
    ...{ kind: 'int64' as const, values: BigInt64Array.from(values), nulls: undefined },
  });
  const texts = rows.map(({ body }) => Buffer.from(body));
  const offsets = new Uint32Array(rows.length + 1);
  texts.forEach((text, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + text.length;
  });
  const bodies: BytesColumn = { kind: 'bytes', data: Buffer.concat(texts), offsets, nulls: undefined };
  return {
    rows: rows.length,
    columns: [fixed(rows.map(({ id }) => id)), fixed(rows.map(({ at }) => at)), bodies],
    extra: undefined,
  };
}

/** Rows of a batch, as `toBatch` has written them. */
export function toOrders({ rows, columns: [ids, times, bodies] }: ColumnBatch): OrderRow[] {
  if (ids?.kind !== 'int64' || times?.kind !== 'int64' || bodies?.kind !== 'bytes')
    throw new Error('no orders');
  return Array.from({ length: rows }, (_, i) => ({
    id: ids.values[i] ?? 0n,
    at: times.values[i] ?? 0n,
    body: Buffer.from(bodies.data.subarray(bodies.offsets[i], bodies.offsets[i + 1])).toString(),
  }));
}
