import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DuckDbSession } from '../../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { readFrame, RecordFlag, writeFrame, type Frame } from '../../../shared/domain/frame.ts';
import type { QuarantineRow } from '../../../shared/domain/quarantine.ts';
import { frameOf, sliceOf, sourceOf } from '../../support/frames.ts';
import { DuckDbReader, leafColumns, readWithHyparquet, type Row } from '../../support/read-parquet.ts';

const writer = new DuckDbTableWriter();
const duckDb = new DuckDbReader();

afterAll(async () => {
  await writer.close();
  duckDb.close();
});

const source = sourceOf({
  type: 'object',
  properties: {
    id: { type: 'integer', format: 'int64' },
    at: { type: 'string', format: 'date-time' },
    day: { type: 'string', format: 'date' },
    ref: { type: 'string', format: 'uuid' },
    ok: { type: 'boolean' },
    size: { type: 'number' },
    text: { type: 'string' },
    any: {},
    items: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' }, more: {} } } },
  },
});

/** A frame of texts that nobody has checked, as a faulty writer would make it. */
function uncheckedFrame(texts: readonly string[]): Frame {
  const header = { source: 'events', frameId: 'frame', contractVersion: 'v', receivedAtMs: 1 };
  const records = texts.map((text, i) => ({
    bytes: Buffer.from(text),
    flag: RecordFlag.valid,
    fingerprint: Buffer.alloc(16, i),
    digest: Buffer.alloc(4),
    eventTimeMs: i,
  }));
  return readFrame(writeFrame(header, records));
}

async function read(bytes: Uint8Array | undefined): Promise<Row[]> {
  expect(bytes).toBeDefined();
  const rows = await duckDb.read(bytes ?? new Uint8Array());
  expect(await readWithHyparquet(bytes ?? new Uint8Array())).toEqual(rows);
  return rows;
}

