import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CopyDecoder, type CopyField } from '../../../shared/adapters/postgres/copy-decoder.ts';
import {
  createListReader,
  createValueReader,
  type Wire,
} from '../../../shared/adapters/postgres/value-readers.ts';
import { formatDecimal } from '../../../shared/adapters/database/cell-text.ts';
import { formatMicros } from '../../../shared/adapters/database/time-text.ts';
import type { ColumnBatch } from '../../../shared/domain/column-batch.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { Column, ColumnType } from '../../../shared/domain/contract.ts';
import { toExtras, toRows } from '../../support/table-rows.ts';

/*
 * The encoder is written from PostgreSQL's documentation, by other means than the decoder: bigint and text instead of
 * halves and tables.
 */

const int = (value: number | bigint, bytes: number): Buffer => {
  const hex = BigInt.asUintN(bytes * 8, BigInt(value))
    .toString(16)
    .padStart(bytes * 2, '0');
  return Buffer.from(hex, 'hex');
};

const field = (value: Buffer | null): Buffer =>
  value === null ? int(-1, 4) : Buffer.concat([int(value.length, 4), value]);

function encodeNumeric(unscaled: bigint, scale: number): Buffer {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale);
  const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, '0');
  const groups = (padded + fraction.padEnd(Math.ceil(scale / 4) * 4, '0')).match(/\d{4}/g) ?? [];
  let weight = padded.length / 4 - 1;
  while (groups[0] === '0000') {
    groups.shift();
    weight -= 1;
  }
  while (groups.at(-1) === '0000') groups.pop();
  return Buffer.concat([
    ...[groups.length, groups.length === 0 ? 0 : weight, unscaled < 0n ? 0x4000 : 0, scale].map((n) =>
      int(n, 2),
    ),
    ...groups.map((group) => int(Number(group), 2)),
  ]);
}

const EPOCH_MICROS = 946_684_800_000_000n;

interface Shape {
  readonly word: string;
  readonly wire: Wire;
  /** A value as text (of `toRows`) and as it is sent. */
  readonly value: fc.Arbitrary<readonly [text: string, sent: Buffer]>;
}

const decimals = (precision: number, scale: number): fc.Arbitrary<readonly [string, Buffer]> =>
  fc
    .bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n })
    .chain((large) => fc.constantFrom(large, large % 100_000n, (large / 10_000n) * 10_000n))
    .map((unscaled) => [formatDecimal(unscaled, scale), encodeNumeric(unscaled, scale)]);

const SHAPES: readonly Shape[] = [
  { word: 'boolean', wire: 'bool', value: fc.boolean().map((v) => [String(v), int(v ? 1 : 0, 1)]) },
  {
    word: 'integer',
    wire: 'int2',
    value: fc.integer({ min: -32768, max: 32767 }).map((v) => [String(v), int(v, 2)]),
  },
  { word: 'bigint', wire: 'int4', value: fc.integer().map((v) => [String(v), int(v, 4)]) },
  {
    word: 'bigint',
    wire: 'int8',
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => [String(v), int(v, 8)]),
  },
  {
    word: 'timestamp',
    wire: 'timestamptz',
    value: fc
      .bigInt({ min: -(2n ** 57n), max: 2n ** 57n })
      .map((v) => [formatMicros(v, '+00'), int(v - EPOCH_MICROS, 8)]),
  },
  { word: 'text', wire: 'bytes', value: fc.string({ unit: 'grapheme' }).map((v) => [v, Buffer.from(v)]) },
  {
    word: 'uuid',
    wire: 'uuid',
    value: fc.uuid().map((v) => [v, Buffer.from(v.replaceAll('-', ''), 'hex')]),
  },
  { word: 'decimal(12,2)', wire: 'numeric', value: decimals(12, 2) },
  { word: 'decimal(18,9)', wire: 'numeric', value: decimals(18, 9) },
  { word: 'decimal(38,5)', wire: 'numeric', value: decimals(38, 5) },
];

const table = fc
  .array(fc.integer({ min: 0, max: SHAPES.length - 1 }), { minLength: 1, maxLength: 6 })
  .chain((kinds) => {
    const shapes = kinds.map((i) => SHAPES[i] as Shape);
    const row = fc.tuple(...shapes.map(({ value }) => fc.option(value, { freq: 4 })));
    return fc.record({ shapes: fc.constant(shapes), rows: fc.array(row, { maxLength: 40 }) });
  });

const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), int(0, 4), int(0, 4)]);

function decode(decoder: CopyDecoder, stream: Buffer, cuts: readonly number[]): ColumnBatch[] {
  const edges = [
    0,
    ...[...cuts].map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ];
  const batches = edges.slice(1).flatMap((to, i) => {
    // What a socket reads into is used again.
    const chunk = Buffer.from(stream.subarray(edges[i], to));
    const done = decoder.push(chunk);
    chunk.fill(0xaa);
    return done;
  });
  const last = decoder.end();
  return last === undefined ? batches : [...batches, last];
}

const typeOf = (word: string): ColumnType => parseColumnType(word) as ColumnType;

