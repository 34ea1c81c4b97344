import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MemoryObjectSource } from '../../../shared/adapters/memory/memory-object-source.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { parseFilesPosition } from '../../../shared/domain/files-position.ts';
import type { ObjectSource } from '../../../shared/ports/object-source.ts';
import { declareFiles, type FilesSourceInput } from '../../support/declare-files.ts';
import { createFilesWorld, type FilesWorld } from '../../support/files-world.ts';

const CSV = { format: { type: 'csv' } } as const;
const JSON_FORMAT = { format: { type: 'json' } } as const;

function setUp(overrides: Partial<FilesSourceInput> = {}): {
  world: FilesWorld;
  objects: MemoryObjectSource;
} {
  return { world: createFilesWorld(declareFiles(overrides)), objects: new MemoryObjectSource() };
}

const landed = (world: FilesWorld): unknown[] =>
  world.rows('raw').map(({ raw }) => JSON.parse(raw) as unknown);
const quarantined = (world: FilesWorld): { reason?: string; error?: string; raw: string; id: string }[] =>
  world.rows('quarantine');

const line = (id: number): string => JSON.stringify({ id, body: `b${String(id)}` });
const rowsOf = (...ids: number[]): unknown[] => ids.map((id) => ({ id, body: `b${String(id)}` }));

