import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { ColumnType } from '../../../shared/domain/contract.ts';
import { declareTable } from '../../support/declare-table.ts';
import { DuckDbReader, readWithHyparquet, type Cell, type Row } from '../../support/read-parquet.ts';
import { toColumn, type PlainValue } from '../../support/to-columns.ts';

const writer = new DuckDbColumnWriter();
const duckDb = new DuckDbReader();

afterAll(async () => {
  await writer.close();
  duckDb.close();
});

// The ranges of PostgreSQL's types: 4713 BC to 294276 AD.
const micros = fc.oneof(
  fc.bigInt(-210_866_803_200_000_000n, 9_223_371_331_199_999_999n),
  fc.bigInt(1_700_000_000_000_000n, 1_800_000_000_000_000n),
  fc.constantFrom(-210_866_803_200_000_000n, 9_223_371_331_199_999_999n, -1n, 0n),
);
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 9, maxLength: 16, unit: 'grapheme' }),
    fc.string({ minLength: 20, maxLength: 60 }),
    fc.constantFrom('', '\0', 'twelve bytes', 'thirteen byte', 'ß\ufeff'),
    // DuckDB's client takes a byte-order mark off the beginning of what it reads.
  )
  .filter((value) => !value.startsWith('\ufeff'));
const uuid = fc.uuid();
const digits = (precision: number): fc.Arbitrary<bigint> => {
  const max = 10n ** BigInt(precision) - 1n;
  return fc.oneof(fc.bigInt(-max, max), fc.bigInt(-9n, 9n), fc.constantFrom(max, -max));
};

const VALUES: Readonly<Record<string, fc.Arbitrary<PlainValue>>> = {
  boolean: fc.boolean(),
  integer: fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1)),
  bigint: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(-(2n ** 63n), 2n ** 53n + 1n)),
  float: fc.float(),
  double: fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 5e-324)),
  'decimal(4,2)': digits(4),
  'decimal(9,0)': digits(9),
  'decimal(18,4)': digits(18),
  'decimal(38,10)': digits(38),
  // Years 4713 BC to 5874897.
  date: fc.oneof(fc.integer({ min: -2_440_588, max: 2_145_031_948 }), fc.integer({ min: 0, max: 30_000 })),
  timestamp: micros,
  'local-timestamp': micros,
  uuid,
  json: fc.json(),
  text,
  bytes: fc.uint8Array({ maxLength: 40 }),
};

function valueOf(word: string): fc.Arbitrary<PlainValue> {
  const values = word.endsWith('[]')
    ? fc.array(valueOf(word.slice(0, -2)), { maxLength: 5 })
    : (VALUES[word] ?? fc.constant(null));
  return fc.oneof({ arbitrary: values, weight: 6 }, { arbitrary: fc.constant(null), weight: 1 });
}

const scalars = Object.keys(VALUES);
const listable = scalars.filter((word) => word !== 'bytes');
const word = fc.oneof(
  { arbitrary: fc.constantFrom(...scalars), weight: 3 },
  { arbitrary: fc.constantFrom(...listable).map((of) => `${of}[]`), weight: 1 },
);

interface Table {
  readonly words: readonly string[];
  /** The rows of each append. */
  readonly batches: readonly (readonly (readonly PlainValue[])[])[];
}

const table: fc.Arbitrary<Table> = fc.array(word, { minLength: 1, maxLength: 8 }).chain((words) =>
  fc.record({
    words: fc.constant(words),
    batches: fc.array(fc.array(fc.tuple(...words.map(valueOf)), { maxLength: 12 }), { maxLength: 4 }),
  }),
);

function toCell(type: ColumnType, value: PlainValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (Array.isArray(value))
    return value.map((part) => toCell(type.kind === 'list' ? type.element : type, part));
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (type.kind === 'decimal') return { unscaled: BigInt(value) };
  if (type.kind === 'date') return { days: Number(value) };
  return value;
}

/** hyparquet has no decimals but numbers. */
function toHyparquetCell(type: ColumnType, cell: Cell): Cell {
  if (Array.isArray(cell)) {
    return cell.map((part) => toHyparquetCell(type.kind === 'list' ? type.element : type, part));
  }
  if (type.kind !== 'decimal' || cell === null || typeof cell !== 'object' || !('unscaled' in cell))
    return cell;
  return Number(cell.unscaled) * Number(`1e-${String(type.scale)}`);
}

