import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import { LandedTable } from '../../support/landed-table.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import { openMysqlSource, SEE_OTHERS, SHOP } from '../../support/mysql-source.ts';

/* As postgres-probe.test.ts: what a reader has passed over is known from outside, and has to be found to the row. */

const WRITERS = 8;
const WRITING_MS = 5_000;
const PROCESSES = 2;
const COLUMNS = { id: 'bigint', at: 'timestamp', happened: 'timestamp' };
const DAY_MS = 86_400_000;

describeOnMariadb('rows that are counted at the source on MariaDB', (server) => {
  test('are found where a naive look-back has passed them over, to the row, and never where the horizon was kept', async () => {
    const admin = await server().connect();
    await admin.query(
      `${SHOP}${SEE_OTHERS}USE shop; CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, ` +
        'at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), ' +
        'happened TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (at, id)) ENGINE=InnoDB',
    );
    const landBy = (cursor: 'at' | 'id', every: string, lookback?: string): LandedTable => {
      const incremental = { cursor, ...(lookback !== undefined && { lookback }) };
      return new LandedTable(COLUMNS, {
        ...{ cursor, incremental, probe: { every }, changes: 'append', dedupeWindow: '30 days' },
        open: () => openMysqlSource(server(), { table: 'events', columns: COLUMNS, cursor }),
      });
    };
    let isWriting = true;
    const random = createSeededRandom(20_261_202);
    const write = async (): Promise<void> => {
      const session = await server().connect('shop');
      while (isWriting) {
        await session.query('BEGIN');
        const rows = Array.from({ length: 1 + Math.floor(random() * 20) }, () => '()').join(', ');
        await session.query(`INSERT INTO events () VALUES ${rows}`);
        if (random() < 0.08) await sleep(1_200 + random() * 1_300);
        await session.query(random() < 0.05 ? 'ROLLBACK' : 'COMMIT');
        await sleep(random() * 15);
      }
    };
    const naive = landBy('at', '7 days', '1 second');
    const safe = [landBy('at', '10 minutes'), landBy('id', '10 minutes')];
    const all = [naive, ...safe];
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
    await sleep(2_500);
    await admin.query('INSERT INTO events () VALUES (), (), ()');
    await sleep(1_100);
    for (let run = 0; run < 4; run++) {
      for (const landing of all) {
        landing.advance(run === 1 || run === 2 ? 7 * DAY_MS : 0);
        await landing.run();
      }
    }

    const [found] = await admin.query('SELECT COUNT(*) AS total FROM events');
    const total = Number((found as { total: string }[])[0]?.total);
    const lost = total - (await naive.landed()).size;
    const { rows: missing, from = '', to = '' } = (await naive.count())?.missing ?? {};
    console.log(
      `${String(total)} rows; look-back of 1 second: ${String(lost)} lost, ${String(missing)} found`,
    );
    expect(lost).toBeGreaterThan(20);
    expect(missing).toBe(lost);
    expect(await naive.backfill(from, to)).toBe(lost);
    const mended = await naive.landed();
    expect([mended.size, Math.max(...mended.values())]).toEqual([total, 1]);
    for (const landing of safe) {
      const { missing: told, counts } = landing.told;
      console.log(
        `${landing.name}: ${String(counts)} counts, ${String(told)} missing, ${JSON.stringify(landing.faults)}`,
      );
      expect((await landing.landed()).size).toBe(total);
      expect(told).toBe(0);
      expect(counts).toBeGreaterThan(1);
      expect(landing.faults.crashes).toBeGreaterThan(0);
    }
    for (const landing of all) await landing.close();
  });
});
