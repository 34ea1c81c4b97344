import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dispositionOf, HeadgateError } from '../../../shared/domain/errors.ts';
import type { PostgresTableSource } from '../../../shared/adapters/postgres/postgres-table-source.ts';
import type { Horizon } from '../../../shared/ports/table-source.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { declareTable } from '../../support/table-settings.ts';

let server: TestPostgres;
const opened: PostgresTableSource[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await server.run(`
    CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), local timestamp, note text);
    CREATE ROLE reader LOGIN PASSWORD 'reader''s';
    CREATE ROLE watcher LOGIN PASSWORD 'reader''s' IN ROLE pg_read_all_stats;
    GRANT SELECT ON events TO watcher;`);
});

afterAll(async () => {
  for (const source of opened) await source.close();
  await server.stop();
});

const COLUMNS = { id: 'bigint', at: 'timestamp' };
const DEADLINE = (): number => Date.now() + 30_000;

function open(
  source: Readonly<Record<string, unknown>> = {},
  connection: Readonly<Record<string, unknown>> = {},
  password?: string,
): PostgresTableSource {
  const settings = declareTable('postgres', {
    columns: COLUMNS,
    key: ['id'],
    incremental: { cursor: 'at' },
    ...(source['query'] === undefined ? { table: 'events' } : {}),
    ...source,
    connection: connectionTo(server, connection),
  });
  const table = openSource(server, settings, password);
  opened.push(table);
  return table;
}

async function failureOf(promise: Promise<unknown>): Promise<HeadgateError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof HeadgateError) return error;
  throw error;
}

/** A way to the server that can lose what it carries, without a word to either side. */
interface Link {
  readonly port: number;
  /** What is connected now carries nothing any more. */
  fallSilent(): void;
  /** New connections are carried. */
  heal(): void;
  close(): void;
}

