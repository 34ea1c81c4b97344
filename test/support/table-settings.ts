import { parseConfig } from '../../shared/config/define-config.ts';
import { toTableSettings, type TableSettings } from '../../shared/adapters/database/table-settings.ts';
import { toContract } from '../../shared/domain/to-contract.ts';

/** Settings of a declared source, as those of a configuration are. */
export function declareTable(
  type: 'postgres' | 'mysql',
  source: {
    readonly columns: Readonly<Record<string, string>>;
    readonly connection: Readonly<Record<string, unknown>>;
  } & Readonly<Record<string, unknown>>,
): TableSettings {
  const { sources } = parseConfig({
    sources: {
      tables: { type, freshness: '1 minute', volume: { gbPerDay: 1 }, ...source },
    },
  });
  const config = sources['tables'];
  if (config?.type !== 'postgres' && config?.type !== 'mysql') throw new Error('not declared');
  return toTableSettings({
    name: 'tables',
    config,
    contract: toContract(config.contract.schema),
    check: () => {
      throw new Error('rows of tables are not checked as JSON');
    },
  });
}
