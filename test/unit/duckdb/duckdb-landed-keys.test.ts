import { afterAll, describe, expect, test } from 'vitest';
import { DuckDbLandedKeys } from '../../../shared/adapters/duckdb/duckdb-landed-keys.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { DuckDbSession } from '../../../shared/adapters/duckdb/duckdb-session.ts';
import { DuckDbTableWriter } from '../../../shared/adapters/duckdb/duckdb-table-writer.ts';
import { toFrame, type FrameRecord } from '../../../shared/domain/frame.ts';
import {
  partitionNumber,
  partitionPath,
  rawKey,
  type PartitionUnit,
} from '../../../shared/domain/object-key.ts';
import { toMark } from '../../../shared/domain/pull-marks.ts';
import { judgeRecord } from '../../../shared/pipeline/judge-records.ts';
import { toLandedKey } from '../../../shared/ports/landed-keys.ts';
import { declareHttp } from '../../support/declare-http.ts';

const session = new DuckDbSession();
const writer = new DuckDbTableWriter(session);

afterAll(async () => {
  await session.close();
});

const source = declareHttp();
const HOUR_MS = 3_600_000;
/** What fetching a file takes. */
const READ_MS = 100;
const DAY = partitionNumber('day', Date.UTC(2025, 0, 2));
const at = (hour: number): number => Date.UTC(2025, 0, 2) + hour * HOUR_MS;
const recordOf = (id: number, ts: number): FrameRecord =>
  judgeRecord(source, Buffer.from(JSON.stringify({ id, version: 1, ts, body: 'ü' })), 0);

const files = new Map<string, Uint8Array>();
const clock = new ManualClock();
const lake = new DuckDbLandedKeys(
  session,
  {
    list: (prefix) => Promise.resolve([...files.keys()].filter((key) => key.startsWith(prefix)).sort()),
    read: (key) => {
      clock.advance(READ_MS);
      return Promise.resolve(files.get(key));
    },
  },
  clock,
);

/** A file as the engine writes it. */
async function land(unit: PartitionUnit, ...records: readonly FrameRecord[]): Promise<void> {
  const header = { source: 'items', frameId: 'f', contractVersion: '1', receivedAtMs: 0 };
  const frame = toFrame(header, records);
  const slice = { frame, origin: 'o', firstIndex: 0, indices: records.map((_, i) => i) };
  const { bytes } = await writer.writeRows(source, [slice]);
  const partition = partitionPath(unit, partitionNumber(unit, records[0]?.eventTimeMs ?? 0));
  files.set(rawKey('items', partition, `pull-${String(files.size)}`, 1), bytes ?? new Uint8Array());
}

describe('what has landed of an API', () => {
  const records = [recordOf(1, at(0)), recordOf(2, at(5)), recordOf(3, at(23)), recordOf(4, at(24))];
  const keys = records.map(({ fingerprint }) => toLandedKey(fingerprint));

  test('is found by the keys of a day, whether it is partitioned by day or by hour, and not in tombstones', async () => {
    const [first, second, third, next] = records as [FrameRecord, FrameRecord, FrameRecord, FrameRecord];
    await land('day', first, third);
    await land('hour', second);
    await land('day', next);
    files.set(rawKey('items', partitionPath('day', DAY), 'pull-9', 2), await writer.writeTombstone(source));
    expect(await lake.ofDay(source, DAY, Infinity)).toEqual(new Set(keys.slice(0, 3)));
    expect(await lake.ofDay(source, DAY + 1, Infinity)).toEqual(new Set(keys.slice(3)));
    expect(await lake.ofDay(source, DAY - 1, Infinity)).toEqual(new Set());
    expect(await lake.ofDay(source, undefined, Infinity)).toEqual(new Set(keys));
  });

  test('is found in quarantine by its text', async () => {
    const raw = Buffer.from('{"id":"ü", broken');
    const row = {
      ...({ source: 'items', reason: 'CONTRACT', id: 'o/0', key: undefined, receivedAtMs: 0 } as const),
      ...{ schemaVersion: '1', error: 'no JSON', raw },
    };
    files.set(
      'quarantine/items/reason=CONTRACT/dt=2025-01-02/x-v1.parquet',
      await writer.writeQuarantine([row]),
    );
    expect(await lake.inQuarantine(source, Infinity)).toEqual(new Set([toMark(raw)]));
  });

  test('what cannot be looked up in time is said, before the invocation is over', async () => {
    const untilMs = clock.nowMs() + 3 * READ_MS;
    await expect(lake.ofDay(source, undefined, untilMs)).rejects.toMatchObject({
      code: 'BACKFILL_TOO_MANY_KEYS',
      disposition: 'block',
      message: expect.stringMatching(
        /^what the lake has under raw\/items\/ \(\d+ files\) could not be/,
      ) as string,
    });
    expect(clock.nowMs()).toBe(untilMs);
  });

  test('an object that vanishes meanwhile is no answer', async () => {
    const vanished = new DuckDbLandedKeys(
      session,
      {
        list: () => Promise.resolve(['raw/items/dt=2025-01-02/x.parquet']),
        read: () => Promise.resolve(undefined),
      },
      clock,
    );
    await expect(vanished.ofDay(source, DAY, Infinity)).rejects.toMatchObject({ code: 'OBJECT_VANISHED' });
  });
});
