import { nullColumn } from '../../shared/domain/null-column.ts';
import type { ColumnBatch } from '../../shared/domain/column-batch.ts';
import type { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import type { RowKeys } from '../../shared/ports/row-keys.ts';
import { ID } from './simulated-column-tables.ts';
import type { SimulatedRow, SimulatedTables } from './simulated-tables.ts';

/** Files that fit into one key file. */
const FILES_AT_ONCE = 3;

interface KeyRow {
  readonly key: string;
  readonly receivedAtMs: number;
  readonly op: 'd' | undefined;
}

/**
 * Compares keys of simulated files.
 *
 * @param turn others go on meanwhile; it may throw
 */
export function createSimulatedRowKeys(
  tables: SimulatedTables,
  lake: Pick<MemoryLake, 'list' | 'peek'>,
  turn: () => Promise<void>,
): RowKeys {
  const prefixOf = (source: string): string => `raw/${source}/`;
  const readLake = async (source: string, name: string): Promise<readonly KeyRow[]> => {
    await turn();
    const object = lake.peek(prefixOf(source) + name);
    if (object === undefined) throw new Error(`${name} is not there`);
    return tables.rowsOf(object.bytes).map(toKeyRow);
  };
  const write = (rows: readonly KeyRow[]): { readonly rows: number; readonly bytes: Uint8Array } => ({
    rows: rows.length,
    bytes: tables.fileOf(
      rows.map(({ key, receivedAtMs, op }) => ({
        id: '',
        raw: '',
        reason: undefined,
        key,
        receivedAtMs,
        op,
      })),
    ),
  });
  const read = async (file: () => Promise<Uint8Array>): Promise<readonly KeyRow[]> =>
    tables.rowsOf(await file()).map(toKeyRow);

  return {
    version: '1',

    list: async ({ name }) => {
      await turn();
      const prefix = prefixOf(name);
      return lake.list(prefix).map(({ key }) => key.slice(prefix.length));
    },

    gather: async (source, names) => {
      const some = names.slice(0, FILES_AT_ONCE);
      const rows: KeyRow[] = [];
      for (const name of some) rows.push(...(await readLake(source.name, name)));
      const newestMs =
        rows.length === 0 ? undefined : Math.max(...rows.map(({ receivedAtMs }) => receivedAtMs));
      return { files: some.length, newestMs, ...write(rows) };
    },

    compare: async (_source, { lake: known, table, share: { number, of } }) => {
      await turn();
      const newest = new Map<string, KeyRow>();
      for (const file of known)
        for (const row of await read(file)) {
          const before = newest.get(row.key);
          if (Number(row.key) % of !== number) continue;
          const isNewer = before === undefined || row.receivedAtMs > before.receivedAtMs;
          if (isNewer || (row.receivedAtMs === before.receivedAtMs && row.op === 'd'))
            newest.set(row.key, row);
        }
      const present = new Set<string>();
      for (const file of table) for (const { key } of await read(file)) present.add(key);
      const living = [...newest.values()]
        .filter(({ op }) => op === undefined)
        .map(({ key }): KeyRow => ({ key, receivedAtMs: -1, op: undefined }));
      return {
        alive: write(living.filter(({ key }) => present.has(key))),
        gone: write(living.filter(({ key }) => !present.has(key))),
      };
    },

    rowsOf: async ({ contract }, { keys, without }) => {
      await turn();
      const landed = new Set<string>();
      for (const file of without) for (const { key } of await read(file)) landed.add(key);
      const gone = (await read(keys)).filter(({ key }) => !landed.has(key));
      const batch: ColumnBatch = {
        rows: gone.length,
        columns: contract.columns.map(({ type }, i) =>
          i === ID
            ? { kind: 'int64', values: BigInt64Array.from(gone, ({ key }) => BigInt(key)), nulls: undefined }
            : nullColumn(type, gone.length),
        ),
        extra: undefined,
      };
      return [batch];
    },
  };
}

/** Rows of frames are known by their text. */
function toKeyRow({ key, raw, receivedAtMs = 0, op }: SimulatedRow): KeyRow {
  return { key: key ?? String((JSON.parse(raw) as { id: number }).id), receivedAtMs, op };
}