describe('objects land once', () => {
  test('new ones in the order of their names, and again only with another content', async () => {
    const { world, objects } = setUp();
    for (const id of [3, 1, 2, 5, 4]) objects.put(`${String(id)}.ndjson`, Buffer.from(`${line(id)}\n`));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2, 3, 4, 5));
    expect(await world.run(objects)).toMatchObject({ finished: true, commits: 0 });
    objects.put('2.ndjson', Buffer.from(`${line(2)}\n${line(6)}\n`));
    objects.put('0.ndjson', Buffer.from(`${line(0)}\n`));
    await world.run(objects);
    expect(landed(world).slice(5)).toEqual(rowsOf(0, 2, 6));
    expect(await world.run(objects)).toMatchObject({ finished: true, commits: 0 });
  });

  test('rows are known by their object, its version and their number', async () => {
    const { world, objects } = setUp();
    const tag = objects.put('a/b.ndjson', Buffer.from(`${line(1)}\n${line(2)}`));
    await world.run(objects);
    expect(world.rows('raw').map(({ id }) => id)).toEqual([
      `pull/items/a/b.ndjson@${tag}/0`,
      `pull/items/a/b.ndjson@${tag}/1`,
    ]);
  });

  test('with a key, a record that is in several objects lands once', async () => {
    const { world, objects } = setUp({ key: ['id'] });
    objects.put('1', Buffer.from(`${line(1)}\n${line(2)}`));
    objects.put('2', Buffer.from(`${line(2)}\n${line(3)}`));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2, 3));
  });

  test('only those that match the pattern, and none whose name climbs', async () => {
    const { world, objects } = setUp({ pattern: '**/*.{ndjson,json}' });
    for (const name of ['a.ndjson', 'x/y/b.json', 'c.csv', '../d.json', '/e.json', 'x/../f.json'])
      objects.put(name, Buffer.from(line(name.length)));
    objects.put('folder/', Buffer.alloc(0));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf('a.ndjson'.length, 'x/y/b.json'.length));
  });

  test('hundreds of commits later they are still known', async () => {
    const { world, objects } = setUp();
    for (let id = 0; id < 150; id++) {
      objects.put(String(id).padStart(4, '0'), Buffer.from(line(id)));
      await world.run(objects);
      if (id % 10 === 9) objects.remove(String(id).padStart(4, '0'));
    }
    expect(world.rows('raw')).toHaveLength(150);
    expect(await world.run(objects)).toMatchObject({ commits: 0 });
  });

  test('lists of what has landed do not add up, and none that is needed is removed', async () => {
    const { world, objects } = setUp();
    const put = (id: number): void => {
      objects.put(String(id).padStart(4, '0'), Buffer.from(line(id)));
    };
    for (let id = 0; id < 200; id++) {
      put(id);
      await world.run(objects);
      const kept = world.stage.numbersOf('files/items');
      const { landedFrom, formerFrom } = parseFilesPosition(
        'pull/items',
        (await world.ledger.read('pull/items')).position,
        0,
      );
      // Those of the position, and one generation more for runs that are late.
      for (let number = formerFrom; number <= id; number++) expect(kept).toContain(number);
      expect(landedFrom).toBeGreaterThanOrEqual(formerFrom);
      expect(kept.length).toBeLessThan(100);
    }
    expect(await world.run(objects)).toMatchObject({ commits: 0 });
    expect(world.rows('raw')).toHaveLength(200);
  });

  test('lists that cannot be removed do not hold anything up, and are removed later', async () => {
    let isDenied = true;
    const world = createFilesWorld(declareFiles({}), {
      turn: {
        before: ({ operation }) =>
          operation === 'remove' && isDenied
            ? Promise.reject(new BlockedError('ACCESS_DENIED', 'no'))
            : Promise.resolve(),
      },
    });
    const objects = new MemoryObjectSource();
    for (let id = 0; id < 140; id++) {
      isDenied = id < 120;
      objects.put(String(id).padStart(4, '0'), Buffer.from(line(id)));
      await world.run(objects);
    }
    expect(world.rows('raw')).toHaveLength(140);
    expect(world.stage.numbersOf('files/items').length).toBeLessThan(100);
    expect(world.telemetry.logs.some(({ message }) => message.includes('could not be removed'))).toBe(true);
  });

  test('a list that is needed and missing stops the source, with what to do', async () => {
    const { world, objects } = setUp();
    for (const id of [1, 2]) {
      objects.put(String(id), Buffer.from(line(id)));
      await world.run(objects);
    }
    await world.stage.remove('files/items', [0]);
    await expect(world.run(objects)).rejects.toMatchObject({
      code: 'LANDED_LIST_MISSING',
      disposition: 'block',
      message: expect.stringContaining('landing/files/items/0.batch is gone') as string,
    });
  });

  test('what others land beside a run is known, also when that run has to write the list of all that has landed', async () => {
    let isDying = false;
    const world = createFilesWorld(declareFiles({}), {
      turn: {
        before: ({ operation, subject }) =>
          isDying && operation === 'decide' && subject.startsWith('files/')
            ? Promise.reject(new Error('died'))
            : Promise.resolve(),
      },
    });
    const objects = new MemoryObjectSource();
    const put = (id: number): void => {
      objects.put(String(id).padStart(4, '0'), Buffer.from(line(id)));
    };
    // The list after 32 commits holds everything.
    for (let id = 0; id < 30; id++) {
      put(id);
      await world.run(objects);
    }
    put(30);
    let commits = 0;
    await world.run(objects, {
      probe: async (point) => {
        if (point !== 'B.6' || ++commits > 1) return;
        put(31);
        await world.run(objects);
        put(32);
        isDying = true;
        await expect(world.run(objects)).rejects.toThrow('died');
        isDying = false;
      },
    });
    expect(await world.run(objects)).toMatchObject({ finished: true, commits: 0 });
    expect(world.rows('raw')).toHaveLength(33);
  });

  test('names that ascend: a listing begins a look-back before the last one that the listing before the last one found', async () => {
    const { world, objects } = setUp({ order: 'ascending', lookbackObjects: 10 });
    const asked: string[] = [];
    const watched: ObjectSource = {
      list: (after) => {
        asked.push(after);
        return objects.list(after);
      },
      open: (object, offset) => objects.open(object, offset),
    };
    for (let id = 0; id < 60; id++) {
      objects.put(String(id).padStart(4, '0'), Buffer.from(line(id)));
      if (id % 20 === 19) await world.run(watched);
    }
    objects.put('0055a', Buffer.from(line(100)));
    asked.length = 0;
    await world.run(watched);
    expect(asked[0]).toBe('0029');
    expect(world.rows('raw')).toHaveLength(61);
    expect(await world.run(watched)).toMatchObject({ commits: 0 });
  });
});

