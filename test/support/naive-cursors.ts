import type pg from 'pg';

/** How tables are often read by cursor. Each of these loses rows; they are here to be shown to. */
export interface NaiveCursor {
  readonly name: string;
  readonly seen: Set<string>;
  /** Reads what it takes for new, in pages. */
  readonly run: (client: pg.Client) => Promise<void>;
}

const PAGE_ROWS = 25;

const STRATEGIES: Readonly<Record<string, string>> = {
  'cursor > last, LIMIT': `SELECT id, at::text AS at FROM events WHERE at > $1::timestamptz AND $2::bigint IS NOT NULL
    ORDER BY at LIMIT ${String(PAGE_ROWS)}`,
  '(cursor, key) > last': `SELECT id, at::text AS at FROM events WHERE (at, id) > ($1::timestamptz, $2::bigint)
    ORDER BY at, id LIMIT ${String(PAGE_ROWS)}`,
  '(cursor, key) > last, up to 500 ms ago': `SELECT id, at::text AS at FROM events
    WHERE (at, id) > ($1::timestamptz, $2::bigint) AND at < clock_timestamp() - interval '500 ms'
    ORDER BY at, id LIMIT ${String(PAGE_ROWS)}`,
  'id > last': `SELECT id, at::text AS at FROM events WHERE id > $2::bigint AND $1::timestamptz IS NOT NULL
    ORDER BY id LIMIT ${String(PAGE_ROWS)}`,
};

export function createNaiveCursors(): readonly NaiveCursor[] {
  return Object.entries(STRATEGIES).map(([name, sql]) => {
    const seen = new Set<string>();
    let last = { at: '1970-01-01', id: '0' };
    return {
      name,
      seen,
      run: async (client) => {
        for (;;) {
          const { rows } = await client.query<{ id: string; at: string }>(sql, [last.at, last.id]);
          for (const { id } of rows) seen.add(id);
          last = rows.at(-1) ?? last;
          if (rows.length < PAGE_ROWS) return;
        }
      },
    };
  });
}
