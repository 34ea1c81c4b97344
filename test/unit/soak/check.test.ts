import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LakeFile } from '../../../shared/adapters/aws/s3-lake-view.ts';
import { checkSoak, type SoakCheck } from '../../soak/check.ts';
import { planSoak, recordOf, strangerBytes, type Plan, type Writer } from '../../soak/records.ts';
import { Tally } from '../../soak/tally.ts';

const START_MS = Date.UTC(2026, 2, 1, 23, 59, 0);
const RECORDS = 1500;
const plan = planSoak(7, START_MS, 500);

interface Row {
  readonly writer: Writer;
  readonly n: number;
  readonly text: string;
  readonly serial: string;
}
interface QuarantineRow {
  readonly source: string;
  readonly reason: string;
  readonly id: string;
  readonly raw: Buffer;
}
/** A lake as it should be, which tests spoil. */
interface Lake {
  /** Rows by directory below the root. */
  readonly rows: Map<string, Row[]>;
  quarantine: QuarantineRow[];
}

function perfectLake(): Lake {
  const rows = new Map<string, Row[]>();
  const quarantine: QuarantineRow[] = [];
  for (const writer of plan.writers) {
    for (let n = 0; n < countOf(writer); n++) {
      const { text, fate } = recordOf(plan, writer, n);
      if (fate.kind === 'quarantine') {
        const raw =
          fate.source === 'unknown' && fate.reason === 'UNREADABLE_FRAME'
            ? strangerBytes(plan, writer, n)
            : Buffer.from(text);
        quarantine.push({ ...fate, id: `${writer.name}/${String(n)}`, raw });
        continue;
      }
      const at = (JSON.parse(text) as { at: string }).at;
      const hour = fate.source === 'clicks' ? `/hour=${at.slice(11, 13)}` : '';
      const directory = `raw/${fate.source}/dt=${at.slice(0, 10)}${hour}`;
      const serial = /"serial":(-?\d+)/.exec(text)?.[1] ?? '';
      rows.set(directory, [...(rows.get(directory) ?? []), { writer, n, text, serial }]);
    }
  }
  return { rows, quarantine };
}

const countOf = (writer: Writer): number => (writer.source === 'strangers' ? 6 : RECORDS);

/** All records of the plan that the tests send were acknowledged. */
function tallyOf(of: Plan): Tally {
  const tally = new Tally(of);
  for (const writer of of.writers) tally.acknowledge(writer, countOf(writer));
  return tally;
}