describe('what is in objects', () => {
  test.each([
    ['not compressed', (bytes: Buffer) => bytes],
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    [
      'gzip of two members',
      (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 9)), gzipSync(bytes.subarray(9))]),
    ],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
    [
      'zstd of two frames',
      (bytes: Buffer) =>
        Buffer.concat([zstdCompressSync(bytes.subarray(0, 9)), zstdCompressSync(bytes.subarray(9))]),
    ],
  ])('CSV with the types of the contract, %s', async (_, compress) => {
    const { world, objects } = setUp(CSV);
    objects.put(
      'a.csv',
      compress(Buffer.from('\ufeffid,body,amount,note\r\n1,"a, ""b""\nc",1.50,x\r\n2,,,\r\n')),
    );
    await world.run(objects);
    expect(world.rows('raw').map(({ raw }) => raw)).toEqual([
      '{"id":1,"body":"a, \\"b\\"\\nc","amount":1.50,"note":"x"}',
      '{"id":2,"body":""}',
    ]);
  });

  test('a row that does not fit goes to quarantine with its text and its line, the others land', async () => {
    const { world, objects } = setUp(CSV);
    objects.put('a.csv', Buffer.from('id,body\n1,"x\ny"\nseven,b\n3,c,d\n4,d,,\n5\n\n6,e'));
    await world.run(objects);
    expect(landed(world)).toEqual([
      { id: 1, body: 'x\ny' },
      { id: 4, body: 'd' },
      { id: 6, body: 'e' },
    ]);
    expect(quarantined(world).map(({ reason, error, raw }) => [reason, error, raw])).toEqual([
      [
        'CONTRACT',
        'row 2 (line 4) of a.csv: "id" must be of type integer, and is a string',
        '{"id":"seven","body":"b"}',
      ],
      ['MALFORMED', 'row 3 (line 5) of a.csv: has 3 fields, and there are 2 columns', '"3,c,d"'],
      ['MALFORMED', 'row 5 (line 7) of a.csv: has 1 fields, and there are 2 columns', '"5"'],
    ]);
  });

  test('an array at a path, and documents one after the other', async () => {
    const { world, objects } = setUp({ format: { type: 'json', recordsPath: 'data.items' } });
    const document = (...ids: number[]): string =>
      JSON.stringify(
        { meta: { items: [9] }, data: { n: '"]}', items: rowsOf(...ids) }, after: [{}, ']'] },
        null,
        1,
      );
    objects.put('a.json', Buffer.from(`${document(1, 2)}\n${document()} ${document(3)}`));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2, 3));
    expect(quarantined(world)).toEqual([]);
  });

  test('objects one after the other, as Firehose writes them', async () => {
    const { world, objects } = setUp(JSON_FORMAT);
    objects.put('a.json', Buffer.from(`${line(1)}${line(2)}[${line(3)}]`));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2, 3));
  });
});

