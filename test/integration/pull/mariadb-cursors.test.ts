import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatCell } from '../../../shared/adapters/database/cell-text.ts';
import type { CursorPlace, TableSource } from '../../../shared/ports/table-source.ts';
import { LandedTable } from '../../support/landed-table.ts';
import { describeOnMariadb, type TestMariadb } from '../../support/mariadb.ts';
import {
  declareColumns,
  inOneMinute,
  openMysqlSource,
  SEE_OTHERS,
  SHOP,
} from '../../support/mysql-source.ts';

const COLUMNS = { id: 'bigint', at: 'timestamp', note: 'text' };
const WRITERS = 12;
/** That read one table at the same time, for each cursor. */
const PROCESSES = 3;
const RUN_MS = 6_000;

const createTable = (name: string): string =>
  `CREATE TABLE ${name} (id BIGINT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), ` +
  'note VARCHAR(100), KEY (at)) ENGINE=InnoDB; ';

/** A reader by cursor that keeps its place and the memory of the horizon, as a checkpoint does. */
class Follower {
  readonly #source: TableSource;
  readonly read: string[] = [];
  memory: string | undefined;
  #place: CursorPlace | undefined;

  constructor(source: TableSource) {
    this.#source = source;
  }

  /** @returns the bound */
  async follow(): Promise<string | undefined> {
    const { until, memory } = await this.#source.readHorizon({
      former: this.memory,
      deadlineMs: inOneMinute(),
    });
    this.memory = memory;
    if (until === undefined) return undefined;
    const cursor = { from: this.#place, until };
    const [id] = declareColumns(COLUMNS);
    for await (const batch of this.#source.read({ cursor, deadlineMs: inOneMinute() })) {
      const data = batch.rows.columns[0];
      for (let row = 0; data !== undefined && id !== undefined && row < batch.rows.rows; row += 1)
        this.read.push(formatCell(data, id.type, row) ?? '');
      this.#place = batch.last;
    }
    return until;
  }

  /** Follows until nothing is missing that `ids` names, or for too long. */
  async catchUp(ids: readonly string[]): Promise<void> {
    for (let i = 0; i < 100 && this.read.length < ids.length; i += 1) {
      await this.follow();
      await sleep(50);
    }
  }
}

async function idsOf(connection: Connection, table: string): Promise<string[]> {
  const [rows] = await connection.query(`SELECT id FROM ${table} ORDER BY id`);
  return (rows as { id: string }[]).map(({ id }) => id);
}

const ascending = (ids: readonly string[]): string[] => ids.toSorted((a, b) => Number(a) - Number(b));

const open = (server: TestMariadb, table: string, cursor: 'at' | 'id'): TableSource =>
  openMysqlSource(server, { table, columns: COLUMNS, cursor });

