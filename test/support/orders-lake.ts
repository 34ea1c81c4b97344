import type { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { partitionNumber } from '../../shared/domain/object-key.ts';
import type { ColumnTableWriter } from '../../shared/ports/column-table-writer.ts';
import type { LandedRows } from '../../shared/ports/landed-rows.ts';
import { toOrders, type OrderRow } from './orders-table.ts';

/** A row in a file of `orderLineWriter`. */
export interface LandedOrder extends OrderRow {
  readonly rowId: string;
  readonly receivedAtMs: number;
  readonly op: string | undefined;
}

/** Writes rows of `declareOrders` as lines of JSON, for tests that do not care about Parquet. */
export const orderLineWriter: ColumnTableWriter = {
  open: (source, { origin, firstIndex, receivedAtMs, op }) => {
    const partitions = new Map<number, string[]>();
    let rows = 0;
    return Promise.resolve({
      get rows() {
        return rows;
      },
      get bytes() {
        return rows * 16;
      },
      append: (batch) => {
        for (const { id, at, body } of toOrders(batch)) {
          const eventTimeMs = source.config.eventTime === undefined ? receivedAtMs : Number(at / 1000n);
          const number = partitionNumber(source.config.partition, eventTimeMs);
          const lines = partitions.get(number) ?? [];
          partitions.set(number, lines);
          const rowId = `${origin}/${String(firstIndex + rows++)}`;
          lines.push(JSON.stringify({ rowId, receivedAtMs, op, id: String(id), at: String(at), body }));
        }
        return Promise.resolve();
      },
      finish: () =>
        Promise.resolve(
          [...partitions]
            .sort(([a], [b]) => a - b)
            .map(([partition, lines]) => ({
              partition,
              rows: lines.length,
              bytes: Buffer.from(lines.join('\n')),
            })),
        ),
      discard: () => Promise.resolve(),
    });
  },
};

/** Rows of all visible files. */
export function landedOrders(lake: MemoryLake): LandedOrder[] {
  return lake
    .list('raw/')
    .filter(({ kind }) => kind === 'data')
    .flatMap(({ bytes }) => Buffer.from(bytes).toString().split('\n'))
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as Record<keyof LandedOrder, string> & { receivedAtMs: number };
      return { ...row, id: BigInt(row.id), at: BigInt(row.at) };
    });
}

/** Looks into the files of `orderLineWriter`. */
export function orderLookup(lake: MemoryLake, pause: () => Promise<void>): LandedRows {
  return {
    find: async (_, { from, until }) => {
      await pause();
      const known = new Set(
        landedOrders(lake)
          .filter(({ at }) => at >= BigInt(from) && at < BigInt(until))
          .map(({ id, at }) => `${String(id)} ${String(at)}`),
      );
      return {
        size: known.size,
        missing: (batch) =>
          toOrders(batch).flatMap(({ id, at }, i) => (known.has(`${String(id)} ${String(at)}`) ? [] : [i])),
      };
    },
  };
}