test('rows are decoded exactly, wherever the stream is cut and batches end', () => {
  fc.assert(
    fc.property(
      table,
      fc.array(fc.nat(), { maxLength: 30 }),
      fc.integer({ min: 1, max: 400 }),
      (data, cuts, limit) => {
        const columns: Column[] = data.shapes.map(({ word }, i) => ({
          name: `c${String(i)}`,
          type: typeOf(word),
        }));
        const fields: CopyField[] = data.shapes.map(({ word, wire }, i) => {
          const reader = createValueReader(wire, typeOf(word));
          if (reader === undefined) throw new Error(word);
          return { role: 'column', name: `c${String(i)}`, reader };
        });
        const stream = Buffer.concat([
          HEADER,
          ...data.rows.map((row) =>
            Buffer.concat([int(row.length, 2), ...row.map((cell) => field(cell?.[1] ?? null))]),
          ),
          int(-1, 2),
        ]);
        const batches = decode(new CopyDecoder(fields, limit), stream, cuts);
        expect(batches.flatMap((batch) => toRows(batch, columns))).toEqual(
          data.rows.map((row) =>
            Object.fromEntries(row.map((cell, i) => [`c${String(i)}`, cell?.[0] ?? null])),
          ),
        );
        expect(batches.every(({ extra }) => extra === undefined)).toBe(true);
        // A batch ends with the row that fills it.
        for (const batch of batches) expect(batch.rows).toBeGreaterThan(0);
      },
    ),
    { numRuns: 300 },
  );
});

test('lists are decoded exactly', () => {
  const lists = fc.array(fc.option(fc.array(fc.option(fc.string()), { maxLength: 5 })), { maxLength: 30 });
  fc.assert(
    fc.property(lists, fc.array(fc.nat(), { maxLength: 10 }), (rows, cuts) => {
      const element = createValueReader('bytes', { kind: 'string' });
      if (element === undefined) throw new Error('text is read as bytes');
      const reader = createListReader(element);
      const encode = (list: (string | null)[]): Buffer =>
        Buffer.concat([
          ...(list.length === 0 ? [0, 0, 25] : [1, 1, 25, list.length, 1]).map((n) => int(n, 4)),
          ...list.map((text) => field(text === null ? null : Buffer.from(text))),
        ]);
      const stream = Buffer.concat([
        HEADER,
        ...rows.map((list) => Buffer.concat([int(1, 2), field(list && encode(list))])),
        int(-1, 2),
      ]);
      const decoded = decode(
        new CopyDecoder([{ role: 'column', name: 'l', reader }], 60),
        stream,
        cuts,
      ).flatMap(({ rows: count, columns: [list] }) =>
        Array.from({ length: count }, (_, row) => {
          if (list?.kind !== 'list') throw new Error('no list');
          if (list.nulls?.[row] === 1) return null;
          const from = list.offsets[row] as number;
          const to = list.offsets[row + 1] as number;
          const elements = toRows({ rows: to, columns: [list.element], extra: undefined }, [
            { name: 'e', type: { kind: 'string' } },
          ]);
          return elements.slice(from).map(({ e }) => e);
        }),
      );
      expect(decoded).toEqual(rows);
    }),
  );
});

test('undeclared columns and values that do not fit share one object', () => {
  const reader = createValueReader('numeric', typeOf('decimal(4,2)'));
  if (reader === undefined) throw new Error('numeric is read');
  const fields: CopyField[] = [
    { role: 'column', name: 'a "b"', reader },
    { role: 'unfit', name: 'list' },
    { role: 'extra' },
  ];
  const row = (...cells: (Buffer | null)[]): Buffer => Buffer.concat([int(3, 2), ...cells.map(field)]);
  const stream = Buffer.concat([
    HEADER,
    row(encodeNumeric(123n, 2), null, null),
    row(encodeNumeric(123_456n, 3), Buffer.from('{{1}}'), Buffer.from('{"u":1}')),
    row(null, null, Buffer.from('{"u":2}')),
    row(encodeNumeric(10_000n, 2), null, null),
    int(-1, 2),
  ]);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const [batch] = decode(new CopyDecoder(fields.slice()), stream, [cut]);
    expect(batch && toExtras(batch)).toEqual([
      null,
      String.raw`{"a \"b\"":"123.456","list":"{{1}}","u":1}`,
      '{"u":2}',
      String.raw`{"a \"b\"":"100.00"}`,
    ]);
  }
});

test('a stream that ends before its end mark is a failure, and never a short table', () => {
  const reader = createValueReader('int4', { kind: 'int32' });
  if (reader === undefined) throw new Error('integers are read');
  const stream = Buffer.concat([HEADER, int(1, 2), field(int(7, 4)), int(-1, 2)]);
  for (let length = 0; length < stream.length; length += 1) {
    const decoder = new CopyDecoder([{ role: 'column', name: 'n', reader }]);
    decoder.push(stream.subarray(0, length));
    expect(() => decoder.end(), String(length)).toThrow('ended the rows before their end');
    reader.builder.finish(0);
  }
});
