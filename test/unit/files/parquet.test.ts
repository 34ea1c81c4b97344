import { DuckDBInstance } from '@duckdb/node-api';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDbParquetReader } from '../../../shared/adapters/duckdb/duckdb-parquet-reader.ts';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { declareFiles } from '../../support/declare-files.ts';
import { createFilesWorld } from '../../support/files-world.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(sql: string, options = ''): Promise<Buffer> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const path = join(folder, 'x.parquet');
  await connection.run(`SET TimeZone = 'UTC'`);
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet ${options})`);
  connection.closeSync();
  instance.closeSync();
  return readFile(path);
}

const COLUMN_TYPES = {
  id: { type: 'integer' },
  body: { type: 'string' },
  big: { type: ['integer', 'null'], format: 'int64' },
  amount: { type: ['string', 'null'], columnType: 'decimal(38,9)' },
  at: { type: ['string', 'null'], format: 'date-time' },
} as const;

function setUp(): {
  world: ReturnType<typeof createFilesWorld>;
  objects: MemoryObjectSource;
  parquet: DuckDbParquetReader;
} {
  const schema = { type: 'object', required: ['id', 'body'], properties: COLUMN_TYPES } as const;
  const source = declareFiles({
    format: { type: 'parquet' },
    contract: { schema: structuredClone(schema) as never },
  });
  return {
    world: createFilesWorld(source),
    objects: new MemoryObjectSource({ chunkBytes: () => 10_000 }),
    parquet: new DuckDbParquetReader({ schema }),
  };
}

describe('Parquet', () => {
  test('values are exact: all digits, microseconds, bytes, nested', async () => {
    const { world, objects, parquet } = setUp();
    objects.put(
      '1',
      await write(`SELECT 1 AS id, 'ü"\n' AS body, 9007199254740993 AS big,
        12345678901234567890123456789.123456789::DECIMAL(38,9) AS amount,
        TIMESTAMPTZ '2026-01-02 03:04:05.123456+00' AS at, DATE '2026-01-02' AS d, '\\xFF\\x00'::BLOB AS b,
        1.1::DOUBLE AS f, 18446744073709551615::UBIGINT AS u, true AS t, NULL::INTEGER AS n,
        {'a': [1.10::DECIMAL(9,2), NULL], 'w': TIMESTAMPTZ '2026-01-02 03:04:05.000001+00'} AS nested`),
    );
    await world.run(objects, { parquet });
    expect(world.rows('quarantine')).toEqual([]);
    expect(world.rows('raw').map(({ raw }) => raw)).toEqual([
      '{"id":1,"body":"ü\\"\\n","big":9007199254740993,"amount":"12345678901234567890123456789.123456789",' +
        '"at":"2026-01-02T03:04:05.123456Z","d":"2026-01-02","b":"/wA=","f":1.1,"u":"18446744073709551615","t":true,' +
        '"nested":{"a":["1.10",null],"w":"2026-01-02T03:04:05.000001Z"}}',
    ]);
  });

  test.each(['snappy', 'zstd', 'gzip', 'uncompressed'])(
    'row groups one by one, wherever a batch ends, %s',
    async (compression) => {
      const { world, objects, parquet } = setUp();
      objects.put(
        '1',
        await write(
          `SELECT i::INTEGER AS id, 'b' || i AS body FROM range(10000) t(i)`,
          `, COMPRESSION ${compression}, ROW_GROUP_SIZE 4096`,
        ),
      );
      for (let run = 0; run < 2; run++) await world.run(objects, { parquet, maxBatchBytes: 60_000 });
      const rows = world.rows('raw');
      expect(rows.map(({ raw }) => (JSON.parse(raw) as { id: number }).id)).toEqual(
        Array.from({ length: 10_000 }, (_, i) => i),
      );
      expect(rows.at(-1)?.id.endsWith('/9999')).toBe(true);
      expect((await world.ledger.read('pull/items')).commits).toBeGreaterThan(2);
    },
  );

  test('reading goes on in the middle of a row group', async () => {
    const { objects, parquet } = setUp();
    objects.put(
      '1',
      await write(`SELECT i AS id, 'b' AS body FROM range(9000) t(i)`, ', ROW_GROUP_SIZE 4096'),
    );
    const [object] = (await objects.list('')).objects;
    if (object === undefined) throw new Error('it is listed');
    const ids: number[] = [];
    for await (const { pieces } of parquet.read(
      objects,
      object,
      { offset: 4096, row: 5_000, line: 0, state: '' },
      Infinity,
    ))
      for (const { bytes } of pieces)
        ids.push((JSON.parse(Buffer.from(bytes).toString()) as { id: number }).id);
    expect(ids).toEqual(Array.from({ length: 4_000 }, (_, i) => 5_000 + i));
  });

  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['is cut off', (bytes) => bytes.subarray(0, -5), 'no Parquet file'],
    ['is empty', () => Buffer.alloc(0), 'no Parquet file'],
    ['is something else', () => Buffer.from('id,body\n1,a\n'), 'no Parquet file'],
    ['has a damaged footer', (bytes) => damage(bytes, bytes.length - 60, 50), 'Parquet'],
    ['has damaged pages', (bytes) => damage(bytes, 4, 40), 'Parquet'],
  ])('what %s is seen in quarantine, and is not in the way', async (_, spoil, problem) => {
    const { world, objects, parquet } = setUp();
    const bytes = await write(`SELECT i AS id, 'b' || i AS body FROM range(100) t(i)`);
    objects.put('1', spoil(Buffer.from(bytes)));
    objects.put('2', bytes);
    await world.run(objects, { parquet });
    expect(world.rows('raw')).toHaveLength(100);
    const rows = world.rows('quarantine') as { reason?: string; error?: string }[];
    expect(rows.map(({ reason }) => reason)).toEqual(['UNREADABLE_OBJECT']);
    expect(rows[0]?.error).toContain(problem);
  });
});

function damage(bytes: Buffer, from: number, length: number): Buffer {
  for (let i = from; i < from + length; i++) bytes[i] = 0xee;
  return bytes;
}