describe('rows', () => {
  test('the lake columns say where a record came from, when, and under which contract', async () => {
    const first = frameOf(source, ['{"id":1}', '{"id":2}', '{"id":3}'], 1_700_000_000_123);
    const second = uncheckedFrame(['{"id":4}', '{ }']);
    const written = await writer.writeRows(source, [
      { frame: first, origin: 'kinesis/s/shard/"7"', firstIndex: 0, indices: [2, 0] },
      { frame: second, origin: 'pull/events/8', firstIndex: 0, indices: [0, 1] },
    ]);
    expect(written.rows).toBe(4);
    const rows = await read(written.bytes);
    const lake = rows.map(
      ({ id, _source, _id, _key, _received_at, _event_time, _schema_version, _extra }) => [
        id,
        _source,
        _id,
        _key,
        _received_at,
        _event_time,
        _schema_version,
        _extra,
      ],
    );
    const key = (index: number): string => first.fingerprints.toString('hex', index * 16, index * 16 + 16);
    const { version } = source.contract;
    const receivedAt = 1_700_000_000_123_000n;
    expect(lake).toEqual([
      [3n, 'events', 'kinesis/s/shard/"7"/2', key(2), receivedAt, receivedAt, version, null],
      [1n, 'events', 'kinesis/s/shard/"7"/0', key(0), receivedAt, receivedAt, version, null],
      [4n, 'events', 'pull/events/8/0', '00'.repeat(16), 1000n, 0n, 'v', null],
      [null, 'events', 'pull/events/8/1', '01'.repeat(16), 1000n, 1000n, 'v', null],
    ]);
  });

  test('identities and times are whole, whatever the frames of a file have in common', async () => {
    const frameAt = (receivedAtMs: number, eventTimesMs: readonly number[], contractVersion: string): Frame =>
      readFrame(
        writeFrame(
          { source: 'events', frameId: 'frame', contractVersion, receivedAtMs },
          eventTimesMs.map((eventTimeMs, i) => ({
            bytes: Buffer.from(`{"id":${String(i)}}`),
            flag: RecordFlag.valid,
            fingerprint: Buffer.alloc(16),
            digest: Buffer.alloc(4),
            eventTimeMs,
          })),
        ),
      );
    const origins = [
      "pull/a'\u{1f600}/1",
      "pull/a'\u{1f601}/1",
      "pull/a'",
      "pull/a'\u{1f600}/12",
      "pull/a'\u0007/1",
    ];
    const frames = [
      frameAt(5_000.9, [1_700_000_000_000, -1, -86_400_000.5], 'v1'),
      frameAt(-3, [1_700_000_000_001, 8.64e15], "v'2"),
      frameAt(8.64e15, [0], 'v1'),
      frameAt(5_000, [-62_135_596_800_000], ''),
      frameAt(5_001, [1_700_000_086_399_999], 'v1'),
    ];
    for (let first = 0; first < frames.length; first++) {
      const slices = frames
        .map((frame, i) => sliceOf(frame, origins[i]))
        .filter((_, i) => i >= first || i % 2 === 0);
      const ordered = [...slices.slice(-1), ...slices.slice(0, -1)];
      const { bytes } = await writer.writeRows(source, ordered);
      const rows = await duckDb.read(bytes ?? new Uint8Array());
      const micros = (ms: number | undefined): bigint => BigInt(Math.floor(ms ?? Number.NaN)) * 1000n;
      const expected = ordered.flatMap(({ frame, origin, indices }) =>
        indices.map((i) => [
          `${origin}/${String(i)}`,
          micros(frame.header.receivedAtMs),
          micros(frame.eventTimesMs[i]),
          frame.header.contractVersion,
        ]),
      );
      expect(
        rows.map(({ _id, _received_at, _event_time, _schema_version }) => [
          _id,
          _received_at,
          _event_time,
          _schema_version,
        ]),
      ).toEqual(expected);
    }
  });

  test('every kind of column has a Parquet type that DuckDB, Athena and Spark read', async () => {
    const { bytes } = await writer.writeRows(source, [sliceOf(frameOf(source, ['{"id":1}']))]);
    expect(leafColumns(bytes ?? new Uint8Array())).toEqual([
      'id: INT64 INT_64',
      'at: INT64 TIMESTAMP MICROS utc',
      'day: INT32 DATE',
      'ref: BYTE_ARRAY UTF8',
      'ok: BOOLEAN',
      'size: DOUBLE',
      'text: BYTE_ARRAY UTF8',
      'any: BYTE_ARRAY UTF8',
      'items.list.element.sku: BYTE_ARRAY UTF8',
      'items.list.element.more: BYTE_ARRAY UTF8',
      '_source: BYTE_ARRAY UTF8',
      '_id: BYTE_ARRAY UTF8',
      '_key: BYTE_ARRAY UTF8',
      '_received_at: INT64 TIMESTAMP MICROS utc',
      '_event_time: INT64 TIMESTAMP MICROS utc',
      '_schema_version: BYTE_ARRAY UTF8',
      '_extra: BYTE_ARRAY UTF8',
    ]);
  });

  test('unknown fields are kept in _extra, also those that are named like columns of the lake', async () => {
    const text =
      '{"_id":"mine","id":1,"ID":2,"items":[{"sku":"a"},{"sku":"b","color":"red"}],"_key":[1.5,null]}';
    const { bytes } = await writer.writeRows(source, [sliceOf(frameOf(source, [text]), 'o')]);
    const [row] = await read(bytes);
    expect(row?.id).toBe(1n);
    expect(row?._id).toBe('o/0');
    expect(JSON.parse(row?._extra as string)).toEqual({
      _id: 'mine',
      ID: 2,
      items: { 1: { color: 'red' } },
      _key: [1.5, null],
    });
  });

  test('records of the longest size are written, beside short ones', async () => {
    const long = 'é😀x'.repeat(149_000);
    const texts = [
      '{"id":1}',
      `{"id":2,"text":"${long}"}`,
      '{"id":3}',
      `{"id":4,"any":{"deep":["${'\\n'.repeat(500_000)}"]}}`,
    ];
    expect(Buffer.byteLength(texts[1] ?? '')).toBeGreaterThan(1_000_000);
    const { bytes, rows } = await writer.writeRows(source, [sliceOf(frameOf(source, texts))]);
    expect(rows).toBe(4);
    const read = await duckDb.read(bytes ?? new Uint8Array());
    expect(read.map((row) => row.id)).toEqual([1n, 2n, 3n, 4n]);
    expect(read[1]?.text).toBe(long);
    expect(JSON.parse(read[3]?.any as string)).toEqual({ deep: ['\n'.repeat(500_000)] });
  });

  test('a record that is written over several lines is one row', async () => {
    const { bytes } = await writer.writeRows(source, [
      sliceOf(
        frameOf(source, [
          '{\n  "id": 1,\r\n  "text": "a\\nb",\n  "items": [\n\n]\n}',
          '{\n}'.replace('\n', '\n"id":\n2\n'),
        ]),
      ),
    ]);
    expect((await read(bytes)).map(({ id, text }) => [id, text])).toEqual([
      [1n, 'a\nb'],
      [2n, null],
    ]);
  });

  test('the number -0 lands as 0', async () => {
    const { bytes } = await writer.writeRows(source, [sliceOf(frameOf(source, ['{"id":-0,"size":-0}']))]);
    const [row] = await duckDb.read(bytes ?? new Uint8Array());
    expect(row?.id).toBe(0n);
    expect(row?.size === 0).toBe(true);
  });

  test('no rows give no file', async () => {
    const frame = frameOf(source, ['{"id":1}']);
    expect(await writer.writeRows(source, [{ frame, origin: 'o', firstIndex: 0, indices: [] }])).toEqual({
      bytes: undefined,
      rows: 0,
      unwritable: [],
    });
  });

  test('calls at the same time do not touch each other', async () => {
    const written = await Promise.all(
      [1, 2, 3, 4].map((id) =>
        writer.writeRows(source, [sliceOf(frameOf(source, [`{"id":${String(id)}}`]))]),
      ),
    );
    const ids = await Promise.all(
      written.map(async ({ bytes }) => (await readWithHyparquet(bytes ?? new Uint8Array()))[0]?.id),
    );
    expect(ids).toEqual([1n, 2n, 3n, 4n]);
  });
});

