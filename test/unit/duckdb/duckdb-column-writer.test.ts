import { afterAll, describe, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbSession } from '../../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import type { BytesColumn, ColumnBatch, ColumnData } from '../../../shared/domain/column-batch.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { Source } from '../../../shared/domain/source.ts';
import { declareTable } from '../../support/declare-table.ts';
import { frameOf, sliceOf } from '../../support/frames.ts';
import { DuckDbReader, leafColumns, type Row } from '../../support/read-parquet.ts';
import { toColumn, type PlainValue } from '../../support/to-columns.ts';

const session = new DuckDbSession();
const writer = new DuckDbColumnWriter(session);
const lines = new DuckDbTableWriter(session);
const duckDb = new DuckDbReader();

afterAll(async () => {
  await session.close();
  duckDb.close();
});

const LAKE = { origin: 'extract/orders/1', firstIndex: 0, receivedAtMs: 1_800_000_000_000 };

function batchOf(source: Source, rows: readonly Readonly<Record<string, PlainValue>>[]): ColumnBatch {
  const columns = source.contract.columns.map(({ name, type }) =>
    toColumn(
      type,
      rows.map((row) => row[name] ?? null),
    ),
  );
  return { rows: rows.length, columns, extra: undefined };
}

async function write(
  source: Source,
  batches: readonly ColumnBatch[],
  lake: Parameters<DuckDbColumnWriter['open']>[1] = LAKE,
): Promise<Row[][]> {
  const table = await writer.open(source, lake);
  for (const batch of batches) await table.append(batch);
  const files = await table.finish();
  const tables: Row[][] = [];
  for (const file of files) tables.push(await duckDb.read(file.bytes));
  return tables;
}

const bytesColumn = (values: readonly Uint8Array[]): BytesColumn => ({
  kind: 'bytes',
  data: Buffer.concat(values),
  offsets: Uint32Array.from([0, ...values.map((_, i) => Buffer.concat(values.slice(0, i + 1)).length)]),
  nulls: undefined,
});

const EVERY_TYPE = {
  flag: 'boolean',
  count: 'integer',
  id: 'bigint',
  ratio: 'float',
  size: 'double',
  cents: 'decimal(4,2)',
  price: 'decimal(9,2)',
  total: 'decimal(18,2)',
  wei: 'decimal(38,18)',
  day: 'date',
  at: 'timestamp',
  local: 'local-timestamp',
  ref: 'uuid',
  doc: 'json',
  note: 'text',
  blob: 'bytes',
  tags: 'text[]',
  times: 'timestamp[]',
} as const;

describe('the files of one source', () => {
  test('have the same columns whether they are written from columns, from frames, or to have no rows', async () => {
    const source = declareTable(EVERY_TYPE, { eventTime: { path: 'at' } });
    const table = await writer.open(source, LAKE);
    await table.append(batchOf(source, [{}]));
    const [file] = await table.finish();
    const slice = sliceOf(frameOf(source, ['{"id":1,"at":"2026-01-01T00:00:00Z"}']));
    const { bytes } = await lines.writeRows(source, [slice]);
    const columns = leafColumns(file?.bytes ?? new Uint8Array());
    expect(columns).toEqual(leafColumns(bytes ?? new Uint8Array()));
    expect(columns).toEqual(leafColumns(await lines.writeTombstone(source)));
    expect(columns.slice(-8).map((column) => column.split(':')[0])).toEqual([
      '_source',
      '_id',
      '_key',
      '_received_at',
      '_event_time',
      '_schema_version',
      '_extra',
      '_op',
    ]);
  });

  test('rows that say that a row is gone have the operation d', async () => {
    const source = declareTable({ id: 'bigint' });
    const [rows] = await write(source, [batchOf(source, [{ id: 1n }])], { ...LAKE, op: 'd' });
    expect(rows?.map(({ id, _op }) => [id, _op])).toEqual([[1n, 'd']]);
  });
});

