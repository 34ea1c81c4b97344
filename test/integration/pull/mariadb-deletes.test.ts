import { beforeAll, test } from 'vitest';
import { ACCOUNTS, ACCOUNTS_KEY, churn } from '../../support/churned-table.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import { openMysqlSource, SEE_OTHERS, SHOP } from '../../support/mysql-source.ts';

describeOnMariadb('deletes on MariaDB', (server) => {
  beforeAll(async () => {
    await (
      await server().connect()
    ).query(
      `${SHOP}${SEE_OTHERS}
       CREATE TABLE shop.accounts (region VARCHAR(20) NOT NULL, id BIGINT NOT NULL,
         at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), note VARCHAR(100), PRIMARY KEY (region, id), KEY (at)) ENGINE=InnoDB`,
    );
  });

  test('rows that are gone are marked, and none that are there, while rows come, go and come back and readers die', async () => {
    await churn({
      open: () =>
        openMysqlSource(server(), { table: 'accounts', columns: ACCOUNTS, key: ACCOUNTS_KEY, cursor: 'at' }),
      session: async () => {
        const session = await server().connect('shop');
        return {
          run: async (sql) => {
            await session.query(sql);
          },
          end: () => session.end(),
        };
      },
      upsert: (region, id, note) =>
        `INSERT INTO accounts (region, id, note) VALUES ('${region}', ${String(id)}, '${note}')
         ON DUPLICATE KEY UPDATE note = VALUES(note), at = CURRENT_TIMESTAMP(6)`,
      keys: async () => {
        const [rows] = await (await server().connect('shop')).query('SELECT region, id FROM accounts');
        return (rows as { region: string; id: string }[]).map(({ region, id }) => `${region}/${id}`);
      },
    });
  });
});
