import { afterAll, describe, expect, test } from 'vitest';
import { DuckDbColumnWriter } from '../../../shared/adapters/duckdb/duckdb-column-writer.ts';
import { DuckDbLandedRows } from '../../../shared/adapters/duckdb/duckdb-landed-rows.ts';
import { DuckDbSession } from '../../../shared/adapters/duckdb/duckdb-session.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import type { DatabaseSourceConfig } from '../../../shared/config/schema.ts';
import type { ColumnBatch } from '../../../shared/domain/column-batch.ts';
import { partitionPath, rawKey } from '../../../shared/domain/object-key.ts';
import type { Source } from '../../../shared/domain/source.ts';
import { declareTable } from '../../support/declare-table.ts';
import { toColumn, type PlainValue } from '../../support/to-columns.ts';

const session = new DuckDbSession();
const writer = new DuckDbColumnWriter(session);

afterAll(async () => {
  await session.close();
});

type Rows = readonly Readonly<Record<string, PlainValue>>[];

function batchOf(source: Source, rows: Rows): ColumnBatch {
  const columns = source.contract.columns.map(({ name, type }) =>
    toColumn(
      type,
      rows.map((row) => row[name] ?? null),
    ),
  );
  return { rows: rows.length, columns, extra: undefined };
}

/** A lake whose files are counted when they are read. */
async function createLake(source: Source<DatabaseSourceConfig>, tables: readonly Rows[]) {
  const files = new Map<string, Uint8Array>();
  const put = async (stem: string, rows: Rows, receivedAtMs: number, op?: 'd'): Promise<void> => {
    const table = await writer.open(source, { origin: 'x', firstIndex: 0, receivedAtMs, op });
    await table.append(batchOf(source, rows));
    for (const { partition, bytes } of await table.finish())
      files.set(rawKey(source.name, partitionPath(source.config.partition, partition), stem, 1), bytes);
  };
  for (const [i, rows] of tables.entries()) await put(`pull-${String(i)}`, rows, LANDED_AT_MS);
  const reads: string[] = [];
  const clock = new ManualClock();
  const lakeFiles = {
    list: (prefix: string) =>
      Promise.resolve([...files.keys()].filter((key) => key.startsWith(prefix)).sort()),
    read: (key: string) => {
      reads.push(key);
      clock.advance(1_000);
      return Promise.resolve(files.get(key));
    },
  };
  return { lake: new DuckDbLandedRows(session, lakeFiles, clock), reads, put, clock };
}

const LANDED_AT_MS = Date.UTC(2026, 5, 1);
const DAY = 86_400_000_000n;
const JANUARY = BigInt(Date.UTC(2025, 0, 1)) * 1000n;