describe('more rows than a chunk of DuckDB has', () => {
  // Two partitions by turns, so that rows of a batch are picked; lists of many elements, so that vectors grow.
  const source = declareTable(
    { id: 'bigint', at: 'date', note: 'text', tags: 'text[]', numbers: 'integer[]', wei: 'decimal(30,0)' },
    { eventTime: { path: 'at' }, partition: 'day' },
  );
  const rowOf = (i: number): Readonly<Record<string, PlainValue>> => ({
    id: BigInt(i),
    at: i % 2,
    note: i % 7 === 0 ? null : 'x'.repeat(i % 30) + String(i),
    tags:
      i % 5 === 0
        ? null
        : Array.from({ length: i % 6 }, (_, k) => (k === 3 ? null : `tag ${String(i * k)} of ${String(i)}`)),
    numbers: Array.from({ length: i % 4 }, (_, k) => (k === 2 ? null : i * k)),
    wei: i % 3 === 0 ? null : -(10n ** 29n) + BigInt(i),
  });

  test('all of them are written, each with its own values', async () => {
    const rows = Array.from({ length: 9_000 }, (_, i) => rowOf(i));
    const tables = await write(source, [
      batchOf(source, rows.slice(0, 5_000)),
      batchOf(source, rows.slice(5_000)),
    ]);
    const expected = [0, 1].map((turn) =>
      rows
        .filter((row) => row.at === turn)
        .map(({ id, note, tags, numbers, wei }) => ({
          id,
          note,
          tags,
          numbers,
          wei: typeof wei === 'bigint' ? { unscaled: wei } : null,
          _id: `extract/orders/1/${String(id as bigint)}`,
        })),
    );
    const found = tables.map((of) =>
      of.map(({ id, note, tags, numbers, wei, _id }) => ({ id, note, tags, numbers, wei, _id })),
    );
    expect(found).toEqual(expected);
  });
});

describe('values', () => {
  test('a text of a mebibyte arrives', async () => {
    const source = declareTable({ note: 'text', blob: 'bytes' });
    const note = 'ß€😀x'.repeat(104_858);
    const blob = new Uint8Array(1_048_576).map((_, i) => i * 31);
    const [rows] = await write(source, [batchOf(source, [{ note: 'a' }, { note, blob }, { note: 'b' }])]);
    expect(rows?.map((row) => row.note)).toEqual(['a', note, 'b']);
    expect(rows?.[1]?.blob).toEqual({ hex: Buffer.from(blob).toString('hex') });
  });

  test.each([
    ['alone', [Buffer.from([0xff])]],
    ['among others', [Buffer.from('fine'), Buffer.from([0xc3, 0x28]), Buffer.from('fine')]],
    ['where two make one character together', [Buffer.from([0x61, 0xc3]), Buffer.from([0x9f])]],
  ])('text that is not UTF-8 stops the table, %s', async (_case, values) => {
    const source = declareTable({ id: 'integer', note: 'text' });
    const columns: ColumnData[] = [
      toColumn(
        { kind: 'int32' },
        values.map((_, i) => i),
      ),
      bytesColumn(values),
    ];
    const written = write(source, [{ rows: values.length, columns, extra: undefined }]);
    await expect(written).rejects.toThrow(BlockedError);
    await expect(written).rejects.toThrow(
      /column "note" holds text that is not UTF-8; declare the column as bytes/,
    );
    // The session goes on.
    expect(await write(source, [batchOf(source, [{ id: 1, note: 'x' }])])).toHaveLength(1);
  });

  test('a decimal with more digits than its column is not cut off', async () => {
    const source = declareTable({ price: 'decimal(9,2)', cents: 'decimal(4,2)' });
    await expect(write(source, [batchOf(source, [{ price: 2n ** 31n }])])).rejects.toThrow(/more digits/);
    await expect(write(source, [batchOf(source, [{ cents: -(2n ** 15n) - 1n }])])).rejects.toThrow(
      /more digits/,
    );
  });
});