test('every value of every type comes back equal, in order, however the rows are cut', async () => {
  await fc.assert(
    fc.asyncProperty(table, async ({ words, batches }) => {
      const source = declareTable(Object.fromEntries(words.map((of, i) => [`column ${String(i)}"`, of])));
      const types = words.map((of) => parseColumnType(of) ?? { kind: 'string' as const });
      const open = await writer.open(source, {
        origin: 'extract/1',
        firstIndex: 7,
        receivedAtMs: 1_800_000_000_000,
      });
      for (const rows of batches) {
        const columns = types.map((type, i) =>
          toColumn(
            type,
            rows.map((row) => row[i] ?? null),
          ),
        );
        await open.append({ rows: rows.length, columns, extra: undefined });
      }
      const rows = batches.flat();
      const files = await open.finish();
      expect(files.map((file) => file.rows)).toEqual(rows.length === 0 ? [] : [rows.length]);
      const [file] = files;
      if (file === undefined) return;
      const read = await duckDb.read(file.bytes);
      const cells = (from: readonly Row[]): unknown[] =>
        from.map((row) => words.map((_, i) => row[`column ${String(i)}"`] ?? null));
      const expected = rows.map((row) => types.map((type, i) => toCell(type, row[i] ?? null)));
      expect(cells(read)).toEqual(expected);
      expect(read.map((row) => row._id)).toEqual(rows.map((_, i) => `extract/1/${String(7 + i)}`));
      const asHyparquet = expected.map((row) =>
        row.map((cell, i) => toHyparquetCell(types[i] ?? { kind: 'string' }, cell)),
      );
      expect(cells(await readWithHyparquet(file.bytes))).toEqual(asHyparquet);
    }),
    { numRuns: 120 },
  );
});

test('rows stand in the partition of their event time, in the order in which they came', async () => {
  const HOUR = 3_600_000_000n;
  const source = declareTable(
    { id: 'bigint', at: 'timestamp', note: 'text', tags: 'text[]', cents: 'decimal(4,2)', ok: 'boolean' },
    { eventTime: { path: 'at' } },
  );
  const receivedAtMs = 1_800_000_000_123;
  const row = fc.record({
    at: fc.option(fc.oneof(fc.bigInt(-3n * HOUR, 3n * HOUR), micros)),
    note: valueOf('text'),
    tags: valueOf('text[]'),
    cents: valueOf('decimal(4,2)'),
    ok: valueOf('boolean'),
    extra: fc.option(fc.json()),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(row, { maxLength: 25 }), { maxLength: 4 }), async (batches) => {
      const open = await writer.open(source, { origin: 'extract/2', firstIndex: 0, receivedAtMs });
      let id = 0n;
      const rows = batches.map((batch) => batch.map((values) => ({ ...values, id: id++ })));
      for (const batch of rows) {
        const columns = source.contract.columns.map(({ name, type }) =>
          toColumn(
            type,
            batch.map((values) => values[name as 'id'] as PlainValue),
          ),
        );
        const extra = toColumn(
          { kind: 'string' },
          batch.map((values) => values.extra),
        );
        const hasExtra = extra.kind === 'bytes' && batch.some((values) => values.extra !== null);
        await open.append({ rows: batch.length, columns, extra: hasExtra ? extra : undefined });
      }
      // By BigInt throughout; the writer computes with doubles.
      const expected = new Map<number, Row[]>();
      for (const { extra, at, ...values } of rows.flat()) {
        const floorMs = (n: bigint): bigint => (n - (((n % 1000n) + 1000n) % 1000n)) / 1000n;
        const ms = at === null || floorMs(at) > 8_640_000_000_000_000n ? BigInt(receivedAtMs) : floorMs(at);
        const partition = Number((ms - (((ms % 3_600_000n) + 3_600_000n) % 3_600_000n)) / 3_600_000n);
        const of = expected.get(partition) ?? [];
        expected.set(partition, of);
        of.push({
          id: values.id,
          at,
          note: values.note as Cell,
          tags: values.tags as Cell,
          cents: values.cents === null ? null : { unscaled: values.cents as bigint },
          ok: values.ok as Cell,
          _source: 'orders',
          _id: `extract/2/${String(values.id)}`,
          _key: null,
          _received_at: BigInt(receivedAtMs) * 1000n,
          _event_time: ms * 1000n,
          _schema_version: source.contract.version,
          _extra: extra,
          _op: null,
        });
      }
      const files = await open.finish();
      expect(files.map(({ partition }) => partition)).toEqual([...expected.keys()].sort((a, b) => a - b));
      for (const file of files) expect(await duckDb.read(file.bytes)).toEqual(expected.get(file.partition));
    }),
    { numRuns: 30 },
  );
});
