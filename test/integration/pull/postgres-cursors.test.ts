import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import { LandedTable } from '../../support/landed-table.ts';
import { createNaiveCursors } from '../../support/naive-cursors.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { declareTable } from '../../support/table-settings.ts';

/*
 * Rows get their cursor when they are written and appear when they are committed. What follows happens to every table
 * that several sessions write; see docs/databases.md.
 */

const WRITERS = 12;
const WRITING_MS = 4000;
/** That read one table at the same time, for each cursor. */
const PROCESSES = 3;
const COLUMNS = { id: 'bigint', at: 'timestamp', happened: 'timestamp' };

let server: TestPostgres;
const opened: LandedTable[] = [];

beforeAll(async () => {
  server = await startPostgres({ max_connections: '60' });
});

afterAll(async () => {
  for (const landing of opened) await landing.close();
  await server.stop();
});

beforeEach(async () => {
  await server.run(`
    DROP TABLE IF EXISTS events;
    CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz(3) NOT NULL DEFAULT now(),
      happened timestamptz NOT NULL DEFAULT now() - random() * interval '4 days');
    CREATE INDEX ON events (at, id)`);
});

function landBy(cursor: 'at' | 'id'): LandedTable {
  const settings = declareTable('postgres', {
    ...{ table: 'events', columns: COLUMNS, key: ['id'], incremental: { cursor } },
    connection: connectionTo(server),
  });
  const landing = new LandedTable(COLUMNS, { cursor, open: () => openSource(server, settings) });
  opened.push(landing);
  return landing;
}

test('staged: a row that was written first and committed last is lost by every naive cursor, and by none of ours', async () => {
  const naive = createNaiveCursors();
  const ours = [landBy('at'), landBy('id')];
  const reader = await server.connect();
  const readAll = async (): Promise<void> => {
    for (const cursor of naive) await cursor.run(reader);
    for (const cursor of ours) await cursor.run();
  };
  const slow = await server.connect();
  await slow.query('BEGIN; INSERT INTO events DEFAULT VALUES');
  await sleep(5);
  // A page and a half of rows with the same time, and later than the slow one.
  await server.run('INSERT INTO events SELECT FROM generate_series(1, 40)');
  await sleep(1600);
  await readAll();
  for (const landing of ours) expect((await landing.landed()).has('1')).toBe(false);
  await slow.query('COMMIT');
  await server.run('INSERT INTO events DEFAULT VALUES');
  await sleep(1100);
  await readAll();
  for (const { name, seen } of naive) expect(seen.has('1'), name).toBe(false);
  expect(naive.find(({ name }) => name === 'cursor > last, LIMIT')?.seen.size).toBeLessThan(41);
  for (const landing of ours) {
    const landed = await landing.landed();
    expect(new Set(landed.values()), landing.name).toEqual(new Set([1]));
    expect(landed.size, landing.name).toBe(42);
  }
  await Promise.all([slow.end(), reader.end()]);
});

test('12 writers with long transactions, equal times and commits out of order, and readers that overlap and die: each row is in the lake once', async () => {
  let isWriting = true;
  const random = createSeededRandom(20_260_101);
  const writer = async (): Promise<void> => {
    const session = await server.connect();
    while (isWriting) {
      await session.query('BEGIN');
      if (random() < 0.3) {
        // The transaction has begun, and its times are fixed, long before it writes.
        await session.query('SELECT now()');
        await sleep(random() < 0.1 ? 200 + random() * 600 : random() * 20);
      }
      await session.query('INSERT INTO events SELECT FROM generate_series(1, $1)', [
        1 + Math.floor(random() * 40),
      ]);
      // Some are open for longer than what a reader may keep away from now.
      if (random() < 0.05) await sleep(200 + random() * 1600);
      await session.query(random() < 0.05 ? 'ROLLBACK' : 'COMMIT');
      await sleep(random() * 10);
    }
    await session.end();
  };
  const naive = createNaiveCursors();
  const ours = [landBy('at'), landBy('id')];
  const reading = [
    ...naive.map(async (cursor) => {
      const session = await server.connect();
      while (isWriting) {
        await cursor.run(session);
        await sleep(30);
      }
      await sleep(600);
      await cursor.run(session);
      await session.end();
    }),
    ...ours.map((landing) => landing.disturb(PROCESSES, () => !isWriting)),
  ];
  const writing = Array.from({ length: WRITERS }, writer);
  await sleep(WRITING_MS);
  isWriting = false;
  await Promise.all([...writing, ...reading]);
  const [row] = await server.run('SELECT count(*)::text AS rows, max(id)::text AS id FROM events');
  const total = Number(row?.['rows']);
  await sleep(1100);
  for (const landing of ours) await landing.run();

  console.log(`${String(total)} rows`);
  for (const { name, seen } of naive) console.log(`${name}: ${String(total - seen.size)} lost`);
  expect(total).toBeGreaterThan(1000);
  for (const landing of ours) {
    const landed = await landing.landed();
    const twice = [...landed.values()].filter((times) => times > 1).length;
    const { name, faults, tombstones } = landing;
    console.log(
      `${name}: ${String(total - landed.size)} lost, ${String(twice)} twice; ${JSON.stringify({ ...faults, tombstones })}`,
    );
    expect({ name, lost: total - landed.size, twice }).toEqual({ name, lost: 0, twice: 0 });
    expect(faults.crashes, name).toBeGreaterThan(0);
    expect(faults.overlaps, name).toBeGreaterThan(0);
  }
});
