import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import { LandedTable } from '../../support/landed-table.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { declareTable } from '../../support/table-settings.ts';

/*
 * Writers commit late while the table is read. What a reader has passed over is known from outside: rows that the table
 * has and the lake does not. The count at the source has to find exactly those.
 */

const WRITERS = 8;
const WRITING_MS = 5_000;
const PROCESSES = 2;
const COLUMNS = { id: 'bigint', at: 'timestamp', happened: 'timestamp' };
const DAY_MS = 86_400_000;

let server: TestPostgres;
const opened: LandedTable[] = [];

beforeAll(async () => {
  server = await startPostgres({ max_connections: '60' });
});

afterAll(async () => {
  for (const landing of opened) await landing.close();
  await server.stop();
});

function landBy(cursor: 'at' | 'id', probe: { readonly every: string }, lookback?: string): LandedTable {
  const incremental = { cursor, ...(lookback !== undefined && { lookback }) };
  const settings = declareTable('postgres', {
    ...{ table: 'events', columns: COLUMNS, key: ['id'], incremental },
    connection: connectionTo(server),
  });
  const landing = new LandedTable(COLUMNS, {
    ...{ cursor, incremental, probe, changes: 'append', dedupeWindow: '30 days' },
    open: () => openSource(server, settings),
  });
  opened.push(landing);
  return landing;
}

test('rows that a naive look-back passes over are found, to the row; with the horizon, or a look-back that is long enough, there are none, however often it is counted', async () => {
  await server.run(`
    CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz(3) NOT NULL DEFAULT now(),
      happened timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON events (at, id)`);
  let isWriting = true;
  const random = createSeededRandom(20_261_201);
  const write = async (): Promise<void> => {
    const session = await server.connect();
    while (isWriting) {
      await session.query('BEGIN');
      await session.query('INSERT INTO events SELECT FROM generate_series(1, $1)', [
        1 + Math.floor(random() * 20),
      ]);
      // Some stay open for longer than the naive look-back.
      if (random() < 0.08) await sleep(1_200 + random() * 1_300);
      await session.query(random() < 0.05 ? 'ROLLBACK' : 'COMMIT');
      await sleep(random() * 15);
    }
    await session.end();
  };
  const naive = landBy('at', { every: '7 days' }, '1 second');
  const safe = [landBy('at', { every: '10 minutes' }), landBy('id', { every: '10 minutes' })];
  const patient = landBy('at', { every: '7 days' }, '5 seconds');
  const all = [naive, patient, ...safe];
  const reading = all.map((landing) => landing.disturb(PROCESSES, () => !isWriting));
  const leap = async (): Promise<void> => {
    while (isWriting) {
      for (const landing of safe) landing.advance(120_000);
      await sleep(100);
    }
  };
  const counting = leap();
  const writing = Array.from({ length: WRITERS }, write);
  await sleep(WRITING_MS);
  isWriting = false;
  await Promise.all([...writing, ...reading, counting]);
  // Later ones, so that nothing of the others is read again.
  await sleep(5_500);
  await server.run('INSERT INTO events SELECT FROM generate_series(1, 5)');
  await sleep(1_100);
  for (let run = 0; run < 4; run++) {
    for (const landing of all) {
      landing.advance(run === 1 || run === 2 ? 7 * DAY_MS : 0);
      await landing.run();
    }
  }

  const [row] = await server.run('SELECT count(*)::text AS rows FROM events');
  const total = Number(row?.['rows']);
  const lost = total - (await naive.landed()).size;
  const count = await naive.count();
  console.log(
    `${String(total)} rows; look-back of 1 second: ${String(lost)} lost, ${String(count?.missing?.rows)} found`,
  );
  expect(lost).toBeGreaterThan(20);
  expect(count?.missing?.rows).toBe(lost);
  const [inStretch] = await server.run(
    `SELECT count(*)::text AS rows FROM events WHERE at >= '${count?.missing?.from ?? ''}' AND at < '${count?.missing?.to ?? ''}'`,
  );
  expect(Number(inStretch?.['rows'])).toBeGreaterThanOrEqual(lost);
  expect(await naive.backfill(count?.missing?.from ?? '', count?.missing?.to ?? '')).toBe(lost);
  const mended = await naive.landed();
  expect([mended.size, Math.max(...mended.values())]).toEqual([total, 1]);
  for (const landing of [patient, ...safe]) {
    const { missing, counts } = landing.told;
    console.log(
      `${landing.name}: ${String(counts)} counts, ${String(missing)} missing, ${JSON.stringify(landing.faults)}`,
    );
    expect((await landing.landed()).size).toBe(total);
    expect(missing).toBe(0);
    expect(counts).toBeGreaterThan(1);
    expect(landing.faults.crashes).toBeGreaterThan(0);
  }
});
