import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { ACCOUNTS, ACCOUNTS_KEY, churn, type ChurnedTable } from '../../support/churned-table.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { connectionTo, openSource } from '../../support/postgres-tables.ts';
import { declareTable } from '../../support/table-settings.ts';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  await server.run(`
    DROP TABLE IF EXISTS accounts;
    CREATE TABLE accounts (region text NOT NULL, id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), note text,
      PRIMARY KEY (region, id));
    CREATE INDEX ON accounts (at)`);
});

const toTable = (lookback?: string): ChurnedTable => ({
  open: () =>
    openSource(
      server,
      declareTable('postgres', {
        ...{ table: 'accounts', columns: ACCOUNTS, key: ACCOUNTS_KEY },
        incremental: { cursor: 'at', ...(lookback !== undefined && { lookback }) },
        connection: connectionTo(server),
      }),
    ),
  session: async () => {
    const session = await server.connect();
    return {
      run: async (sql) => {
        await session.query(sql);
      },
      end: () => session.end(),
    };
  },
  upsert: (region, id, note) =>
    `INSERT INTO accounts (region, id, note) VALUES ('${region}', ${String(id)}, '${note}')
     ON CONFLICT (region, id) DO UPDATE SET note = excluded.note, at = now()`,
  keys: async () => {
    const session = await server.connect();
    const { rows } = await session.query<{ key: string }>("SELECT region || '/' || id AS key FROM accounts");
    await session.end();
    return rows.map(({ key }) => key);
  },
});

test.each([
  ['by a horizon', undefined],
  ['with a look-back', '1 minute'],
])(
  'PostgreSQL, read by cursor %s: rows that are gone are marked, and none that are there, while rows come, go and come back and readers die',
  async (_name, lookback) => {
    await churn(toTable(lookback), lookback);
  },
);
