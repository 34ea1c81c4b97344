import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PostgresTableSource } from '../../../shared/adapters/postgres/postgres-table-source.ts';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import type { CursorPlace } from '../../../shared/ports/table-source.ts';
import { createNaiveCursors } from '../../support/naive-cursors.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { toRows } from '../../support/table-rows.ts';
import { declareTable } from '../../support/table-settings.ts';

/*
 * Rows get their cursor when they are written and appear when they are committed. What follows happens to every table
 * that several sessions write; see docs/databases.md.
 */

const WRITERS = 12;
const WRITING_MS = 3000;
const PAGE_ROWS = 100;
const COLUMNS = { id: 'bigint', at: 'timestamp' };

let server: TestPostgres;
const opened: PostgresTableSource[] = [];

beforeAll(async () => {
  server = await startPostgres({ max_connections: '60' });
});

afterAll(async () => {
  for (const source of opened) await source.close();
  await server.stop();
});

beforeEach(async () => {
  await server.run(`
    DROP TABLE IF EXISTS events;
    CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz(3) NOT NULL DEFAULT now());
    CREATE INDEX ON events (at, id)`);
});

/** Reads by cursor below the horizon, as the pipeline does: what was read counts once its place is kept. */
class HorizonReader {
  readonly name: string;
  /** How often each row was read and kept. */
  readonly seen = new Map<string, number>();
  readonly #source: PostgresTableSource;
  #place: CursorPlace | undefined;
  #memory: string | undefined;

  constructor(cursor: 'at' | 'id') {
    this.name = `Headgate, by ${cursor}`;
    this.#source = openSource(
      server,
      declareTable('postgres', {
        ...{ table: 'events', columns: COLUMNS, key: ['id'], incremental: { cursor } },
        connection: connectionTo(server),
      }),
    );
    opened.push(this.#source);
  }

  /** @param dies whether the process dies before the place is kept */
  async run(dies: () => boolean = () => false): Promise<void> {
    const deadlineMs = Date.now() + 30_000;
    const { until, memory } = await this.#source.readHorizon({ former: this.#memory, deadlineMs });
    if (until === undefined) {
      this.#memory = memory;
      return;
    }
    for (let rows = PAGE_ROWS; rows === PAGE_ROWS;) {
      rows = 0;
      const ids: string[] = [];
      let place = this.#place;
      const request = { cursor: { from: place, until }, maxRows: PAGE_ROWS, deadlineMs };
      for await (const batch of this.#source.read(request)) {
        rows += batch.rows.rows;
        place = batch.last;
        ids.push(...toRows(batch.rows, [{ name: 'id', type: { kind: 'int64' } }]).map(({ id }) => id ?? ''));
      }
      if (dies()) return;
      this.#place = place;
      this.#memory = memory;
      for (const id of ids) this.seen.set(id, (this.seen.get(id) ?? 0) + 1);
    }
  }
}

test('staged: a row that was written first and committed last is lost by every naive cursor, and by none of ours', async () => {
  const naive = createNaiveCursors();
  const ours = [new HorizonReader('at'), new HorizonReader('id')];
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
  for (const { seen } of ours) expect(seen.has('1')).toBe(false);
  await slow.query('COMMIT');
  await server.run('INSERT INTO events DEFAULT VALUES');
  await sleep(1100);
  await readAll();
  for (const { name, seen } of naive) expect(seen.has('1'), name).toBe(false);
  expect(naive.find(({ name }) => name === 'cursor > last, LIMIT')?.seen.size).toBeLessThan(41);
  for (const { name, seen } of ours) {
    expect(
      [...seen.values()].every((times) => times === 1),
      name,
    ).toBe(true);
    expect(seen.size, name).toBe(42);
  }
  await Promise.all([slow.end(), reader.end()]);
});

test('12 writers with long transactions, equal times and commits out of order, and readers that die: none lost, none twice', async () => {
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
      if (random() < 0.05) await sleep(200 + random() * 800);
      await session.query(random() < 0.05 ? 'ROLLBACK' : 'COMMIT');
      await sleep(random() * 10);
    }
    await session.end();
  };
  const naive = createNaiveCursors();
  const ours = [new HorizonReader('at'), new HorizonReader('id')];
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
    ...ours.map(async (cursor) => {
      while (isWriting) {
        await cursor.run(() => random() < 0.2);
        await sleep(30);
      }
    }),
  ];
  const writing = Array.from({ length: WRITERS }, writer);
  await sleep(WRITING_MS);
  isWriting = false;
  await Promise.all([...writing, ...reading]);
  const [row] = await server.run('SELECT count(*)::text AS rows, max(id)::text AS id FROM events');
  const total = Number(row?.['rows']);
  await sleep(1100);
  for (const cursor of ours) await cursor.run();

  const table = [
    ...naive.map(({ name, seen }) => ({ name, lost: total - seen.size, twice: 0 })),
    ...ours.map(({ name, seen }) => ({
      ...{ name, lost: total - seen.size },
      twice: [...seen.values()].filter((times) => times > 1).length,
    })),
  ];
  console.log(`${String(total)} rows\n${table.map((line) => JSON.stringify(line)).join('\n')}`);
  expect(total).toBeGreaterThan(1000);
  for (const line of table.slice(-2)) expect(line).toMatchObject({ lost: 0, twice: 0 });
});
