import type { TestPostgres } from '../../test/support/postgres.ts';

/** The columns of the table, as they are declared. */
export const ORDER_COLUMNS = {
  id: 'bigint',
  customer_id: 'integer',
  amount: 'decimal(12,2)',
  created_at: 'timestamp',
  updated_at: 'timestamp',
  email: 'text',
  status: 'text',
  city: 'text',
  note: 'text',
  paid: 'boolean',
} as const;

/** Name of the table. */
export const ORDERS = 'orders';

/** Rows that one statement inserts. */
const ROWS_PER_INSERT = 250_000;

/** Makes the table. Values follow from the number of their row. */
export async function createOrders(server: TestPostgres, rows: number): Promise<void> {
  await server.run(`
    CREATE UNLOGGED TABLE ${ORDERS} (
      id bigint PRIMARY KEY, customer_id integer NOT NULL, amount numeric(12,2) NOT NULL, created_at timestamptz NOT NULL,
      updated_at timestamptz, email text NOT NULL, status text NOT NULL, city text, note text, paid boolean NOT NULL)`);
  for (let first = 0; first < rows; first += ROWS_PER_INSERT) {
    const last = Math.min(rows, first + ROWS_PER_INSERT) - 1;
    await server.run(`
      INSERT INTO ${ORDERS}
      SELECT i, n & 1048575, (n & 16777215) / 100.0,
        timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '1.000001 s',
        CASE WHEN i % 10 = 0 THEN NULL ELSE timestamptz '2026-02-01 00:00:00+00' + (n & 4095) * interval '1 minute' END,
        'customer' || (n & 1048575) || '@example.com',
        (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + (n & 3)],
        (ARRAY['Oslo', 'Zürich', 'São Paulo', 'Wellington', 'Reykjavík', 'Nairobi', 'Kuala Lumpur', 'Lyon'])[1 + (n >> 4 & 7)],
        'Please leave it at door ' || (n >> 7 & 255) || ' and ring; reference ' || md5(i::text) || md5(n::text),
        n & 1 = 1
      FROM (SELECT i, hashint8(i) & 2147483647 AS n FROM generate_series(${String(first)}, ${String(last)}) i) numbered`);
  }
  await server.run(`VACUUM (ANALYZE) ${ORDERS}`);
}