describeOnMariadb('reading by cursor on MariaDB', (server) => {
  beforeAll(async () => {
    await (await server().connect()).query(SHOP + SEE_OTHERS);
  });

  describe('a row that is committed late', () => {
    test.each(['at', 'id'] as const)(
      'and whose statement waited before InnoDB saw it is not passed, by %s',
      async (cursor) => {
        const table = `late_${cursor}`;
        const admin = await server().connect('shop');
        const writer = await server().connect('shop');
        await admin.query(createTable(table));
        const source = open(server(), table, cursor);
        const follower = new Follower(source);
        await writer.query('BEGIN');
        // The row's time is that of the statement; InnoDB knows the transaction 1.5 seconds later only.
        const late = writer.query(`INSERT INTO ${table} (note) SELECT SLEEP(1.5)`);
        await sleep(300);
        await admin.query(`INSERT INTO ${table} (note) VALUES ('soon')`);
        await late;
        // innodb_trx.trx_started is behind the time of the row: a bound by it alone would pass the row.
        await sleep(200);
        const [[times]] = (await admin.query(
          "SELECT MIN(CONVERT_TZ(trx_started, 'SYSTEM', @@time_zone)) > (SELECT at FROM " +
            `${table} WHERE note = 'soon') AS behind FROM information_schema.innodb_trx WHERE trx_rows_modified > 0`,
        )) as unknown as [[{ behind: string | number }]];
        expect(Number(times.behind)).toBe(1);
        await follower.follow();
        await follower.follow();
        expect(follower.read).toEqual([]);
        await writer.query('COMMIT');
        const all = await idsOf(admin, table);
        expect(all).toHaveLength(2);
        await follower.catchUp(all);
        await source.close();
        expect(ascending(follower.read)).toEqual(all);
      },
    );

    test('and whose transaction is prepared (XA), with nobody connected to it, is not passed, also after a crash of the server', async () => {
      const admin = await server().connect('shop');
      await admin.query(createTable('xa'));
      const source = open(server(), 'xa', 'id');
      const follower = new Follower(source);
      const writer = await server().connect('shop');
      await writer.query(
        "XA START 'x'; INSERT INTO xa (note) VALUES ('prepared'); XA END 'x'; XA PREPARE 'x'",
      );
      writer.destroy();
      await admin.query("INSERT INTO xa (note) VALUES ('after')");
      await follower.follow();
      await server().restart();
      const again = await server().connect('shop');
      // Whether the lost connection is noticed before or by the next statement.
      await follower.follow().catch((error: unknown) => {
        expect(error).toMatchObject({ disposition: 'retry' });
      });
      await follower.follow();
      expect(follower.read).toEqual([]);
      await again.query("XA COMMIT 'x'");
      const all = await idsOf(again, 'xa');
      await follower.catchUp(all);
      await source.close();
      expect(ascending(follower.read)).toEqual(['1', '2']);
    });
  });

  test('rows from before a long transaction are read while it is open, and it is said since when it is', async () => {
    const admin = await server().connect('shop');
    const writer = await server().connect('shop');
    await admin.query(createTable('open'));
    await admin.query("INSERT INTO open (note) VALUES ('before')");
    const source = open(server(), 'open', 'at');
    const follower = new Follower(source);
    await sleep(1100);
    await follower.follow();
    expect(follower.read).toEqual(['1']);
    await writer.query("BEGIN; INSERT INTO open (note) VALUES ('open')");
    const { oldestOpenMs, until } = await source.readHorizon({
      former: follower.memory,
      deadlineMs: inOneMinute(),
    });
    expect(Math.abs(Date.now() - (oldestOpenMs ?? 0))).toBeLessThan(10_000);
    expect(source.compare(until ?? '', '2020-01-01 00:00:00+00')).toBeGreaterThan(0);
    await writer.query('ROLLBACK');
    await source.close();
  });

  test('a role that may not see the transactions of others is told which grant it needs', async () => {
    const admin = await server().connect('shop');
    await admin.query(
      `${createTable('hidden')} CREATE USER blind@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON shop.* TO blind@'%'`,
    );
    const source = openMysqlSource(server(), {
      table: 'hidden',
      columns: COLUMNS,
      cursor: 'at',
      connection: { user: 'blind' },
    });
    const failure = source.readHorizon({ former: undefined, deadlineMs: inOneMinute() });
    await expect(failure).rejects.toMatchObject({ code: 'DB_NO_HORIZON', disposition: 'block' });
    await expect(failure).rejects.toThrow(/GRANT PROCESS ON \*\.\* TO 'blind'.*lookback/);
    await source.close();
  });

  test('a server that is read-only, as replicas are, is refused', async () => {
    const admin = await server().connect('shop');
    await admin.query('SET GLOBAL read_only = ON');
    const source = open(server(), 'hidden', 'at');
    try {
      await expect(
        source.readHorizon({ former: undefined, deadlineMs: inOneMinute() }),
      ).rejects.toMatchObject({ code: 'DB_STANDBY', disposition: 'block' });
    } finally {
      await admin.query('SET GLOBAL read_only = OFF');
      await source.close();
    }
  });

  test(`${String(WRITERS)} writers with long transactions, commits out of order, and readers that overlap and die: each row is in the lake once`, async () => {
    const admin = await server().connect('shop');
    await admin.query(
      createTable('busy').replace(
        'KEY (at)',
        'happened TIMESTAMP(6) NOT NULL DEFAULT (CURRENT_TIMESTAMP(6) - INTERVAL FLOOR(RAND() * 96) HOUR), KEY (at)',
      ),
    );
    const endMs = Date.now() + RUN_MS;
    const write = async (seed: number): Promise<void> => {
      const connection = await server().connect('shop');
      for (let i = seed; Date.now() < endMs; i += 1) {
        await connection.query('BEGIN');
        for (let n = 0; n <= i % 4; n += 1) {
          // Some statements begin long before they write.
          const slow = (i + n) % 17 === 0;
          await connection.query(
            slow
              ? `INSERT INTO busy (note) SELECT SLEEP(0.4)`
              : `INSERT INTO busy (note) VALUES ('a'), ('b')`,
          );
          if ((i * 7 + n) % 5 === 0) await sleep((i * 37) % 300);
        }
        await connection.query(i % 11 === 0 ? 'ROLLBACK' : 'COMMIT');
      }
    };
    const columns = { ...COLUMNS, happened: 'timestamp' };
    const landings = (['at', 'id'] as const).map(
      (cursor) =>
        new LandedTable(columns, {
          cursor,
          open: () => openMysqlSource(server(), { table: 'busy', columns, cursor }),
        }),
    );
    const isOver = (): boolean => Date.now() >= endMs;
    const reading = landings.map((landing) => landing.disturb(PROCESSES, isOver));
    const writing = Array.from({ length: WRITERS }, (_, i) => write(i * 5));
    const naive = await server().connect('shop');
    const seen = new Set<string>();
    let last = '0';
    while (!isOver()) {
      // What is done without a horizon.
      const [rows] = await naive.query(`SELECT id FROM busy WHERE id > ${last} ORDER BY id`);
      for (const { id } of rows as { id: string }[]) {
        seen.add(id);
        last = id;
      }
      await sleep(20);
    }
    await Promise.all([...writing, ...reading]);
    const all = await idsOf(admin, 'busy');
    const [rest] = await naive.query(`SELECT COUNT(*) AS n FROM busy WHERE id > ${last}`);
    const lost = all.length - seen.size - Number((rest as { n: string }[])[0]?.n);
    console.log(`${String(all.length)} rows; "id > last": ${String(lost)} lost`);
    expect(lost).toBeGreaterThan(0);
    for (const landing of landings) {
      const { name, faults, tombstones } = landing;
      let landed = await landing.landed();
      const whileWritten = landed.size;
      for (let i = 0; i < 100 && landed.size < all.length; i += 1) {
        await landing.run();
        landed = await landing.landed();
        await sleep(50);
      }
      await landing.close();
      const twice = [...landed.values()].filter((times) => times > 1).length;
      const counts = { ...faults, tombstones, whileWritten };
      console.log(
        `${name}: ${String(all.length - landed.size)} lost, ${String(twice)} twice; ${JSON.stringify(counts)}`,
      );
      expect(ascending([...landed.keys()])).toEqual(all);
      expect({ name, twice }).toEqual({ name, twice: 0 });
      expect(whileWritten).toBeGreaterThan(0);
      expect(faults.crashes, name).toBeGreaterThan(0);
      expect(faults.overlaps, name).toBeGreaterThan(0);
    }
  });
});