describe('a batch that is not what the contract says is refused before memory is read', () => {
  const source = declareTable({ id: 'bigint', note: 'text', tags: 'integer[]' });
  const good = batchOf(source, [{ id: 1n, note: 'x', tags: [1, 2] }]);
  const withColumn = (at: number, column: ColumnData): ColumnBatch => ({
    ...good,
    columns: good.columns.map((given, i) => (i === at ? column : given)),
  });
  test.each<[string, ColumnBatch, RegExp]>([
    ['too few columns', { ...good, columns: good.columns.slice(1) }, /has 2 columns, its contract 3/],
    [
      'another kind',
      withColumn(0, toColumn({ kind: 'int32' }, [1])),
      /"id" is bigint: its values are int64, not int32/,
    ],
    ['fewer values', { ...good, rows: 2 }, /"id" has 1 values, and the batch 2 rows/],
    [
      'offsets beyond the data',
      withColumn(1, {
        kind: 'bytes',
        data: new Uint8Array(2),
        offsets: Uint32Array.of(0, 3),
        nulls: undefined,
      }),
      /"note" has offsets beyond its 2 bytes/,
    ],
    [
      'fewer elements',
      withColumn(2, {
        kind: 'list',
        offsets: Uint32Array.of(0, 3),
        element: toColumn({ kind: 'int32' }, [1, 2]),
        nulls: undefined,
      }),
      /"tags\[\]" has 2 values, and the batch 3 rows/,
    ],
  ])('%s', async (_case, batch, message) => {
    const table = await writer.open(source, LAKE);
    await expect(table.append(batch)).rejects.toThrow(message);
    expect(table.rows).toBe(0);
  });

  test('offsets that descend', async () => {
    const rows = { rows: 2, extra: undefined };
    const texts = declareTable({ note: 'text' });
    const note: ColumnData = {
      kind: 'bytes',
      data: Buffer.from('abc'),
      offsets: Uint32Array.of(0, 9, 3),
      nulls: undefined,
    };
    await expect(write(texts, [{ ...rows, columns: [note] }])).rejects.toThrow(/offsets of a column descend/);
  });
});

describe('a table', () => {
  const source = declareTable({ id: 'integer' });

  test('without rows has no files', async () => {
    const table = await writer.open(source, LAKE);
    await table.append(batchOf(source, []));
    expect([table.rows, table.bytes]).toEqual([0, 0]);
    expect(await table.finish()).toEqual([]);
  });

  test('can be open and finished beside another one and beside rows of frames', async () => {
    const [first, second] = [
      await writer.open(source, LAKE),
      await writer.open(source, { ...LAKE, origin: 'other', firstIndex: 5 }),
    ];
    await first.append(batchOf(source, [{ id: 1 }]));
    await second.append(batchOf(source, [{ id: 2 }]));
    await first.append(batchOf(source, [{ id: 3 }]));
    const [one, two, frames] = await Promise.all([
      first.finish(),
      second.finish(),
      lines.writeRows(source, [sliceOf(frameOf(source, ['{"id":4}']))]),
    ]);
    const ids = async (bytes: Uint8Array | undefined): Promise<unknown[]> =>
      (await duckDb.read(bytes ?? new Uint8Array())).map(({ id, _id }) => [id, _id]);
    expect(await ids(one[0]?.bytes)).toEqual([
      [1, 'extract/orders/1/0'],
      [3, 'extract/orders/1/1'],
    ]);
    expect(await ids(two[0]?.bytes)).toEqual([[2, 'other/5']]);
    expect((await ids(frames.bytes)).length).toBe(1);
  });

  test('says how many rows and about how many bytes it holds', async () => {
    const table = await writer.open(source, LAKE);
    await table.append(
      batchOf(
        source,
        Array.from({ length: 1000 }, (_, id) => ({ id })),
      ),
    );
    expect([table.rows, table.bytes]).toEqual([1000, 4000]);
    await table.discard();
  });

  test('that is given up or finished takes no more rows and holds none', async () => {
    for (const end of ['discard', 'finish'] as const) {
      const table = await writer.open(source, LAKE);
      // Held by nothing else but the table.
      const held = ((): WeakRef<ColumnBatch> => {
        const batch = batchOf(source, [{ id: 1 }]);
        void table.append(batch);
        return new WeakRef(batch.columns[0] as unknown as ColumnBatch);
      })();
      await table[end]();
      await table.discard();
      await expect(table.append(batchOf(source, [{ id: 1 }]))).rejects.toThrow(/finished or given up/);
      await expect(table.finish()).rejects.toThrow(/finished or given up/);
      expect(await isCollected(held)).toBe(true);
    }
  });

  test('that DuckDB cannot write is a passing failure, and the next one is written', async () => {
    const small = new DuckDbColumnWriter(new DuckDbSession({ memoryLimitMiB: 1 }));
    const table = await small.open(source, LAKE);
    await table.append(
      batchOf(
        source,
        Array.from({ length: 60_000 }, (_, id) => ({ id })),
      ),
    );
    await expect(table.finish()).rejects.toThrow(TransientError);
    await small.close();
    expect(await write(source, [batchOf(source, [{ id: 1 }])])).toHaveLength(1);
  });
});

async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 10 && reference.deref() !== undefined; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return reference.deref() === undefined;
}
