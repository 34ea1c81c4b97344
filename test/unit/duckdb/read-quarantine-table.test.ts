import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, test } from 'vitest';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { readQuarantineTable } from '../../../shared/adapters/duckdb/read-quarantine-table.ts';
import type { QuarantineRow } from '../../../shared/domain/quarantine.ts';

const writer = new DuckDbTableWriter();
afterAll(() => writer.close());

const ROW: QuarantineRow = {
  source: 'clicks',
  reason: 'CONTRACT',
  id: 'kinesis/s/shard/7/3',
  key: '0123456789abcdef0123456789abcdef',
  receivedAtMs: 1_772_323_200_123,
  schemaVersion: 'c0ffee',
  error: 'n must be an integer; "é"\n\u{1F98B}',
  raw: Buffer.from('{"n":"ü"}'),
};

describe('a quarantine file', () => {
  test('is read back with every column, in order, and raw bytes unchanged, valid UTF-8 or not', async () => {
    const rows: QuarantineRow[] = [
      ROW,
      { ...ROW, raw: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) },
      { ...ROW, source: 'unknown', reason: 'UNREADABLE_FRAME', key: undefined, schemaVersion: undefined },
      { ...ROW, raw: Buffer.alloc(0), error: '', receivedAtMs: 0 },
      { ...ROW, raw: Buffer.alloc(300_000, 'x'), receivedAtMs: -1 },
      ...Array.from({ length: 30_000 }, (_, i) => ({ ...ROW, id: `kinesis/s/shard/8/${String(i)}` })),
    ];
    const read = await readQuarantineTable(await writer.writeQuarantine(rows));
    expect(read).toHaveLength(rows.length);
    const plain = (row: QuarantineRow) => ({ ...row, raw: Buffer.from(row.raw).toString('latin1') });
    expect(read.slice(0, 10).map(plain)).toEqual(rows.slice(0, 10).map(plain));
    expect(read.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  });

  test('that a replay has written says which attempt it was, and when', async () => {
    const replayed = { number: 4, atMs: 1_772_400_000_456 };
    const [first, again] = await readQuarantineTable(
      await writer.writeQuarantine([ROW, { ...ROW, reason: 'KEY_CONFLICT', replayed }]),
    );
    expect(first).not.toHaveProperty('replayed');
    expect(again?.replayed).toEqual(replayed);
  });

  test('of before attempts were counted is read all the same', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headgate-old-quarantine-'));
    const [path, old] = [join(directory, 'new.parquet'), join(directory, 'old.parquet')];
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      writeFileSync(path, await writer.writeQuarantine([ROW, { ...ROW, id: 'kinesis/s/shard/7/4' }]));
      await connection.run(
        `COPY (SELECT * EXCLUDE (attempts, last_seen_at) FROM '${path}') TO '${old}' (FORMAT parquet)`,
      );
      const rows = await readQuarantineTable(readFileSync(old));
      expect(rows.map(({ id, replayed }) => [id, replayed])).toEqual([
        ['kinesis/s/shard/7/3', undefined],
        ['kinesis/s/shard/7/4', undefined],
      ]);
    } finally {
      connection.closeSync();
      instance.closeSync();
      rmSync(directory, { recursive: true });
    }
  });

  test('without rows is empty', async () => {
    expect(await readQuarantineTable(await writer.writeQuarantineTombstone())).toEqual([]);
  });

  test('is refused when it is none', async () => {
    await expect(readQuarantineTable(Buffer.from('{"not":"Parquet"}'))).rejects.toMatchObject({
      code: 'QUARANTINE_FILE_FOREIGN',
      disposition: 'reject',
    });
  });
});