describe('rows that are in the lake', () => {
  const keys: readonly (readonly [string, PlainValue, PlainValue])[] = [
    ['integer', -7, 8],
    ['bigint', 9_007_199_254_740_993n, 9_007_199_254_740_992n],
    ['text', 'naïve "text", with commas', 'naïve "text", with comma'],
    ['text', '', '='],
    ['uuid', '0190a3c4-0000-7000-8000-000000000001', '0190a3c4-0000-7000-8000-000000000002'],
    ['decimal(9,2)', -1205n, 1205n],
    ['boolean', true, false],
    ['float', 0.1, 0.2],
    ['double', 1e300, 0.1],
    ['date', -1, 20_000],
    ['timestamp', 1_700_000_000_123_456n, 1_700_000_000_123_457n],
    ['local-timestamp', -1n, 0n],
  ];
  test.each(keys)('are known by a key of type %s, exactly', async (type, landed, other) => {
    const source = declareTable({ k: type, n: 'bigint' }, { key: ['k'], incremental: { cursor: 'n' } });
    const { lake } = await createLake(source, [[{ k: landed, n: 5n }]]);
    const known = await lake.find(source, { from: '0', until: '10' }, Infinity);
    expect(known.size).toBe(1);
    const batch = batchOf(source, [
      { k: landed, n: 5n },
      { k: other, n: 5n },
      { k: landed, n: 6n },
    ]);
    expect(known.missing(batch)).toEqual([1, 2]);
  });

  test.each([
    ['timestamp', JANUARY + 1n, JANUARY + 2n, '2025-01-01 00:00:00+00', '2025-01-02 00:00:00+00'],
    ['local-timestamp', JANUARY + 1n, JANUARY + 2n, '2025-01-01 00:00:00', '2025-01-02 00:00:00'],
    ['date', 20_089, 20_090, '2025-01-01', '2025-01-05'],
    ['decimal(12,3)', 1500n, 1501n, '1.5', '2'],
    ['integer', 3, 4, '3', '9'],
  ] as const)('are known by a cursor of type %s', async (type, landed, other, from, until) => {
    const source = declareTable({ id: 'bigint', c: type }, { key: ['id'], incremental: { cursor: 'c' } });
    const { lake } = await createLake(source, [
      [
        { id: 1n, c: landed },
        { id: 2n, c: landed },
      ],
    ]);
    const known = await lake.find(source, { from, until }, Infinity);
    expect(known.size).toBe(2);
    const batch = batchOf(source, [
      { id: 1n, c: landed },
      { id: 1n, c: other },
      { id: 3n, c: landed },
    ]);
    expect(known.missing(batch)).toEqual([1, 2]);
  });

  test('are looked for in the partitions of the range only, where the cursor is the event time', async () => {
    const source = declareTable(
      { id: 'bigint', at: 'timestamp' },
      { key: ['id'], incremental: { cursor: 'at' }, eventTime: { path: 'at' } },
    );
    const days = Array.from({ length: 10 }, (_, i) => [{ id: BigInt(i), at: JANUARY + BigInt(i) * DAY }]);
    const { lake, reads } = await createLake(source, days);
    const known = await lake.find(
      source,
      {
        from: '2025-01-03 00:00:00+00',
        until: '2025-01-05 00:00:00+00',
      },
      Infinity,
    );
    expect(known.size).toBe(2);
    expect(reads.length).toBeLessThanOrEqual(3);
  });

  test('are looked for in all partitions where it is not, once', async () => {
    const source = declareTable(
      { id: 'bigint', at: 'timestamp' },
      { key: ['id'], incremental: { cursor: 'at' } },
    );
    const days = Array.from({ length: 4 }, (_, i) => [{ id: BigInt(i), at: JANUARY + BigInt(i) * DAY }]);
    const { lake, reads } = await createLake(source, days);
    const range = { from: '2025-01-02 00:00:00+00', until: '2025-01-03 00:00:00+00' };
    expect((await lake.find(source, range, Infinity)).size).toBe(1);
    expect(reads).toHaveLength(4);
    expect((await lake.find(source, range, Infinity)).size).toBe(1);
    expect(reads).toHaveLength(5);
  });

  test('are none in files that lack a column of the key', async () => {
    const former = declareTable({ n: 'bigint' }, { key: ['n'], incremental: { cursor: 'n' } });
    const { lake } = await createLake(former, [[{ n: 5n }]]);
    const source = declareTable({ id: 'bigint', n: 'bigint' }, { key: ['id'], incremental: { cursor: 'n' } });
    expect((await lake.find(source, { from: '0', until: '10' }, Infinity)).size).toBe(0);
  });

  test('are no rows that were marked as deleted since they landed: what was restored lands again, once', async () => {
    const source = declareTable({ k: 'text', n: 'bigint' }, { key: ['k'], incremental: { cursor: 'n' } });
    const { lake, put } = await createLake(source, [
      [
        { k: 'restored', n: 5n },
        { k: 'there', n: 5n },
      ],
    ]);
    await put('keys-7-0', [{ k: 'restored', n: null }], LANDED_AT_MS + 1, 'd');
    const batch = batchOf(source, [
      { k: 'restored', n: 5n },
      { k: 'there', n: 5n },
    ]);
    const range = { from: '0', until: '10' };
    expect((await lake.find(source, range, Infinity)).missing(batch)).toEqual([0]);
    await put('backfill-0', [{ k: 'restored', n: 5n }], LANDED_AT_MS + 2);
    expect((await lake.find(source, range, Infinity)).missing(batch)).toEqual([]);
  });

  test('that cannot be looked up in time are said to be too many for one window', async () => {
    const source = declareTable({ id: 'bigint', n: 'bigint' }, { key: ['id'], incremental: { cursor: 'n' } });
    const { lake, clock } = await createLake(
      source,
      Array.from({ length: 5 }, (_, i) => [{ id: BigInt(i), n: 5n }]),
    );
    await expect(lake.find(source, { from: '0', until: '10' }, clock.nowMs() + 3_000)).rejects.toMatchObject({
      code: 'BACKFILL_WINDOW_TOO_LARGE',
      disposition: 'block',
      message: expect.stringContaining('shorter --window') as string,
    });
  });
});
