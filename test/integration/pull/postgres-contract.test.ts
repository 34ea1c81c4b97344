import { afterAll, beforeAll } from 'vitest';
import { tableSourceContract } from '../../contract/table-source.suite.ts';
import { openTable } from '../../support/postgres-tables.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.stop());

tableSourceContract('PostgreSQL', { open: (fixture) => openTable(server, fixture) });
