import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { DuckDbParquetReader } from '../../../shared/adapters/duckdb/duckdb-parquet-reader.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { checkFiles } from '../../../shared/pipeline/checks/check-files.ts';
import type { ObjectSource } from '../../../shared/ports/object-source.ts';
import { declareFiles, type FilesSourceInput } from '../../support/declare-files.ts';

async function check(
  config: Partial<FilesSourceInput>,
  objects: ObjectSource,
  clock = new ManualClock(),
): Promise<{ levels: string[]; messages: string }> {
  const source = declareFiles(config);
  const parquet = new DuckDbParquetReader({ schema: source.contract.schema });
  const findings = await checkFiles({ source, objects, parquet, clock, deadlineMs: clock.nowMs() + 30_000 });
  return {
    levels: findings.map(({ level, code }) => `${level} ${code}`),
    messages: findings.map(({ message }) => message).join('\n'),
  };
}

function folder(files: Readonly<Record<string, string | Uint8Array>>): MemoryObjectSource {
  const objects = new MemoryObjectSource();
  for (const [name, text] of Object.entries(files))
    objects.put(name, typeof text === 'string' ? Buffer.from(text) : text);
  return objects;
}

const GOOD = '{"id":1,"body":"a"}\n{"id":2,"body":"b"}\n';

describe('the check of files', () => {
  test('finds nothing where an object reads as declared, whatever else is there', async () => {
    const objects = folder({
      'a.txt': 'x',
      'b/empty.ndjson': '',
      'c/1.ndjson': GOOD,
      'd/2.ndjson': 'not looked at',
    });
    expect(await check({ pattern: '**/*.ndjson' }, objects)).toEqual({ levels: [], messages: '' });
  });

  test('goes through pages of a listing until one matches', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a${String(i + 100)}.txt`, 'x']));
    expect((await check({ pattern: '*.ndjson' }, folder({ ...files, 'z.ndjson': GOOD }))).levels).toEqual([]);
    const { levels, messages } = await check({ pattern: '*.csv' }, folder(files));
    expect(levels).toEqual(['warning OBJECT_NONE']);
    expect(messages).toContain('30 others, such as "a100.txt", "a101.txt", "a102.txt"');
  });

  test('an empty place is a warning: something may come', async () => {
    const { levels, messages } = await check({}, folder({}));
    expect(levels).toEqual(['warning OBJECT_NONE']);
    expect(messages).toContain('there is nothing there');
  });

  test.each<[string, Partial<FilesSourceInput>, string | Uint8Array, readonly string[]]>([
    ['JSON that is none', {}, 'id,body\n1,a\n', ['error SAMPLE_REFUSED']],
    ['a field of another type', {}, GOOD + '{"id":"3","body":"c"}\n', ['warning SAMPLE_VIOLATION']],
    [
      'CSV with another delimiter',
      { format: { type: 'csv' } },
      'id;body\n1;a\n',
      ['error OBJECT_UNREADABLE'],
    ],
    [
      'no CSV header that can be read',
      { format: { type: 'csv' } },
      'id,id\n1,2\n',
      ['error OBJECT_UNREADABLE'],
    ],
    ['gzip that is none', { compression: 'gzip' }, GOOD, ['error OBJECT_UNREADABLE']],
    ['gzip that is cut off', {}, gzipSync(GOOD.repeat(100)).subarray(0, 40), ['error OBJECT_UNREADABLE']],
    ['no Parquet', { format: { type: 'parquet' } }, GOOD, ['error OBJECT_UNREADABLE']],
    ['CSV without rows', { format: { type: 'csv' } }, 'id,body\n', ['warning SAMPLE_EMPTY']],
  ])('%s', async (_, config, bytes, expected) => {
    const { levels, messages } = await check(config, folder({ '1.data': bytes }));
    expect([...new Set(levels)]).toEqual(expected);
    expect(messages).toContain('1.data');
  });

  test('reads the beginning of a large object only', async () => {
    let read = 0;
    const objects: ObjectSource = {
      list: () =>
        Promise.resolve({ objects: [{ name: 'big', tag: '1', bytes: 1e9 }], isLast: true, last: 'big' }),
      async *open() {
        for (;;) {
          read++;
          yield await Promise.resolve(Buffer.from(GOOD.repeat(100)));
        }
      },
    };
    const { levels, messages } = await check({}, objects);
    // The field that may be left out, in this many records.
    expect(levels).toEqual(['warning SAMPLE_FIELD_ABSENT']);
    expect(messages).toContain('"amount"');
    expect(read).toBeLessThan(20);
  });

  test('an object without an end of its first record is given up at the deadline', async () => {
    const clock = new ManualClock();
    const objects: ObjectSource = {
      list: () =>
        Promise.resolve({ objects: [{ name: 'one', tag: '1', bytes: 1e9 }], isLast: true, last: 'one' }),
      async *open() {
        for (;;) {
          clock.advance(7_000);
          yield await Promise.resolve(Buffer.from('"'));
        }
      },
    };
    const { levels, messages } = await check({ maxRecordBytes: '64 MiB' }, objects, clock);
    expect(levels).toEqual(['error CHECK_TIMEOUT']);
    expect(messages).toContain('--deadline');
  });

  test('what AWS says of a bucket is said of the source', async () => {
    const refusing = (code: string): ObjectSource => ({
      list: () => Promise.reject(new BlockedError(code, 'deploy the stacks again')),
      open: () => {
        throw new Error('nothing was listed');
      },
    });
    for (const [code, expected, words] of [
      ['RESOURCE_MISSING', 'error RESOURCE_MISSING', 'there is no bucket'],
      ['ACCESS_DENIED', 'warning ACCESS_DENIED', 's3:ListBucket'],
    ] as const) {
      const { levels, messages } = await check({}, refusing(code));
      expect(levels).toEqual([expected]);
      expect(messages).toContain(words);
      expect(messages).toContain('s3://inbox/items/');
      expect(messages).not.toContain('stacks');
    }
  });
});
