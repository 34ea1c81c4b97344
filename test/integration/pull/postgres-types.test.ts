import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import type { ColumnData } from '../../../shared/domain/column-batch.ts';
import { parseColumnType } from '../../../shared/domain/column-type.ts';
import type { ColumnType } from '../../../shared/domain/contract.ts';
import { formatCell } from '../../../shared/adapters/database/cell-text.ts';
import { declareTable as declareLake } from '../../support/declare-table.ts';
import { readLakeTexts } from '../../support/lake-texts.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { toExtras } from '../../support/table-rows.ts';
import { declareTable } from '../../support/table-settings.ts';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
  await server.run(`
    CREATE EXTENSION hstore; CREATE EXTENSION citext;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"');
    CREATE TYPE pair AS (a int, b text);
    CREATE DOMAIN cents AS numeric(6,2) CHECK (VALUE >= 0);
    CREATE DOMAIN handle AS text;
    CREATE DOMAIN wrapped AS handle;`);
});

afterAll(() => server.stop());

/** Type of the database, the word that `discover` prints for it, and values, as SQL. */
const TYPES: readonly (readonly [type: string, word: string, values: readonly string[]])[] = [
  ['bool', 'boolean', ['true', 'false']],
  ['int2', 'integer', ['-32768', '32767', '0']],
  ['int4', 'integer', ['-2147483648', '2147483647', '-1']],
  ['int8', 'bigint', ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-1', '4294967296']],
  ['oid', 'bigint', ['0', '4294967295']],
  ['float4', 'float', ["'1.1'", "'3.4028235e38'", "'-1e-45'", "'NaN'", "'Infinity'", "'16777216'"]],
  ['float8', 'double', ["'0.1'", "'1.7976931348623157e308'", "'5e-324'", "'NaN'", "'-Infinity'"]],
  ['numeric(12,2)', 'decimal(12,2)', ['9999999999.99', '-0.01', '0', '100', '10000', '123456.78']],
  ['numeric(18,4)', 'decimal(18,4)', ['99999999999999.9999', '-99999999999999.9999', '0.0001']],
  [
    'numeric(38,10)',
    'decimal(38,10)',
    [
      '9999999999999999999999999999.9999999999',
      '-9999999999999999999999999999.9999999999',
      '1',
      '0.0000000001',
    ],
  ],
  ['numeric(5,-2)', 'decimal(7,0)', ['9999900', '-100']],
  ['numeric(3,5)', 'decimal(5,5)', ['0.00999', '-0.00001']],
  [
    'numeric',
    'text',
    ['1e100', "'NaN'", '0.1234567890123456789012345678901234567890', "'-Infinity'", '1.500'],
  ],
  ['numeric(50,2)', 'text', ['123456789012345678901234567890123456789012345678.99']],
  ['cents', 'decimal(6,2)', ['9999.99']],
  ['date', 'date', ["'1969-12-31'", "'2026-02-28'", "'0001-01-01 BC'", "'9999-12-31'", "'4713-01-01 BC'"]],
  [
    'timestamp',
    'local-timestamp',
    ["'1969-12-31 23:59:59.999999'", "'2026-02-28 12:34:56.000001'", "'0044-03-15 12:00:00 BC'"],
  ],
  [
    'timestamptz',
    'timestamp',
    ["'1969-12-31 23:59:59.999999+00'", "'2026-02-28 12:34:56.000001+05:30'", "'12026-01-01 00:00+00'"],
  ],
  ['timestamptz(3)', 'timestamp', ["'2026-02-28 12:34:56.789+00'"]],
  ['time', 'text', ["'24:00:00'", "'01:02:03.000004'"]],
  ['timetz', 'text', ["'01:02:03.000004+05:30'"]],
  ['interval', 'text', ["'1 year -2 days 03:04:05.000006'", "'-1 month'"]],
  ['uuid', 'uuid', ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'00000000-0000-0000-0000-000000000000'"]],
  ['bytea', 'bytes', [String.raw`'\x00ff10'`, "''"]],
  ['text', 'text', ["''", "'é \u{1F98B}'", "E'a\\nb\"\\\\c'", "repeat('x', 100000)"]],
  ['varchar(20)', 'text', ["'trailing  '"]],
  ['char(5)', 'text', ["'ab'"]],
  ['"char"', 'text', ["'x'"]],
  ['name', 'text', ["'pg_class'"]],
  ['citext', 'text', ["'CaSe'"]],
  ['wrapped', 'text', ["'domain of a domain'"]],
  ['json', 'json', [`'{"a":  1.10, "a": 2}'`, "'null'", "'[]'"]],
  ['jsonb', 'json', [`'{"b":1.10,"a":"é"}'`, "'12345678901234567890.5'"]],
  ['hstore', 'json', [`'a=>1, b=>NULL'`]],
  ['xml', 'text', ['\'<a b="c">é</a>\'']],
  ['inet', 'text', ["'192.168.0.1'", "'10.0.0.0/8'", "'::1'"]],
  ['cidr', 'text', ["'10.0.0.0/8'"]],
  ['macaddr', 'text', ["'08:00:2b:01:02:03'"]],
  ['bit(3)', 'text', ["B'101'"]],
  ['varbit', 'text', ["B'10101'", "B''"]],
  ['money', 'text', ['-1234.56']],
  ['mood', 'text', ["'sad'", `'it''s "fine"'`]],
  ['pair', 'text', [`'(1,"a b")'`]],
  ['int4range', 'text', ["'[1,5)'", "'empty'"]],
  ['tstzrange', 'text', ["'[2026-01-01 00:00+00,)'"]],
  ['int4multirange', 'text', ["'{[1,2),[5,7)}'"]],
  ['point', 'text', ["'(1.5,-2)'"]],
  ['tsvector', 'text', ["'a:1 b:2'"]],
  ['pg_lsn', 'text', ["'16/B374D848'"]],
  ['int4[]', 'integer[]', ["'{1,NULL,-3}'", "'{}'"]],
  ['int8[]', 'bigint[]', ["'{9007199254740993}'"]],
  ['text[]', 'text[]', [String.raw`'{"a,b",NULL,"","\"q\""}'`]],
  ['varchar(9)[]', 'text[]', ["'{x}'"]],
  ['bool[]', 'boolean[]', ["'{t,f,NULL}'"]],
  ['float8[]', 'double[]', ["'{0.1,NULL}'"]],
  ['numeric(10,2)[]', 'decimal(10,2)[]', ["'{1.50,-0.01}'"]],
  ['numeric[]', 'text[]', ["'{1e30,NaN}'"]],
  ['timestamptz[]', 'timestamp[]', ["'{2026-01-01 00:00:00.000001+00}'"]],
  ['date[]', 'date[]', ["'{2026-01-01,NULL}'"]],
  ['uuid[]', 'uuid[]', ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"]],
  ['mood[]', 'text[]', ["'{sad,ok}'"]],
  ['jsonb[]', 'json[]', [`ARRAY['{"a": 1}'::jsonb, NULL]`]],
  ['cents[]', 'decimal(6,2)[]', ["'{1.25}'"]],
  ['bytea[]', 'json', [String.raw`ARRAY['\x00ff'::bytea]`]],
  ['int4[][]', 'json', ["'{{1,2},{3,4}}'"]],
];

/** What PostgreSQL itself writes for a value, in the form of the lake column. */
function expectedSql(column: string, word: string, type: string): string {
  // Lists, and what is kept as JSON though it is none, are compared as JSON of the elements' own text.
  if (word.endsWith('[]'))
    return `CASE WHEN ${column} IS NOT NULL THEN coalesce(
      (SELECT json_agg(e::text ORDER BY i) FROM unnest(${column}) WITH ORDINALITY x (e, i)), '[]') END`;
  if (word === 'json' && (type.endsWith('[]') || type === 'hstore'))
    return type === 'hstore' ? `hstore_to_json(${column})` : `to_json(${column})`;
  if (word === 'boolean') return `${column}::text`;
  return word === 'bytes' ? `encode(${column}, 'hex')` : column;
}

/** Zeros at the end of a second's fraction, which PostgreSQL does not write. */
const trimZeros = (text: string): string =>
  text.replace(/(:\d\d)\.?(\d*?)0+(?=\+00|$| BC)/, (_, s: string, f: string) => (f === '' ? s : `${s}.${f}`));

function cellText(data: ColumnData, type: ColumnType, row: number): string | null {
  if (data.nulls?.[row] === 1) return null;
  if (data.kind !== 'list' || type.kind !== 'list') return formatCell(data, type, row) ?? null;
  const from = data.offsets[row] ?? 0;
  const to = data.offsets[row + 1] ?? 0;
  const elements = Array.from({ length: to - from }, (_, i) =>
    cellText(data.element, type.element, from + i),
  );
  return JSON.stringify(elements);
}

/** Numbers as numbers: `1e-45` and `1.4e-45` are one float. */
function comparable(text: string | null, word: string): unknown {
  if (text === null) return null;
  if (word === 'float') return Math.fround(Number(text));
  if (word === 'double') return Number(text);
  if (word.endsWith('[]'))
    return (JSON.parse(text) as (string | null)[]).map((part) => comparable(part, word.slice(0, -2)));
  return word.includes('timestamp') ? trimZeros(text) : text;
}

test('every type arrives as the database writes it, its edges and null too', async () => {
  await server.run('CREATE TABLE types (id int PRIMARY KEY)');
  const columns = TYPES.map(([type, word, values], i) => ({ type, word, values, name: `c${String(i)}` }));
  for (const { name, type } of columns) await server.run(`ALTER TABLE types ADD COLUMN ${name} ${type}`);
  const rows = Math.max(...TYPES.map(([, , values]) => values.length)) + 1;
  for (let row = 0; row < rows; row += 1) {
    const values = columns.map(({ values: all, type }) => `(${all[row] ?? 'NULL'})::${type}`);
    await server.run(`INSERT INTO types VALUES (${[String(row), ...values].join(', ')})`);
  }
  const looking = openSource(
    server,
    declareTable('postgres', {
      table: 'types',
      columns: { id: 'integer' },
      connection: connectionTo(server),
    }),
  );
  const described = await looking.describe(Date.now() + 60_000);
  await looking.close();
  const words = described.columns.map(({ columnType }) => columnType);
  expect(words.slice(1)).toEqual(columns.map(({ word }) => word));

  const declared = Object.fromEntries(described.columns.map(({ name, columnType }) => [name, columnType]));
  const settings = declareTable('postgres', {
    table: 'types',
    columns: declared,
    undeclared: 'freeze',
    connection: connectionTo(server),
  });
  const source = openSource(server, settings);
  await server.run("SET TimeZone TO 'UTC'; SET extra_float_digits TO 3");
  const expected = await server.run(
    `SELECT id, ${columns.map(({ name, word, type }) => `${expectedSql(name, word, type)} AS ${name}`).join(', ')}
     FROM types ORDER BY id`,
  );
  let read = 0;
  const writer = new DuckDbColumnWriter();
  const lake = await writer.open(declareLake(declared), {
    origin: 'extract/types/1',
    firstIndex: 0,
    receivedAtMs: 1_800_000_000_000,
  });
  for await (const { rows: batch } of source.read({ deadlineMs: Date.now() + 60_000 })) {
    expect(batch.extra).toBeUndefined();
    for (let row = 0; row < batch.rows; row += 1) {
      const id = formatCell(batch.columns[0] as ColumnData, { kind: 'int32' }, row);
      const wanted = expected.find((candidate) => candidate['id'] === id) ?? {};
      columns.forEach(({ name, word, type }, i) => {
        const data = batch.columns[i + 1] as ColumnData;
        const text = cellText(data, parseColumnType(word) as ColumnType, row);
        expect(comparable(text, word), `${type} in row ${String(id)}`).toEqual(
          comparable(wanted[name] ?? null, word),
        );
        read += 1;
      });
    }
    await lake.append(batch);
  }
  expect(read).toBe(rows * columns.length);
  await source.close();

  // And so it is in the lake, as DuckDB reads the file.
  const [file, ...others] = await lake.finish();
  await writer.close();
  expect(others).toEqual([]);
  const landed = await readLakeTexts(file?.bytes ?? new Uint8Array(), declared);
  expect(landed).toHaveLength(rows);
  landed.forEach((inLake, row) => {
    const wanted = expected[row] ?? {};
    for (const { name, word, type } of columns) {
      const text = inLake[name] ?? null;
      expect(comparable(text, word), `${type} in row ${String(row)} of the lake`).toEqual(
        comparable(wanted[name] ?? null, word),
      );
    }
  });
});

test('what does not fit its column is null there, and in `_extra` as the database writes it', async () => {
  await server.run(`
    CREATE TABLE unfit (id int PRIMARY KEY, n numeric, m numeric, t timestamptz, l timestamp, d date, a int[], b numeric[], u text);
    INSERT INTO unfit VALUES
      (1, 'NaN', 1e40, 'infinity', '-infinity', 'infinity', '{{1,2},{3,4}}', '{1.5,NaN,NULL}', 'more'),
      (2, 1.005, '-Infinity', '294276-12-31 23:59:59.5+00', 'infinity', '-infinity', '{1}', '{1.5}', NULL),
      (3, 100000, 1, '2026-01-01 00:00+00', NULL, NULL, NULL, NULL, NULL),
      (4, 12.34, 1, '2026-01-01 00:00+00', NULL, NULL, '[0:1]={1,2}', NULL, 'only');`);
  const columns = {
    ...{ id: 'integer', n: 'decimal(6,2)', m: 'decimal(38,0)', t: 'timestamp', l: 'local-timestamp' },
    ...{ d: 'date', a: 'integer[]', b: 'decimal(6,2)[]' },
  };
  const settings = declareTable('postgres', { table: 'unfit', columns, connection: connectionTo(server) });
  const source = openSource(server, settings);
  const extras: unknown[] = [];
  const nulls: string[] = [];
  for await (const { rows } of source.read({ deadlineMs: Date.now() + 60_000 })) {
    extras.push(...toExtras(rows).map((text) => (text === null ? null : (JSON.parse(text) as unknown))));
    for (let row = 0; row < rows.rows; row += 1)
      nulls.push(rows.columns.map(({ nulls: marks }) => (marks?.[row] === 1 ? 'x' : '.')).join(''));
  }
  await source.close();
  expect(extras).toEqual([
    {
      ...{ n: 'NaN', m: '10000000000000000000000000000000000000000', t: 'infinity', l: '-infinity' },
      ...{ d: 'infinity', a: '{{1,2},{3,4}}', b: '{1.5,NaN,NULL}', u: 'more' },
    },
    { n: '1.005', m: '-Infinity', t: '294276-12-31 23:59:59.5+00', l: 'infinity', d: '-infinity' },
    { n: '100000' },
    { u: 'only' },
  ]);
  expect(nulls).toEqual(['.xxxxxxx', '.xxxxx..', '.x..xxxx', '....xx.x']);
});