describe('rows that cannot be written', () => {
  const bad = [
    '{"id":9223372036854775808}',
    '{"id":1,"id":2}',
    '{"id":1,"at":"soon"}',
    '{"id":1,"items":[{"sku":"\\ud800"}]}',
    '{"id":',
    '{"day":"2026-02-30"}',
  ];

  test('they are named with the reason, and all others land in order', async () => {
    const good = Array.from({ length: 40 }, (_, i) => `{"id":${String(i)}}`);
    const texts = [
      ...good.slice(0, 7),
      ...bad.slice(0, 3),
      ...good.slice(7, 30),
      ...bad.slice(3),
      ...good.slice(30),
    ];
    const slice = sliceOf(uncheckedFrame(texts));
    const other = sliceOf(uncheckedFrame(['{"id":100}', '{"id":true}', '{"id":{}}']), 'other');
    const written = await writer.writeRows(source, [slice, other]);
    expect(written.unwritable.map((row) => [row.slice === slice ? 'slice' : 'other', row.index])).toEqual([
      ...[7, 8, 9, 33, 34, 35].map((index) => ['slice', index]),
      ['other', 2],
    ]);
    for (const { error } of written.unwritable) {
      expect(error).toMatch(/^cannot be written as Parquet: \S/);
      expect(error).not.toContain(tmpdir());
    }
    expect(written.rows).toBe(42);
    expect((await read(written.bytes)).map((row) => row.id)).toEqual([
      ...good.map((_, i) => BigInt(i)),
      100n,
      1n,
    ]);
  });

  test('when it is all of them there is no file', async () => {
    const written = await writer.writeRows(source, [sliceOf(uncheckedFrame(bad))]);
    expect(written.bytes).toBeUndefined();
    expect(written.rows).toBe(0);
    expect(written.unwritable.map((row) => row.index)).toEqual(bad.map((_, index) => index));
  });

  test('a failure that is not about the data blames no row and is tried again later', async () => {
    const small = new DuckDbTableWriter(new DuckDbSession({ memoryLimitMiB: 1 }));
    try {
      const texts = Array.from(
        { length: 5000 },
        (_, i) => `{"id":${String(i)},"text":"${'x'.repeat(500)}${String(i)}"}`,
      );
      await expect(small.writeRows(source, [sliceOf(uncheckedFrame(texts))])).rejects.toThrow(TransientError);
    } finally {
      await small.close();
    }
  });
});

