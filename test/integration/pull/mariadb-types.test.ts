import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { declareTable } from '../../support/declare-table.ts';
import { formatCell } from '../../../shared/adapters/database/cell-text.ts';
import { readLakeTexts } from '../../support/lake-texts.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import { declareColumns, inOneMinute, openMysqlSource, SHOP } from '../../support/mysql-source.ts';

/**
 * Each type with values at its edges, as SQL; what the lake column holds has to be the database's own text. Where the
 * texts differ in form only, `text` says how the database is asked for the same form.
 */
const TYPES: readonly {
  readonly type: string;
  readonly column: string;
  readonly values: readonly string[];
  readonly text?: string;
}[] = [
  { type: 'tinyint', column: 'integer', values: ['-128', '127', '0'] },
  { type: 'tinyint(1)', column: 'boolean', values: ['0', '1'], text: "IF(v, 'true', 'false')" },
  { type: 'tinyint(1)', column: 'integer', values: ['0', '1', '2', '-1'] },
  { type: 'smallint unsigned', column: 'integer', values: ['0', '65535'] },
  { type: 'mediumint', column: 'integer', values: ['-8388608', '8388607'] },
  { type: 'int', column: 'integer', values: ['-2147483648', '2147483647'] },
  { type: 'int unsigned', column: 'bigint', values: ['0', '4294967295', '4294967294', '2147483648'] },
  { type: 'int(5) zerofill', column: 'bigint', values: ['42'], text: 'CAST(v AS CHAR) + 0' },
  {
    type: 'bigint',
    column: 'bigint',
    values: ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-1', '-4294967297'],
  },
  {
    type: 'bigint unsigned',
    column: 'decimal(20,0)',
    values: ['0', '18446744073709551615', '9223372036854775808'],
  },
  { type: 'decimal(12,2)', column: 'decimal(12,2)', values: ['-9999999999.99', '0.01', '-0.01', '0'] },
  { type: 'decimal(18,0)', column: 'decimal(18,0)', values: ['-999999999999999999', '999999999999999999'] },
  {
    type: 'decimal(38,10)',
    column: 'decimal(38,10)',
    values: [
      '-9999999999999999999999999999.9999999999',
      '0.0000000001',
      '-0.0000000001',
      '-4294967296.5',
      '12',
    ],
  },
  {
    type: 'decimal(65,30)',
    column: 'text',
    values: ['-12345678901234567890123456789012345.000000000000000000000000000001'],
  },
  {
    type: 'float',
    column: 'float',
    values: ['16777217', '1.1234567', '-3.402823e38', '1e-38'],
    text: 'v + 0e0',
  },
  { type: 'float(7,2)', column: 'float', values: ['1234.56', '-0.01'], text: 'v + 0e0' },
  {
    type: 'double',
    column: 'double',
    values: ['0.1', '1e300/3', '-2.2250738585072014e-308', '9007199254740993'],
  },
  {
    type: 'date',
    column: 'date',
    values: ["'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'1970-01-01'", "'1969-12-31'"],
  },
  {
    type: 'datetime(6)',
    column: 'local-timestamp',
    values: ["'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.999999'"],
  },
  {
    type: 'datetime',
    column: 'local-timestamp',
    values: ["'2026-03-29 02:30:00'"],
    text: 'CAST(v AS DATETIME(6))',
  },
  {
    type: 'datetime(3)',
    column: 'timestamp',
    values: ["'2026-03-29 02:30:00.123'"],
    text: "CONCAT(CAST(v AS DATETIME(6)), '+00')",
  },
  {
    type: 'timestamp(6)',
    column: 'timestamp',
    values: ["'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'"],
    text: "CONCAT(v, '+00')",
  },
  { type: 'time(6)', column: 'text', values: ["'-838:59:59.999999'", "'838:59:59.999999'", "'00:00:00'"] },
  { type: 'year', column: 'integer', values: ['1901', '2155', '0'], text: 'v + 0' },
  { type: 'bit(1)', column: 'boolean', values: ["b'0'", "b'1'"], text: "IF(v, 'true', 'false')" },
  { type: 'bit(12)', column: 'integer', values: ["b'111111111111'"], text: 'v + 0' },
  { type: 'bit(64)', column: 'decimal(20,0)', values: ["b'1'", '18446744073709551615'], text: 'v + 0' },
  { type: 'char(5) character set latin1', column: 'text', values: ["'äöü'", "''"] },
  { type: 'varchar(50) character set ucs2', column: 'text', values: ["'Ω δ'"] },
  {
    type: 'longtext',
    column: 'text',
    values: ["'😀 \\'\"\\\\ \\0 \\n'", "REPEAT('x', 300)", "REPEAT('é', 70000)"],
  },
  { type: "enum('a','ß')", column: 'text', values: ["'ß'"] },
  { type: "set('a','b')", column: 'text', values: ["'b,a'", "''"] },
  { type: 'json', column: 'json', values: ['\'{"a": 12345678901234567890.10, "b": [null]}\'', "'1'"] },
  { type: 'binary(4)', column: 'bytes', values: ["X'00ff'", "X'deadbeef'"], text: 'LOWER(HEX(v))' },
  {
    type: 'longblob',
    column: 'bytes',
    values: ["X'00ff27fb'", "REPEAT(X'fb', 70000)"],
    text: 'LOWER(HEX(v))',
  },
  { type: 'geometry', column: 'bytes', values: ['POINT(1, 2)'], text: 'LOWER(HEX(v))' },
  { type: 'uuid', column: 'uuid', values: ["'123E4567-e89b-12d3-a456-426655440000'"] },
  { type: 'char(36)', column: 'uuid', values: ["'123E4567-E89B-12D3-A456-426655440000'"], text: 'LOWER(v)' },
  {
    type: 'binary(16)',
    column: 'uuid',
    values: ["X'123E4567e89b12d3a456426655440000'"],
    text: "LOWER(CONCAT_WS('-', HEX(SUBSTR(v, 1, 4)), HEX(SUBSTR(v, 5, 2)), HEX(SUBSTR(v, 7, 2)), HEX(SUBSTR(v, 9, 2)), HEX(SUBSTR(v, 11))))",
  },
  { type: 'inet6', column: 'text', values: ["'2001:db8::ff00:42:8329'"] },
];

