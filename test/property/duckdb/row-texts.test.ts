import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { ColumnBatch } from '../../../shared/domain/column-batch.ts';
import { RecordFlag, toFrame } from '../../../shared/domain/frame.ts';
import { pickRows } from '../../../shared/domain/pick-rows.ts';
import { toRowTexts } from '../../../shared/domain/row-json.ts';
import type { Source } from '../../../shared/domain/source.ts';
import { typeWord, valueOf } from '../../support/column-values.ts';
import { declareTable } from '../../support/declare-table.ts';
import { DuckDbReader, type Row } from '../../support/read-parquet.ts';
import { toColumn, type PlainValue } from '../../support/to-columns.ts';

const columnWriter = new DuckDbColumnWriter();
const tableWriter = new DuckDbTableWriter();
const duckDb = new DuckDbReader();

afterAll(async () => {
  await columnWriter.close();
  await tableWriter.close();
  duckDb.close();
});

const RECEIVED_AT_MS = 1_800_000_000_000;

async function writeColumns(source: Source, batch: ColumnBatch): Promise<Uint8Array | undefined> {
  const open = await columnWriter.open(source, {
    origin: 'pull/t/0',
    firstIndex: 0,
    receivedAtMs: RECEIVED_AT_MS,
  });
  await open.append(batch);
  return (await open.finish())[0]?.bytes;
}

async function writeTexts(source: Source, batch: ColumnBatch): Promise<Uint8Array | undefined> {
  const header = {
    source: source.name,
    frameId: 'f',
    contractVersion: source.contract.version,
    receivedAtMs: RECEIVED_AT_MS,
  };
  const records = toRowTexts(source.contract.columns, batch).map((bytes, row) => ({
    bytes,
    flag: batch.extra === undefined || batch.extra.nulls?.[row] === 1 ? RecordFlag.valid : RecordFlag.carried,
    fingerprint: new Uint8Array(16),
    digest: new Uint8Array(4),
    eventTimeMs: RECEIVED_AT_MS,
  }));
  const slice = {
    frame: toFrame(header, records),
    origin: 'pull/t/0',
    firstIndex: 0,
    indices: records.map((_, i) => i),
  };
  const { bytes, unwritable } = await tableWriter.writeRows(source, [slice]);
  expect(unwritable).toEqual([]);
  return bytes;
}

const table = fc.array(typeWord, { minLength: 1, maxLength: 8 }).chain((words) =>
  fc.record({
    words: fc.constant(words),
    rows: fc.array(fc.tuple(...words.map(valueOf)), { minLength: 1, maxLength: 12 }),
    extras: fc.array(fc.option(fc.json().map((text) => `{"undeclared": ${text}}`))),
  }),
);

/** Reading takes white space out of JSON, and may write its numbers in another way. */
function plain(rows: readonly Row[], words: readonly string[]): unknown[] {
  return rows.map((row) => [
    ...words.map((word, i) => {
      const cell = row[`c${String(i)}`] ?? null;
      const parse = (text: unknown): unknown =>
        typeof text === 'string' ? (JSON.parse(text) as unknown) : text;
      if (word === 'json') return parse(cell);
      return word === 'json[]' && Array.isArray(cell) ? cell.map(parse) : cell;
    }),
    row._id,
    row._received_at,
    typeof row._extra === 'string' ? (JSON.parse(row._extra) as unknown) : null,
  ]);
}

test('rows that go as text have the values of those that go as columns', async () => {
  await fc.assert(
    fc.asyncProperty(table, async ({ words, rows, extras }) => {
      const source = declareTable(Object.fromEntries(words.map((word, i) => [`c${String(i)}`, word])));
      const batch: ColumnBatch = {
        rows: rows.length,
        columns: words.map((word, i) =>
          toColumn(
            parseColumnType(word) ?? { kind: 'string' },
            rows.map((row): PlainValue => row[i] ?? null),
          ),
        ),
        extra: toExtra(rows.map((_, i) => extras[i] ?? null)),
      };
      const asColumns = await writeColumns(source, batch);
      const asTexts = await writeTexts(source, batch);
      if (asColumns === undefined || asTexts === undefined) throw new Error('there are rows');
      expect(plain(await duckDb.read(asTexts), words)).toEqual(plain(await duckDb.read(asColumns), words));
    }),
    { numRuns: 60 },
  );
});

test('rows that are picked are the same rows', () => {
  fc.assert(
    fc.property(table, fc.array(fc.nat()), ({ words, rows, extras }, numbers) => {
      const { columns } = declareTable(
        Object.fromEntries(words.map((word, i) => [`c${String(i)}`, word])),
      ).contract;
      const batch: ColumnBatch = {
        rows: rows.length,
        columns: columns.map(({ type }, i) =>
          toColumn(
            type,
            rows.map((row): PlainValue => row[i] ?? null),
          ),
        ),
        extra: toExtra(rows.map((_, i) => extras[i] ?? null)),
      };
      const picked = numbers.map((number) => number % rows.length);
      const texts = toRowTexts(columns, batch);
      expect(toRowTexts(columns, pickRows(batch, picked))).toEqual(picked.map((row) => texts[row]));
    }),
    { numRuns: 40 },
  );
});

function toExtra(texts: readonly (string | null)[]): ColumnBatch['extra'] {
  const column = toColumn({ kind: 'json' }, texts);
  return column.kind === 'bytes' ? column : undefined;
}