describe('quarantine', () => {
  const row: QuarantineRow = {
    source: 'events',
    reason: 'MALFORMED',
    id: 'kinesis/s/shard/7/0',
    key: 'ab'.repeat(16),
    receivedAtMs: 1_700_000_000_123,
    schemaVersion: 'v1',
    error: 'is "not" JSON: \ud800\u0000',
    raw: Buffer.from([0, 255, 10, 13, 34, 92]),
  };

  test('a row has the original bytes and all that is needed to judge and replay them', async () => {
    const rows = await read(
      await writer.writeQuarantine([
        row,
        { ...row, key: undefined, schemaVersion: undefined, raw: Buffer.alloc(0) },
        { ...row, replayed: { number: 2, atMs: 1_700_000_100_456 } },
      ]),
    );
    const expected = {
      source: 'events',
      reason: 'MALFORMED',
      id: 'kinesis/s/shard/7/0',
      key: 'ab'.repeat(16),
      received_at: 1_700_000_000_123_000n,
      schema_version: 'v1',
      error: 'is "not" JSON: \ufffd\u0000',
      raw: { hex: '00ff0a0d225c' },
      attempts: 1,
      last_seen_at: 1_700_000_000_123_000n,
    };
    expect(rows).toEqual([
      expected,
      { ...expected, key: null, schema_version: null, raw: { hex: '' } },
      { ...expected, attempts: 2, last_seen_at: 1_700_000_100_456_000n },
    ]);
  });

  test('bytes of any length are kept', async () => {
    const raw = Buffer.alloc(10 * 1024 * 1024 + 1, 'never JSON \0');
    const [read] = await duckDb.read(await writer.writeQuarantine([{ ...row, raw }]));
    expect((read?.raw as { hex: string }).hex === raw.toString('hex')).toBe(true);
  });
});

describe('tombstones', () => {
  test('they have the columns of the data and no rows', async () => {
    const data = await writer.writeRows(source, [sliceOf(frameOf(source, ['{"id":1}']))]);
    const tombstone = await writer.writeTombstone(source);
    expect(leafColumns(tombstone)).toEqual(leafColumns(data.bytes ?? new Uint8Array()));
    expect(await read(tombstone)).toEqual([]);
  });

  test('those of quarantine have its columns', async () => {
    const tombstone = await writer.writeQuarantineTombstone();
    expect(leafColumns(tombstone)).toEqual([
      'source: BYTE_ARRAY UTF8',
      'reason: BYTE_ARRAY UTF8',
      'id: BYTE_ARRAY UTF8',
      'key: BYTE_ARRAY UTF8',
      'received_at: INT64 TIMESTAMP MICROS utc',
      'schema_version: BYTE_ARRAY UTF8',
      'error: BYTE_ARRAY UTF8',
      'raw: BYTE_ARRAY',
      'attempts: INT32 INT_32',
      'last_seen_at: INT64 TIMESTAMP MICROS utc',
    ]);
    expect(await read(tombstone)).toEqual([]);
  });
});

describe('temporary files', () => {
  const directories = (): string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith('headgate-tables-'));

  test('close removes the directory, and a later call works again', async () => {
    const own = new DuckDbTableWriter();
    const before = new Set(directories());
    await own.writeTombstone(source);
    const [made] = directories().filter((name) => !before.has(name));
    expect(made).toBeDefined();
    await own.close();
    expect(directories()).not.toContain(made);
    expect((await own.writeTombstone(source)).length).toBeGreaterThan(0);
    await own.close();
  });

  test.runIf(process.platform === 'linux')(
    'no file has a name that a killed process would leave behind',
    async () => {
      const own = new DuckDbTableWriter();
      const before = new Set(directories());
      await own.writeRows(source, [sliceOf(uncheckedFrame(['{"id":1}', '{"id":{}}']))]);
      const [made] = directories().filter((name) => !before.has(name));
      expect(readdirSync(join(tmpdir(), made ?? ''))).toEqual([]);
      await own.close();
    },
  );

  test('what an earlier call wrote is never read again', async () => {
    const sizes = [3000, 1, 700, 2, 3000, 5];
    for (const size of sizes) {
      const texts = Array.from(
        { length: size },
        (_, i) => `{"id":${String(size * 10_000 + i)},"text":"${'x'.repeat(300)}"}`,
      );
      const { bytes } = await writer.writeRows(source, [sliceOf(uncheckedFrame(texts))]);
      const rows = await duckDb.read(bytes ?? new Uint8Array());
      expect(rows.map((row) => row.id)).toEqual(texts.map((_, i) => BigInt(size * 10_000 + i)));
    }
  });
});
