import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkLake, type LakeCheck } from '../../../demo/check-lake.ts';
import {
  allowRepetition,
  createExpectation,
  expectRequest,
  type Expectation,
} from '../../../demo/data/expectation.ts';
import type { LakeFile } from '../../../shared/adapters/aws/s3-lake-view.ts';

const DAY = '2001-01-01';
const DATA_KEY = `raw/flights/dt=${DAY}/shard-0-1-v1.parquet`;
const QUARANTINE_KEY = 'quarantine/flights/reason=CONTRACT/dt=2026-01-01/shard-0-1-v1.parquet';
const CONFLICT_KEY = 'quarantine/flights/reason=KEY_CONFLICT/dt=2026-01-01/shard-0-1-v1.parquet';
const WRITTEN_AT_MS = Date.parse('2026-01-01T00:00:02Z');

function flight(row: number, delay = 5): string {
  return JSON.stringify({ row, date: `${DAY}T10:00:00Z`, delay, route: { origin: 'ORD' }, carrier: 'AA' });
}

let connection: DuckDBConnection;
let folder: string;
let files: LakeFile[];
let flights: Expectation;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`SET TimeZone = 'UTC'`);
});
afterAll(() => {
  connection.closeSync();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-lake-'));
  files = [];
  flights = createExpectation('flights', (record) => String(record['row']));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(key: string, select: string, rows: number): Promise<void> {
  const path = join(folder, key);
  await mkdir(dirname(path), { recursive: true });
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  files.push({ key, sizeBytes: (await stat(path)).size, kind: 'data', rows, writtenAtMs: WRITTEN_AT_MS });
}

/** Writes rows as the lake has them: typed columns, and the field that no contract names in `_extra`. */
async function land(texts: readonly string[], key = DATA_KEY, rows = texts.length, day = DAY): Promise<void> {
  const values = texts.map((text) => `('${text}'::JSON)`).join(', ');
  await write(
    key,
    `SELECT (j->>'row')::BIGINT AS row, (j->>'date')::TIMESTAMPTZ AS date, (j->>'delay')::BIGINT AS delay,
            struct_pack(origin := j->>'$.route.origin') AS route,
            json_object('carrier', j->>'carrier')::VARCHAR AS _extra, 'flights' AS _source,
            TIMESTAMPTZ '2026-01-01 00:00:01+00' AS _received_at, TIMESTAMPTZ '${day} 10:00:00+00' AS _event_time
     FROM (VALUES ${values}) v(j)`,
    rows,
  );
}

async function quarantine(
  texts: readonly string[],
  reason = 'CONTRACT',
  key = QUARANTINE_KEY,
): Promise<void> {
  const values = texts.map((text) => `('${reason}', encode('${text}'))`).join(', ');
  await write(key, `SELECT * FROM (VALUES ${values}) v(reason, raw)`, texts.length);
}

function send(texts: readonly string[], kind: 'valid' | 'violation' = 'valid'): void {
  expectRequest(
    flights,
    texts.map((text) => ({ kind, text })),
  );
}

async function check(): Promise<
  LakeCheck & { flights: NonNullable<ReturnType<LakeCheck['sources']['get']>> }
> {
  const report = await checkLake(folder, files, new Map([['flights', flights]]));
  const source = report.sources.get('flights');
  if (source === undefined) throw new Error('the report lacks its only source');
  return { ...report, flights: source };
}

describe('a lake that holds what was sent', () => {
  test('is in order, with each record once although it was sent twice', async () => {
    send([flight(1), flight(2), flight(1)]);
    send(['{"row":"x"}'], 'violation');
    await land([flight(1), flight(2)]);
    await quarantine(['{"row":"x"}']);
    const report = await check();
    expect(report.flights.problems).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.flights).toMatchObject({ landed: 2, lost: 0, duplicated: 0, quarantined: 1 });
    expect(report.latencyMs).toEqual({ p50: 1000, p99: 1000 });
  });

  test.each([0, 1])('may keep either payload of a key when the other is in quarantine', async (winner) => {
    const payloads = [flight(1, 5), flight(1, 6)];
    send(payloads);
    await land([payloads[winner] ?? '']);
    await quarantine([payloads[1 - winner] ?? ''], 'KEY_CONFLICT', CONFLICT_KEY);
    expect(await check()).toMatchObject({ ok: true, flights: { landed: 1, quarantined: 1 } });
  });

  test('may hold a violation once more when its request had to be repeated', async () => {
    send(['{"row":"x"}'], 'violation');
    allowRepetition(flights, [{ kind: 'violation', text: '{"row":"x"}' }]);
    await quarantine(['{"row":"x"}', '{"row":"x"}']);
    expect(await check()).toMatchObject({ ok: true, flights: { quarantined: 1, duplicated: 0 } });
  });
});

describe('the check finds', () => {
  test('a record that is missing', async () => {
    send([flight(1), flight(2)]);
    await land([flight(1)]);
    const report = await check();
    expect(report).toMatchObject({ ok: false, flights: { lost: 1, landed: 1 } });
    expect(report.flights.problems.join()).toContain('lost: 1 (key 2)');
  });

  test('everything missing when there is no file at all', async () => {
    send([flight(1), flight(2)]);
    expect(await check()).toMatchObject({ ok: false, flights: { lost: 2, landed: 0 } });
  });

  test('a record that landed in two files', async () => {
    send([flight(1), flight(2)]);
    await land([flight(1), flight(2)]);
    await land([flight(2)], DATA_KEY.replace('v1', 'v2'));
    const report = await check();
    expect(report).toMatchObject({ ok: false, flights: { duplicated: 1, landed: 3 } });
    expect(report.flights.problems.join()).toContain('landed more than once: 1 (key 2)');
  });

  test('another value in a column', async () => {
    send([flight(1, 5)]);
    await land([flight(1, 6)]);
    expect((await check()).flights.problems.join()).toContain('another value than was sent: 1 (key 1)');
  });

  test('another value in a field that the contract does not name', async () => {
    send([flight(1)]);
    await land([flight(1).replace('"AA"', '"UA"')]);
    expect((await check()).flights.problems.join()).toContain('another value than was sent');
  });

  test('a row that nobody sent', async () => {
    send([flight(1)]);
    await land([flight(1), flight(3)]);
    expect((await check()).flights.problems.join()).toContain('do not belong: 1 (key 3)');
  });

  test('a row in the partition of another day', async () => {
    send([flight(1)]);
    await land([flight(1)], DATA_KEY.replace(DAY, '2001-01-02'));
    expect((await check()).flights.problems.join()).toContain('partition of another day');
  });

  test('a file whose metadata count other rows', async () => {
    send([flight(1)]);
    await land([flight(1)], DATA_KEY, 2);
    expect((await check()).flights.problems.join()).toContain('1, not 2');
  });

  test('a violation that is not in quarantine, or is there twice', async () => {
    send(['{"row":"x"}'], 'violation');
    expect(await check()).toMatchObject({ ok: false, flights: { lost: 1, quarantined: 0 } });
    await quarantine(['{"row":"x"}', '{"row":"x"}']);
    expect(await check()).toMatchObject({ ok: false, flights: { duplicated: 1, quarantined: 1 } });
  });

  test('a valid record in quarantine: not lost, and not in order', async () => {
    send([flight(1)]);
    await quarantine([flight(1)], 'UNWRITABLE');
    const report = await check();
    expect(report).toMatchObject({ ok: false, flights: { lost: 0, quarantinedByReason: { UNWRITABLE: 1 } } });
  });

  test('files of a source that nothing was sent to', async () => {
    await write('quarantine/unknown/reason=UNKNOWN_SOURCE/dt=2026-01-01/a-v1.parquet', 'SELECT 1', 1);
    const report = await check();
    expect(report.ok).toBe(false);
    expect(report.problems.join()).toContain('quarantine/unknown/');
  });
});