describeOnMariadb(
  'MariaDB in New York',
  (server) => {
    test('the bound of a DATETIME that the database fills is in the time zone of the server', async () => {
      const admin = await server().connect();
      await admin.query(
        `${SHOP}${SEE_OTHERS}USE shop; ` +
          'CREATE TABLE local (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (at)); ' +
          'INSERT INTO local () VALUES ()',
      );
      const columns = { id: 'bigint', at: 'local-timestamp' };
      const source = openMysqlSource(server(), { table: 'local', columns, cursor: 'at' });
      expect((await source.describe(inOneMinute())).warnings).toContainEqual({
        code: 'DB_CURSOR_ZONE',
        message: expect.stringContaining('time_zone') as string,
      });
      const { until = '' } = await source.readHorizon({ former: undefined, deadlineMs: inOneMinute() });
      const [rows] = await admin.query(
        `SELECT TIMESTAMPDIFF(MICROSECOND, '${until}', NOW(6)) AS micros, TIMESTAMPDIFF(HOUR, NOW(6), UTC_TIMESTAMP(6)) AS hours`,
      );
      const [{ micros, hours } = { micros: 0, hours: 0 }] = rows as {
        micros: string | number;
        hours: string | number;
      }[];
      expect(Number(hours)).toBeGreaterThan(3);
      // One second before now, in local time (or what the clock is put back to, within hours before that).
      expect(Number(micros)).toBeGreaterThanOrEqual(1e6);
      expect(Number(micros)).toBeLessThan(2 * 3600e6);
      await source.close();
    });

    test('what the event scheduler runs counts as a statement', async () => {
      const admin = await server().connect('shop');
      await admin.query(
        'SET GLOBAL event_scheduler = ON; CREATE EVENT slow ON SCHEDULE AT CURRENT_TIMESTAMP DO ' +
          'INSERT INTO local (id) SELECT 100 + SLEEP(6)',
      );
      await sleep(1500);
      const source = openMysqlSource(server(), {
        table: 'local',
        columns: { id: 'bigint', at: 'local-timestamp' },
        cursor: 'id',
      });
      const { until, oldestOpenMs } = await source.readHorizon({
        former: undefined,
        deadlineMs: inOneMinute(),
      });
      await source.close();
      expect(until).toBeUndefined();
      expect(oldestOpenMs).toBeGreaterThan(0);
    });
  },
  { timeZone: 'America/New_York' },
);
