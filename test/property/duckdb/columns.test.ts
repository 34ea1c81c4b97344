import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { ColumnType } from '../../../shared/domain/contract.ts';
import { micros, toCell, typeWord, valueOf } from '../../support/column-values.ts';
import { declareTable } from '../../support/declare-table.ts';
import { DuckDbReader, readWithHyparquet, type Cell, type Row } from '../../support/read-parquet.ts';
import { toColumn, type PlainValue } from '../../support/to-columns.ts';

const writer = new DuckDbColumnWriter();
const duckDb = new DuckDbReader();

afterAll(async () => {
  await writer.close();
  duckDb.close();
});

interface Table {
  readonly words: readonly string[];
  /** The rows of each append. */
  readonly batches: readonly (readonly (readonly PlainValue[])[])[];
}

const table: fc.Arbitrary<Table> = fc.array(typeWord, { minLength: 1, maxLength: 8 }).chain((words) =>
  fc.record({
    words: fc.constant(words),
    batches: fc.array(fc.array(fc.tuple(...words.map(valueOf)), { maxLength: 12 }), { maxLength: 4 }),
  }),
);

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