describe('an object that cannot be read lands as far as it can be, is seen in quarantine, and others land', () => {
  const good = `id,body\n1,a\n`;
  test.each<[string, Partial<FilesSourceInput>, Uint8Array, number, string]>([
    ['a header that lacks a column', CSV, Buffer.from('id,text\n1,a'), 0, 'its header lacks "body"'],
    [
      'a header that has a name twice',
      CSV,
      Buffer.from('id,body,id\n1,a,1'),
      0,
      'names the column "id" twice',
    ],
    [
      'a quote that is not closed',
      CSV,
      Buffer.from(`${good}2,"b\n3,c`),
      1,
      'a quote in line 3 or behind it is not closed',
    ],
    [
      'a row that is too large',
      { ...CSV, maxRecordBytes: '1 KiB' },
      Buffer.from(`${good}2,"${'x'.repeat(5_000)}"`),
      1,
      'has more than 1024 bytes',
    ],
    ['a million columns', CSV, Buffer.from('a,'.repeat(500_000)), 0, 'more than 4000 fields'],
    ['gzip that is cut off', CSV, gzipSync(good).subarray(0, 20), 0, 'its gzip is damaged or cut off'],
    ['gzip that is damaged', CSV, damaged(gzipSync(Buffer.from(good))), 0, 'its gzip is damaged'],
    [
      'zstd that is cut off',
      CSV,
      zstdCompressSync(Buffer.from(good)).subarray(0, 15),
      0,
      'its zstd is damaged or cut off',
    ],
    [
      'CSV in UTF-16',
      CSV,
      Buffer.from('\ufeffid,body\n1,a', 'utf16le'),
      0,
      'it is UTF-16, and only UTF-8 is read',
    ],
    ['NDJSON in UTF-16', {}, Buffer.from(`\ufeff${line(1)}`, 'utf16le').swap16(), 0, 'it is UTF-16'],
    ['Parquet that is declared as CSV', CSV, Buffer.from('PAR1\u0015\u0000,\nPAR1'), 0, 'its header lacks'],
    ['no JSON', JSON_FORMAT, Buffer.from('<html>'), 0, 'neither an array of objects nor an object'],
    ['JSON that is cut off', JSON_FORMAT, Buffer.from(`[${line(1)},{"id":2`), 1, 'it is cut off'],
    [
      'an array without a comma',
      JSON_FORMAT,
      Buffer.from(`[${line(1)} ${line(2)}]`),
      1,
      'a comma is missing',
    ],
    [
      'no array at the path',
      { format: { type: 'json', recordsPath: 'data' } },
      Buffer.from('{"items":[]}'),
      0,
      'there is no array at data',
    ],
    [
      'depth without end',
      { ...JSON_FORMAT, maxRecordBytes: '1 MiB' },
      Buffer.from('['.repeat(3_000_000)),
      0,
      'a record has more than 1048576 bytes',
    ],
  ])('%s', async (_, overrides, bytes, rows, problem) => {
    const source = declareFiles(overrides);
    const world = createFilesWorld(source);
    const objects = new MemoryObjectSource({ chunkBytes: () => 65_536 });
    const valid =
      source.config.format.type === 'csv'
        ? 'id,body\n7,z'
        : source.config.format.type === 'json' && source.config.format.recordsPath !== undefined
          ? `{"data":[${line(7)}]}`
          : source.config.format.type === 'json'
            ? `[${line(7)}]`
            : line(7);
    objects.put('1', bytes);
    objects.put('2', Buffer.from(valid));
    await world.run(objects);
    expect(world.rows('raw')).toHaveLength(rows + 1);
    const [row, ...more] = quarantined(world);
    expect(more).toEqual([]);
    expect(row?.reason).toBe('UNREADABLE_OBJECT');
    expect(row?.error).toContain(`1, from row ${String(rows + 1)} on: `);
    expect(row?.error).toContain(problem);
    expect(await world.run(objects)).toMatchObject({ commits: 0 });
  });

  test('a line that is too large is left out, and no memory holds it', async () => {
    const { world } = setUp({ maxRecordBytes: '1 KiB' });
    const objects = new MemoryObjectSource({ chunkBytes: () => 1_000 });
    objects.put('1', Buffer.from(`${line(1)}\n${'x'.repeat(50_000)}\n${line(2)}\nnothing\n${line(3)}`));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2, 3));
    expect(quarantined(world).map(({ reason, error }) => [reason, error?.split(':')[0]])).toEqual([
      ['MALFORMED', 'row 2 (line 2) of 1'],
      ['MALFORMED', 'row 4 (line 4) of 1'],
    ]);
  });

  test('what grows without end is not read on', async () => {
    const { world } = setUp({ compression: 'auto', maxCompressionRatio: 50 });
    const objects = new MemoryObjectSource({ chunkBytes: () => 4_096 });
    objects.put(
      '1',
      gzipSync(Buffer.concat([Buffer.from(`${line(1)}\n`), Buffer.alloc(80 * 1024 * 1024, ' ')])),
    );
    objects.put('2', Buffer.from(line(2)));
    await world.run(objects);
    expect(landed(world)).toEqual(rowsOf(1, 2));
    expect(quarantined(world)[0]?.error).toContain('grows to more than 50 times its size');
  });

  test('empty ones have no rows', async () => {
    const { world, objects } = setUp(CSV);
    objects.put('1', Buffer.alloc(0));
    objects.put('2', gzipSync(''));
    objects.put('3', Buffer.from('id,body'));
    await world.run(objects);
    expect([...world.rows('raw'), ...quarantined(world)]).toEqual([]);
    expect(await world.run(objects)).toMatchObject({ commits: 0 });
  });
});

