import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { discoverFile } from '../../../cli/commands/discover-files.ts';
import { checkSchema } from '../../../shared/domain/check-schema.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-discover-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function discover(content: string | Buffer): ReturnType<typeof discoverFile> {
  const path = join(folder, 'x');
  await writeFile(path, content);
  return discoverFile(path, () => Promise.reject(new Error('no bucket')));
}

const CSV =
  'id;post code;amount;ok;at;day;note;big\n' +
  '1;00123;1.5;true;2026-01-02T03:04:05Z;2026-01-02;"a;b";9007199254740993\n' +
  '2;45678;2;false;2026-01-02T03:04:05.5+01:00;2026-01-03;;1\n';
const CSV_SCHEMA = {
  type: 'object',
  required: ['id', 'post code', 'amount', 'ok', 'at', 'day', 'big'],
  properties: {
    id: { type: 'integer' },
    'post code': { type: 'string' },
    amount: { type: 'number' },
    ok: { type: 'boolean' },
    at: { type: 'string', format: 'date-time' },
    day: { type: 'string', format: 'date' },
    note: { type: ['string', 'null'] },
    big: { type: 'integer', format: 'int64' },
  },
};

test.each([
  ['plain', (text: string) => Buffer.from(text)],
  ['gzip', (text: string) => gzipSync(text)],
  ['zstd', (text: string) => zstdCompressSync(Buffer.from(text))],
])('CSV: delimiter, types, what may be missing, %s', async (_, compress) => {
  expect(await discover(compress(CSV))).toEqual({
    format: { type: 'csv', delimiter: ';' },
    schema: CSV_SCHEMA,
    rows: 2,
  });
  expect(checkSchema(CSV_SCHEMA)).toEqual([]);
});

test('NDJSON, an array, and an array somewhere in a document', async () => {
  const rows = [
    { id: 1, tags: ['a'], x: 'text' },
    { id: 2.5, x: 3, more: null },
  ];
  const properties = {
    id: { type: 'number' },
    tags: { type: 'array' },
    x: {},
    more: {},
  };
  const schema = { type: 'object', required: ['id', 'x'], properties };
  expect(await discover(rows.map((row) => JSON.stringify(row)).join('\n'))).toEqual({
    format: { type: 'ndjson' },
    schema,
    rows: 2,
  });
  expect((await discover(JSON.stringify(rows, null, 2))).format).toEqual({ type: 'json' });
  expect(await discover(JSON.stringify({ page: { n: 1, items: rows } }))).toEqual({
    format: { type: 'json', recordsPath: 'page.items' },
    schema,
    rows: 2,
  });
});

test('only whole rows of a large file are looked at', async () => {
  const { rows, schema } = await discover(`id,body\n${`1,${'x'.repeat(1_000)}\n`.repeat(5_000)}`);
  expect(rows).toBeGreaterThan(4_000);
  expect(schema).toMatchObject({ properties: { id: { type: 'integer' }, body: { type: 'string' } } });
});

test('what cannot be sampled says what to do', async () => {
  await expect(discover('PAR1....')).rejects.toThrow('Parquet');
  await expect(discover('')).rejects.toThrow('no rows');
  await expect(discoverFile(join(folder, 'nothing'), () => Promise.reject(new Error()))).rejects.toThrow(
    'there is no file',
  );
});