async function createLink(to: number): Promise<Link> {
  const sockets: Socket[] = [];
  let isSilent = false;
  const listener = createServer((from) => {
    const target = connect(to, '127.0.0.1');
    sockets.push(from, target);
    for (const [source, sink] of [
      [from, target],
      [target, from],
    ] as const) {
      source.on('error', () => undefined);
      if (!isSilent) source.pipe(sink);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    fallSilent: () => {
      isSilent = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    heal: () => {
      isSilent = false;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

const count = (source: PostgresTableSource): Promise<number> => source.count({ deadlineMs: DEADLINE() });
const horizonOf = (source: PostgresTableSource, former?: string): Promise<Horizon> =>
  source.readHorizon({ former, deadlineMs: DEADLINE() });

describe('the connection', () => {
  test('is encrypted, and the certificate has to be of a known authority and of this host', async () => {
    const source = open();
    expect(await count(source)).toBe(0);
    const [session] = await server.run(
      "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'headgate/tables'",
    );
    expect(session).toEqual({ ssl: 't' });
    for (const connection of [{ ca: undefined }, { host: '127.0.0.1' }]) {
      const error = await failureOf(count(open({}, connection)));
      expect({ code: error.code, disposition: error.disposition }).toEqual({
        code: 'DB_TLS',
        disposition: 'block',
      });
      expect(error.message).toContain('connection.ca');
    }
    expect(await count(open({}, { host: '127.0.0.1', ca: undefined, tls: 'off' }))).toBe(0);
  });

  test('a wrong password blocks and never shows', async () => {
    const error = await failureOf(count(open({}, {}, 'a secret that is wrong')));
    expect(error.code).toBe('DB_LOGIN');
    expect(error.disposition).toBe('block');
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      expect(JSON.stringify([at.message, at])).not.toContain('a secret');
  });

  test('a password that was rotated is read again before the login counts as refused', async () => {
    const ages: unknown[] = [];
    const settings = declareTable('postgres', {
      ...{ columns: COLUMNS, table: 'events', connection: connectionTo(server) },
    });
    const { PostgresTableSource: Source } =
      await import('../../../shared/adapters/postgres/postgres-table-source.ts');
    const source = new Source(settings, {
      clock: { nowMs: () => Date.now(), sleep: () => Promise.resolve() },
      createToken: () => Promise.reject(new Error('no token')),
      parameters: {
        get: (_name, options) => {
          ages.push(options?.maxAgeMs);
          return Promise.resolve(options?.maxAgeMs === 0 ? server.password : 'the former one');
        },
      },
    });
    opened.push(source);
    expect(await count(source)).toBe(0);
    expect(ages).toEqual([undefined, 0]);
  });

  test('a server that does not answer, or ends the session, is tried again', async () => {
    const refused = await failureOf(count(open({}, { port: 1 })));
    expect({ code: refused.code, disposition: dispositionOf(refused) }).toEqual({
      code: 'DB_UNREACHABLE',
      disposition: 'retry',
    });
    const source = open();
    await count(source);
    await server.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate/tables'",
    );
    expect(await count(source)).toBe(0);
  });

  test('a session that is ended while rows come fails, and may be repeated', async () => {
    const query =
      "SELECT i AS id, now() AS at, repeat('x', 10000) AS filler FROM generate_series(1, 20000) i";
    const source = open({ query, columns: { ...COLUMNS, filler: 'text' }, incremental: undefined });
    const error = await failureOf(
      (async () => {
        for await (const batch of source.read({ deadlineMs: DEADLINE() })) {
          expect(batch.rows.rows).toBeLessThan(20_000);
          await server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate/tables'",
          );
        }
      })(),
    );
    expect(dispositionOf(error)).toBe('retry');
    expect(['DB_BUSY', 'DB_UNREACHABLE']).toContain(error.code);
  });

  test('a network that falls silent ends a read at its deadline, and a kept session that was lost is replaced', async () => {
    const link = await createLink(server.port);
    try {
      const query =
        "SELECT i AS id, now() AS at, repeat('x', 10000) AS filler FROM generate_series(1, 20000) i";
      const columns = { ...COLUMNS, filler: 'text' };
      const source = open({ query, columns, incremental: undefined }, { port: link.port });
      const error = await failureOf(
        (async () => {
          for await (const { rows } of source.read({ deadlineMs: Date.now() + 1500 })) {
            expect(rows.rows).toBeLessThan(20_000);
            link.fallSilent();
          }
        })(),
      );
      expect({ code: error.code, disposition: dispositionOf(error) }).toEqual({
        code: 'DB_TIMEOUT',
        disposition: 'retry',
      });
      link.heal();
      const short = open({}, { port: link.port });
      const rows = await count(short);
      link.fallSilent();
      const late = await failureOf(short.count({ deadlineMs: Date.now() + 300 }));
      expect(late.code).toBe('DB_TIMEOUT');
      link.heal();
      expect(await count(short)).toBe(rows);
    } finally {
      link.close();
    }
  });

  test('what a role may not read names the grants; what takes too long names the time-out', async () => {
    const denied = await failureOf(count(open({}, { user: 'reader' }, "reader's")));
    expect(denied.code).toBe('DB_PERMISSION');
    expect(denied.message).toContain('GRANT SELECT');
    const slow = open(
      { query: 'SELECT 1 AS id, now() AS at FROM pg_sleep(5)', incremental: undefined },
      { statementTimeout: '1 second' },
    );
    const late = await failureOf(count(slow));
    expect({ code: late.code, disposition: dispositionOf(late) }).toEqual({
      code: 'DB_TIMEOUT',
      disposition: 'retry',
    });
    const wrong = await failureOf(count(open({ query: 'SELECT nope FROM events' })));
    expect(wrong.code).toBe('DB_STATEMENT');
    expect(wrong.message).toContain('nope');
  });

  test('a read writes nothing: its transactions are read-only', async () => {
    const source = open({
      query: "SELECT nextval('events_id_seq') AS id, now() AS at",
      incremental: undefined,
    });
    const error = await failureOf(
      (async () => {
        for await (const _ of source.read({ deadlineMs: DEADLINE() })) expect(_).toBeUndefined();
      })(),
    );
    expect(error.code).toBe('DB_STATEMENT');
    expect(error.message).toContain('read-only');
  });
});

describe('the horizon of times', () => {
  test('is before the oldest open transaction, though it has written nothing yet', async () => {
    const source = open();
    const session = await server.connect();
    await session.query('BEGIN');
    const { rows } = await session.query<{ now: string }>("SELECT (now() AT TIME ZONE 'UTC')::text AS now");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const held = await horizonOf(source);
    expect(source.compare(held.until ?? '', rows[0]?.now ?? '')).toBeLessThan(0);
    await session.query('COMMIT');
    const free = await horizonOf(source, held.memory);
    expect(source.compare(free.until ?? '', held.until ?? '')).toBeGreaterThan(0);
    expect(free.oldestOpenMs).toBeUndefined();
    await session.end();
  });

  test('does not pass a transaction that was prepared for a two-phase commit, and never goes back', async () => {
    const source = open();
    const before = await horizonOf(source);
    const session = await server.connect();
    await session.query("BEGIN; INSERT INTO events DEFAULT VALUES; PREPARE TRANSACTION 'p1'");
    const [row] = await server.run("SELECT prepared::text AS at FROM pg_prepared_xacts WHERE gid = 'p1'");
    const held = await horizonOf(source, before.memory);
    expect(held.until).toBe(before.until);
    expect(source.compare(held.until ?? '', row?.['at'] ?? '')).toBeLessThan(0);
    await session.query("COMMIT PREPARED 'p1'");
    const free = await horizonOf(source, held.memory);
    expect(source.compare(free.until ?? '', held.until ?? '')).toBeGreaterThan(0);
    // Without anything known from before, nothing may be read.
    await session.query("BEGIN; INSERT INTO events DEFAULT VALUES; PREPARE TRANSACTION 'p2'");
    expect((await horizonOf(source)).until).toBeUndefined();
    await session.query("ROLLBACK PREPARED 'p2'");
    await session.end();
  });

  test('needs a role that sees the transactions of others, and sessions that show them', async () => {
    const error = await failureOf(horizonOf(open({}, { user: 'reader' }, "reader's")));
    expect({ code: error.code, disposition: error.disposition }).toEqual({
      code: 'DB_NO_HORIZON',
      disposition: 'block',
    });
    expect(error.message).toContain('GRANT pg_read_all_stats TO "reader"');
    expect(error.message).toContain('lookback');
    const source = open({}, { user: 'watcher' }, "reader's");
    expect((await horizonOf(source)).until).toBeDefined();
    const hiding = await server.connect();
    await hiding.query('SET track_activities = off');
    const hidden = await failureOf(horizonOf(source));
    expect(hidden.code).toBe('DB_NO_HORIZON');
    expect(hidden.message).toContain('track_activities');
    await hiding.end();
  });

  test('of times without a zone is that of the database, and waits where its clock is set back', async () => {
    const columns = { ...COLUMNS, local: 'local-timestamp' };
    const database = 'zoned';
    await server.run(`CREATE DATABASE ${database}`);
    await server.run(`ALTER DATABASE ${database} SET TimeZone = 'Asia/Kolkata'`);
    const session = await server.connect(database);
    await session.query(
      'CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL, local timestamp)',
    );
    const source = open({ columns, incremental: { cursor: 'local' } }, { database });
    const { until } = await horizonOf(source);
    const { rows } = await session.query<{ local: string }>('SELECT localtimestamp::text AS local');
    const distanceMs = Date.parse(`${rows[0]?.local ?? ''}Z`) - Date.parse(`${until ?? ''}Z`);
    expect(distanceMs).toBeGreaterThan(0);
    expect(distanceMs).toBeLessThan(60_000);
    expect((await source.describe(DEADLINE())).warnings).toContainEqual({
      code: 'DB_CURSOR_ZONE',
      message: expect.stringContaining('Asia/Kolkata') as string,
    });
    await session.end();
  });
});

describe('the horizon of numbers', () => {
  const byId = { incremental: { cursor: 'id' } };

  test('waits for a transaction that was prepared after its session was seen', async () => {
    const source = open(byId);
    const session = await server.connect();
    await session.query('BEGIN; INSERT INTO events DEFAULT VALUES');
    await server.run('INSERT INTO events DEFAULT VALUES');
    const first = await horizonOf(source);
    await session.query("PREPARE TRANSACTION 'n1'");
    const second = await horizonOf(source, first.memory);
    expect(second.until).toBe(first.until);
    await session.query("COMMIT PREPARED 'n1'");
    const third = await horizonOf(source, second.memory);
    const [row] = await server.run('SELECT max(id)::text AS id FROM events');
    expect(third.until).toBe(String(BigInt(row?.['id'] ?? '') + 1n));
    await session.end();
  });

  test('is refused where a cursor is no number, which no place can name', async () => {
    await server.run(
      "CREATE TABLE odd (id bigint PRIMARY KEY, n numeric NOT NULL); INSERT INTO odd VALUES (1, 'NaN')",
    );
    const source = open({
      table: 'odd',
      columns: { id: 'bigint', n: 'decimal(10,0)' },
      incremental: { cursor: 'n' },
    });
    const error = await failureOf(horizonOf(source));
    expect({ code: error.code, disposition: error.disposition }).toEqual({
      code: 'DB_CURSOR_VALUE',
      disposition: 'block',
    });
    expect(error.message).toContain('"n"');
  });

  test('does not trust a sequence whose sessions keep numbers', async () => {
    await server.run('ALTER SEQUENCE events_id_seq CACHE 20');
    const error = await failureOf(horizonOf(open(byId)));
    expect(error.code).toBe('DB_NO_HORIZON');
    expect(error.message).toContain('ALTER SEQUENCE events_id_seq CACHE 1');
    await server.run('ALTER SEQUENCE events_id_seq CACHE 1');
    expect((await horizonOf(open(byId))).until).toBeDefined();
  });
});

test('a description warns of a cursor that is not indexed or may be null, and of a key that is not unique', async () => {
  await server.run('CREATE TABLE loose (a int, b timestamptz)');
  const source = open({
    table: 'loose',
    columns: { a: 'integer', b: 'timestamp' },
    key: ['a'],
    incremental: { cursor: 'b' },
  });
  const { warnings, primaryKey } = await source.describe(DEADLINE());
  expect(primaryKey).toEqual([]);
  expect(warnings.map(({ code }) => code)).toEqual([
    'DB_CURSOR_NO_INDEX',
    'DB_CURSOR_NULLABLE',
    'DB_KEY_NOT_UNIQUE',
    'DB_KEY_NULLABLE',
  ]);
  expect(warnings[0]?.message).toMatch(/no index begins with the cursor "b".*cost \d+/);
  await server.run('CREATE UNIQUE INDEX ON loose (a); CREATE INDEX ON loose (b, a)');
  const better = (await source.describe(DEADLINE())).warnings;
  expect(better.map(({ code }) => code)).toEqual(['DB_CURSOR_NULLABLE', 'DB_KEY_NULLABLE']);
});

test('texts are divided and compared as their own collation orders them', async () => {
  await server.run(`
    CREATE TABLE words (w text COLLATE "en-x-icu" PRIMARY KEY, at timestamptz NOT NULL DEFAULT '2026-01-01');
    INSERT INTO words (w) SELECT chr(97 + i % 26) || CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END
    FROM generate_series(1, 3000) i`);
  const columns = { w: 'text', at: 'timestamp' };
  const source = open({ table: 'words', columns, key: ['w'] });
  let place: { cursor: string; key: readonly string[] | undefined } | undefined;
  let rows = 0;
  for (let page = 0; page < 20; page += 1) {
    const request = { cursor: { from: place, until: undefined }, maxRows: 250, deadlineMs: DEADLINE() };
    for await (const batch of source.read(request)) {
      rows += batch.rows.rows;
      place = batch.last;
    }
  }
  expect(rows).toBe(3000);
});