describe('objects that change while they are read', () => {
  const long = (from: number): Buffer =>
    Buffer.from(Array.from({ length: 50 }, (_, i) => `${line(from + i)}\n`).join(''));

  test('what was read of a version that is gone has landed, the rest is named, the new version lands', async () => {
    const { world, objects } = setUp();
    objects.put('1', long(100));
    let reads = 0;
    const watched: ObjectSource = {
      list: (after) => objects.list(after),
      async *open(object, offset) {
        for await (const chunk of objects.open({ ...object, bytes: 0 }, offset)) {
          yield chunk;
          if (++reads === 4) objects.put('1', long(200));
        }
      },
    };
    // Large enough not to be fetched ahead.
    await world.run(
      { ...watched, list: async (after) => enlarge(await objects.list(after)) },
      { maxBatchBytes: 150 },
    );
    await world.run(objects);
    const ids = (landed(world) as { id: number }[]).map(({ id }) => id);
    const old = ids.filter((id) => id < 200);
    expect(old.length).toBeGreaterThan(0);
    expect(old).toEqual(old.map((_, i) => 100 + i));
    expect(ids.slice(old.length)).toEqual(Array.from({ length: 50 }, (_, i) => 200 + i));
    expect(quarantined(world).map(({ error }) => error)).toEqual([
      `1, from row ${String(old.length + 1)} on: this version of "1" was replaced or deleted`,
    ]);
  });

  test('one that is deleted before it is read was never there', async () => {
    const { world, objects } = setUp();
    objects.put('1', Buffer.from(line(1)));
    objects.put('2', Buffer.from(line(2)));
    const watched: ObjectSource = {
      list: async (after) => {
        const page = await objects.list(after);
        objects.remove('1');
        return page;
      },
      open: (object, offset) => objects.open(object, offset),
    };
    await world.run(watched);
    expect(landed(world)).toEqual(rowsOf(2));
    expect(quarantined(world)).toEqual([]);
  });

  test('one that cannot be fetched is left out, the others land, the run fails, and later it lands', async () => {
    const { world, objects } = setUp({ order: 'ascending', lookbackObjects: 1 });
    for (let id = 1; id <= 9; id++) objects.put(String(id), Buffer.from(line(id)));
    const denied: ObjectSource = {
      list: (after) => objects.list(after),
      open: (object, offset) => {
        if (object.name === '2') throw new BlockedError('ACCESS_DENIED', 'the key says no');
        return objects.open(object, offset);
      },
    };
    await expect(world.run(denied)).rejects.toThrow('the key says no');
    expect(landed(world)).toEqual(rowsOf(1, 3, 4, 5, 6, 7, 8, 9));
    await world.run(objects);
    expect(landed(world).at(-1)).toEqual(rowsOf(2)[0]);
    expect(world.rows('raw')).toHaveLength(9);
  });
});

test('a run that has no time left goes on inside of the object in the next one', async () => {
  const { world } = setUp(CSV);
  const objects = new MemoryObjectSource({ chunkBytes: () => 30 });
  objects.put(
    '1',
    Buffer.from(
      `id,body\n${Array.from({ length: 500 }, (_, i) => `${String(i)},"b\n${String(i)}"`).join('\n')}`,
    ),
  );
  const slow: ObjectSource = {
    list: async (after) => enlarge(await objects.list(after)),
    async *open(object, offset) {
      for await (const chunk of objects.open(object, offset)) {
        yield chunk;
        world.clock.advance(600);
      }
    },
  };
  let runs = 1;
  while (!(await world.run(slow, { runMs: 40_000 })).finished) runs++;
  expect(runs).toBeGreaterThan(3);
  const ids = world.rows('raw').map(({ raw }) => (JSON.parse(raw) as { id: number }).id);
  expect(ids).toEqual(Array.from({ length: 500 }, (_, i) => i));
});

test('a run that has no time left behind a byte order mark leaves the header to the next one', async () => {
  const { world } = setUp(CSV);
  const objects = new MemoryObjectSource({ chunkBytes: () => 5 });
  objects.put('1', Buffer.from('\ufeffid,body\n1,b1\n2,b2'));
  const slow: ObjectSource = {
    list: async (after) => enlarge(await objects.list(after)),
    async *open(object, offset) {
      for await (const chunk of objects.open(object, offset)) {
        world.clock.advance(15_000);
        yield chunk;
      }
    },
  };
  for (let runMs = 20_000; runMs < 200_000; runMs += 10_000)
    await world.run(slow, { runMs }).catch(() => undefined);
  expect(landed(world)).toEqual(rowsOf(1, 2));
  expect(quarantined(world)).toEqual([]);
});

function enlarge<Page extends { readonly objects: readonly { readonly bytes: number }[] }>(page: Page): Page {
  return { ...page, objects: page.objects.map((object) => ({ ...object, bytes: 1_000_000 })) };
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.length - 6;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
