import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import type { TableSource } from '../../shared/ports/table-source.ts';
import { LandedTable } from './landed-table.ts';

/** A table whose rows come, change, go and come back: `accounts` with the key (region, id). */
export interface ChurnedTable {
  readonly open: () => TableSource;
  readonly session: () => Promise<{
    readonly run: (sql: string) => Promise<void>;
    readonly end: () => Promise<void>;
  }>;
  readonly upsert: (region: string, id: number, note: string) => string;
  /** `region/id` of all rows. */
  readonly keys: () => Promise<readonly string[]>;
}

export const ACCOUNTS = { id: 'bigint', region: 'text', at: 'timestamp', note: 'text' };
export const ACCOUNTS_KEY = ['region', 'id'];

const WRITERS = 4;
const PROCESSES = 2;
const WRITING_MS = 3_000;
/** However slow the machine is, until deletes have landed while rows are written. */
const LONGEST_MS = 20_000;
const HOUR_MS = 3_600_000;
/** Some that databases take for equal. */
const REGIONS = ['nord', 'Süd', 'süd', "o'st", 'west '];
const IDS = 600;

/** What is in the lake by the newest row of each key. */
async function readLake(
  landing: LandedTable,
): Promise<{ alive: Set<string>; gone: Set<string>; deletes: number }> {
  const byKey = new Map<string, { atMs: bigint; isDelete: boolean }[]>();
  let deletes = 0;
  for (const row of await landing.rows()) {
    const { region, id } = row;
    if (typeof region !== 'string' || typeof id !== 'bigint') throw new Error('a row has no key');
    const key = `${region}/${String(id)}`;
    const isDelete = row['_op'] === 'd';
    if (isDelete) {
      deletes++;
      expect([row['note'], row['at']]).toEqual([null, null]);
    }
    const all = byKey.get(key) ?? [];
    all.push({ atMs: row['_received_at'] as bigint, isDelete });
    byKey.set(key, all);
  }
  const alive = new Set<string>();
  const gone = new Set<string>();
  for (const [key, rows] of byKey) {
    rows.sort((a, b) => (a.atMs < b.atMs ? -1 : 1));
    (rows.at(-1)?.isDelete === true ? gone : alive).add(key);
    const repeated = rows.findIndex(({ isDelete }, i) => isDelete && rows[i - 1]?.isDelete !== false);
    expect(repeated, `${key} is deleted twice, or was never there`).toBe(-1);
  }
  return { alive, gone, deletes };
}

/**
 * Writers and readers at the same time, and readers that die. Every hour, several of which pass in a second, keys are
 * compared. No row that is there is marked as deleted, and in the end every row that is gone is.
 */
export async function churn(table: ChurnedTable, lookback?: string): Promise<void> {
  const landing = new LandedTable(ACCOUNTS, {
    cursor: 'at',
    open: table.open,
    key: ACCOUNTS_KEY,
    eventTime: undefined,
    incremental: { cursor: 'at', ...(lookback !== undefined && { lookback }) },
    changes: 'upserts-and-deletes',
    deletes: { reconcile: { every: '1 hour', holdBackAbove: { share: 1, rows: 1_000_000 } } },
  });
  try {
    let isWriting = true;
    const write = async (seed: number): Promise<void> => {
      const random = createSeededRandom(seed);
      const session = await table.session();
      while (isWriting) {
        const id = Math.floor(random() * IDS);
        const region = REGIONS[id % REGIONS.length] ?? '';
        const quoted = region.replaceAll("'", "''");
        await session.run(
          random() < 0.5
            ? `DELETE FROM accounts WHERE region = '${quoted}' AND id = ${String(id)}`
            : table.upsert(quoted, id, String(random())),
        );
        await sleep(random() * 40);
      }
      await session.end();
    };
    const writing = Array.from({ length: WRITERS }, (_, i) => write(i + 1));
    const reading = landing.disturb(PROCESSES, () => !isWriting);
    const startMs = Date.now();
    const isOver = async (): Promise<boolean> => {
      const spentMs = Date.now() - startMs;
      if (spentMs > LONGEST_MS) return true;
      return spentMs > WRITING_MS && (await readLake(landing)).deletes > 0;
    };
    while (!(await isOver())) {
      await sleep(700);
      landing.advance(HOUR_MS);
    }
    isWriting = false;
    await Promise.all(writing);
    await reading;
    // What was written last is below the horizon by then.
    await sleep(1_200);
    await landing.run();
    const keys = await table.keys();
    const between = await readLake(landing);
    for (const key of keys) expect(between.alive, `${key} is there`).toContain(key);
    expect(between.deletes).toBeGreaterThan(0);
    landing.advance(HOUR_MS);
    await landing.run();
    const end = await readLake(landing);
    expect([...end.alive].sort()).toEqual([...keys].sort());
    console.log(
      `${String(keys.length)} rows alive, ${String(end.gone.size)} gone, ${String(end.deletes)} deletes landed; ` +
        `${String(landing.faults.runs)} runs, ${String(landing.faults.crashes)} of which died`,
    );
  } finally {
    await landing.close();
  }
}