const writer = new DuckDbColumnWriter();
const LAKE = { origin: 'extract/types/1', firstIndex: 0, receivedAtMs: 1_800_000_000_000 };

afterAll(() => writer.close());

describeOnMariadb('types of MariaDB', (server) => {
  beforeAll(async () => {
    await (await server().connect()).query(SHOP);
  });

  describe('the lake column holds the value that the database has', () => {
    test.each(TYPES.map((type, i) => [`${type.type} as ${type.column}`, type, i] as const))(
      '%s',
      async (_, { type, column, values, text = 'v' }, i) => {
        const admin = await server().connect('shop');
        const table = `types_${String(i)}`;
        await admin.query("SET time_zone = '+00:00', sql_mode = ''");
        await admin.query(`CREATE TABLE ${table} (id INT PRIMARY KEY, v ${type} NULL DEFAULT NULL)`);
        for (const [id, value] of [...values, 'NULL'].entries())
          await admin.query(`INSERT INTO ${table} VALUES (${String(id)}, ${value})`);
        const [expected] = await admin.query(
          `SELECT CAST(IF(v IS NULL, NULL, ${text}) AS CHAR) AS text FROM ${table} ORDER BY id`,
        );
        const source = openMysqlSource(server(), { table, columns: { id: 'integer', v: column } });
        const read: (string | undefined)[] = [];
        const lake = await writer.open(declareTable({ id: 'integer', v: column }), LAKE);
        const [, declared] = declareColumns({ id: 'integer', v: column });
        for await (const { rows } of source.read({
          keys: { from: undefined, to: undefined },
          deadlineMs: inOneMinute(),
        })) {
          await lake.append(rows);
          const data = rows.columns[1];
          if (data === undefined || declared === undefined) throw new Error('no column');
          expect(rows.extra).toBeUndefined();
          for (let row = 0; row < rows.rows; row += 1) read.push(formatCell(data, declared.type, row));
        }
        await source.close();
        const numbers = column === 'float' || column === 'double';
        const toForm = (value: string | null | undefined): string | number | null =>
          value === null || value === undefined
            ? null
            : numbers
              ? column === 'float'
                ? Math.fround(Number(value))
                : Number(value)
              : value;
        expect(read.map(toForm)).toEqual(
          (expected as { text: string | null }[]).map(({ text: own }) => toForm(own)),
        );
        // And so it is in the lake, as DuckDB writes it.
        const files = await lake.finish();
        const landed = await readLakeTexts(files[0]?.bytes ?? new Uint8Array(), { v: column });
        expect(landed.map(({ v }) => toForm(v))).toEqual(read.map(toForm));
      },
    );

    test('describe gives each type the word that holds it', async () => {
      const admin = await server().connect('shop');
      const distinct = [...new Map(TYPES.map((type) => [type.type, type])).values()];
      await admin.query(
        `CREATE TABLE every (id INT PRIMARY KEY, ${distinct.map(({ type }, i) => `c${String(i)} ${type} NULL`).join(', ')})`,
      );
      const source = openMysqlSource(server(), { table: 'every', columns: { id: 'integer' } });
      const { columns, primaryKey } = await source.describe(inOneMinute());
      await source.close();
      expect(primaryKey).toEqual(['id']);
      // Every word that is given is one that the column can be read as.
      const words = Object.fromEntries(columns.map(({ name, columnType }) => [name, columnType]));
      const all = openMysqlSource(server(), { table: 'every', columns: words });
      const seen: number[] = [];
      for await (const { rows } of all.read({ deadlineMs: inOneMinute() })) seen.push(rows.rows);
      await all.close();
      expect(Object.values(words)).toContain('decimal(20,0)');
      expect(seen).toEqual([]);
    });
  });

  test('zero dates and days that do not exist are null, and their text is in _extra', async () => {
    const admin = await server().connect('shop');
    await admin.query("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
    await admin.query(
      'CREATE TABLE odd (id INT PRIMARY KEY, d DATE, dt DATETIME(6), ts TIMESTAMP NULL, n INT, more DECIMAL(10,2))',
    );
    await admin.query(
      "INSERT INTO odd VALUES (1, '0000-00-00', '2026-00-10 01:02:03.5', '0000-00-00', 7, 1.50), (2, '2026-02-31', '2026-06-31', NULL, 70000, NULL)",
    );
    const source = openMysqlSource(server(), {
      table: 'odd',
      columns: { id: 'integer', d: 'date', dt: 'local-timestamp', ts: 'timestamp', n: 'boolean' },
    });
    const extra: unknown[] = [];
    for await (const { rows } of source.read({ deadlineMs: inOneMinute() })) {
      expect(rows.columns.slice(1, 3).map(({ nulls }) => [...(nulls ?? [])])).toEqual([
        [1, 1],
        [1, 1],
      ]);
      const { data, offsets } = rows.extra ?? { data: new Uint8Array(), offsets: [] };
      for (let i = 0; i < rows.rows; i += 1)
        extra.push(Buffer.from(data.subarray(offsets[i], offsets[i + 1])).toString());
    }
    await source.close();
    expect(extra).toEqual([
      '{"d":"0000-00-00","dt":"2026-00-10 01:02:03.500000","ts":"0000-00-00 00:00:00","n":7,"more":1.50}',
      '{"d":"2026-02-31","dt":"2026-06-31 00:00:00.000000","n":70000}',
    ]);
  });
});
