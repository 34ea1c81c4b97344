import type { DatabaseSourceConfig } from '../config/schema.ts';
import type { Source } from '../domain/source.ts';
import type { TableSource } from '../ports/table-source.ts';
import { toTableSettings, type TableSettings } from './database/table-settings.ts';
import { createMysqlTableSource } from './mysql/mysql-table-source.ts';
import { PostgresTableSource, type PostgresNeeds } from './postgres/postgres-table-source.ts';

/** Every type of database. */
const OPEN: {
  readonly [Type in DatabaseSourceConfig['type']]: (
    settings: TableSettings,
    needs: PostgresNeeds,
  ) => TableSource;
} = {
  postgres: (settings, needs) => new PostgresTableSource(settings, needs),
  mysql: createMysqlTableSource,
};

/** The table or query of a source; its connection is opened by the first call. */
export function openTable(source: Source<DatabaseSourceConfig>, needs: PostgresNeeds): TableSource {
  return OPEN[source.config.type](toTableSettings(source), needs);
}