describe('the check of the soak', () => {
  const root = mkdtempSync(join(tmpdir(), 'headgate-soak-check-'));
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  let lakes = 0;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
  });
  afterAll(() => {
    connection.closeSync();
    instance.closeSync();
    rmSync(root, { recursive: true, force: true });
  });

  async function write(folder: string, key: string, select: string, rows: number): Promise<LakeFile> {
    const path = join(folder, key);
    mkdirSync(dirname(path), { recursive: true });
    await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
    return { key, sizeBytes: 1, kind: 'data', rows, writtenAtMs: START_MS + 2000 };
  }

  async function check(lake: Lake, tally = tallyOf(plan), mayRetransmit = 0): Promise<SoakCheck> {
    const folder = join(root, String(lakes++));
    mkdirSync(folder);
    const files: LakeFile[] = [];
    for (const [directory, rows] of lake.rows) {
      const lines = join(folder, 'rows.ndjson');
      writeFileSync(lines, rows.map(({ text }) => text).join('\n'));
      const columns = `{writer: 'VARCHAR', n: 'BIGINT', "at": 'TIMESTAMPTZ', amount: 'DOUBLE', serial: 'BIGINT', text: 'VARCHAR',
        place: 'STRUCT(city VARCHAR, zone BIGINT)', tags: 'VARCHAR[]', colour: 'VARCHAR', unnamed: 'JSON'}`;
      const select = `SELECT * EXCLUDE (unnamed), make_timestamptz(${String(START_MS * 1000)}) AS _received_at,
        CASE WHEN unnamed IS NULL THEN NULL ELSE json_object('unnamed', unnamed)::VARCHAR END AS _extra
        FROM read_ndjson('${lines}', columns = ${columns})`;
      files.push(await write(folder, `${directory}/file.parquet`, select, rows.length));
    }
    const values = lake.quarantine.map(
      ({ source, reason, id, raw }) =>
        `('${source}', '${reason}', '${id}', from_hex('${raw.toString('hex')}'))`,
    );
    const select = `SELECT * FROM (VALUES ${values.join(', ')}) AS t(source, reason, id, raw)`;
    files.push(await write(folder, 'quarantine/all/file.parquet', select, values.length));
    return await checkSoak(folder, files, plan, tally, mayRetransmit);
  }

  /** The rows of one partition of a source, to be spoiled. */
  function rowsOf(lake: Lake, source: string): Row[] {
    for (const [directory, rows] of lake.rows) if (directory.startsWith(`raw/${source}/`)) return rows;
    throw new Error(`the lake has no rows of ${source}`);
  }

  test('finds nothing wrong with a lake that holds what was sent', async () => {
    const lake = perfectLake();
    expect(lake.quarantine.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['CONTRACT', 'UNREADABLE_FRAME', 'UNKNOWN_SOURCE']),
    );
    const found = await check(lake);
    expect(found.problems).toEqual([]);
    expect(found).toMatchObject({
      lost: 0,
      twice: 0,
      landed: plan.writers.length * RECORDS - RECORDS + 6 - lake.quarantine.length,
    });
    expect(found.latencyMs.p50).toBeGreaterThan(1950);
    expect(found.latencyMs.p50).toBeLessThan(2050);
  });

  test.each(['clicks', 'payments', 'readings'])('misses a record of %s', async (source) => {
    const lake = perfectLake();
    const gone = rowsOf(lake, source).shift();
    const found = await check(lake);
    expect(found).toMatchObject({ lost: 1, twice: 0 });
    expect(found.problems.join()).toContain(`${gone?.writer.name ?? ''}/${String(gone?.n)}`);
  });

  test('sees a record that is there twice', async () => {
    const lake = perfectLake();
    const rows = rowsOf(lake, 'clicks');
    rows.push(...rows.slice(0, 2));
    expect(await check(lake)).toMatchObject({ lost: 0, twice: 2 });
  });

  test.each([
    ['a value', /"amount":[^,]+/, '"amount":1.5'],
    ['the last digit of a wide integer', /("serial":-?\d*)\d/, '$10'],
    ['a field that the contract does not name', /"tags":/, '"unnamed":{"deep":[1]},"tags":'],
  ])('sees that %s is another one than was sent', async (_, from, to) => {
    const lake = perfectLake();
    const rows = rowsOf(lake, 'payments');
    const at = rows.findIndex(({ text, serial }) => !text.includes('unnamed') && !serial.endsWith('0'));
    const row = rows[at];
    if (row === undefined) throw new Error('no row to spoil');
    rows[at] = { ...row, text: row.text.replace(from, to) };
    expect((await check(lake)).problems.join()).toContain('another value than was sent: 1');
  });

  test('sees a record in the partition of another time', async () => {
    const lake = perfectLake();
    const rows = rowsOf(lake, 'readings');
    const moved = rows.splice(0, 1);
    lake.rows.set('raw/readings/dt=1999-01-01', moved);
    const found = await check(lake);
    expect(found).toMatchObject({ lost: 0, twice: 0 });
    expect(found.problems.join()).toContain('in a partition of another time: 1');
  });

  test('misses what should be in quarantine, and sees what is there for another reason or should not be there', async () => {
    const missing = perfectLake();
    missing.quarantine.pop();
    expect(await check(missing)).toMatchObject({ lost: 1 });

    const wrong = perfectLake();
    wrong.quarantine = wrong.quarantine.map((row, i) => (i === 0 ? { ...row, reason: 'KEY_CONFLICT' } : row));
    expect((await check(wrong)).problems.join()).toContain('where they do not belong: 1');

    const valid = perfectLake();
    const row = rowsOf(valid, 'clicks')[0];
    valid.quarantine.push({
      source: 'clicks',
      reason: 'CONTRACT',
      id: 'x',
      raw: Buffer.from(row?.text ?? ''),
    });
    expect((await check(valid)).problems.join()).toContain('where they do not belong: 1');
  });

  test('a violation may be there again only where its request was sent again, and never under one identity', async () => {
    const isPushed = ({ source }: QuarantineRow): boolean => source === 'clicks' || source === 'payments';
    const again = (lake: Lake, id?: string): QuarantineRow => {
      const row = lake.quarantine.find(isPushed);
      if (row === undefined) throw new Error('nothing of a pushed source is in quarantine');
      lake.quarantine.push({ ...row, id: id ?? row.id });
      return row;
    };
    const unexplained = perfectLake();
    again(unexplained, 'other');
    expect(await check(unexplained)).toMatchObject({ twice: 1, retransmitted: 0 });

    expect(await check(unexplained, tallyOf(plan), 1)).toMatchObject({ twice: 0, retransmitted: 1 });

    const repeated = perfectLake();
    const [name = '', n] = again(repeated, 'other').id.split('/');
    const tally = tallyOf(plan);
    const writer = plan.writers.find((one) => one.name === name);
    if (writer !== undefined) tally.allowRepetition(writer, Number(n));
    expect(await check(repeated, tally)).toMatchObject({ twice: 0, retransmitted: 1 });

    const same = perfectLake();
    again(same);
    expect((await check(same, tally)).twice).toBe(1);
  });
});
