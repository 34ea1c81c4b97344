import { beforeAll } from 'vitest';
import { tableSourceContract } from '../../contract/table-source.suite.ts';
import { describeOnMariadb } from '../../support/mariadb.ts';
import { openMysqlTable, SEE_OTHERS, SHOP } from '../../support/mysql-source.ts';

describeOnMariadb('MariaDB', (server) => {
  beforeAll(async () => {
    await (await server().connect()).query(SHOP + SEE_OTHERS);
  });

  tableSourceContract('MariaDB', { open: (fixture) => openMysqlTable(server(), fixture) });
});
