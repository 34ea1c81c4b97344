import type { SourceConfig } from '../../config/schema.ts';
import type { Column } from '../../domain/contract.ts';
import type { Source } from '../../domain/source.ts';
import { toMs } from '../../config/units.ts';
import type { ConnectionConfig } from './connection-values.ts';

type DatabaseSource = Source<Extract<SourceConfig, { type: 'postgres' | 'mysql' }>>;

/** What a source of tables needs to know of a declared source. */
export interface TableSettings {
  /** Name of the source. */
  readonly name: string;
  readonly connection: ConnectionConfig;
  readonly statementTimeoutMs: number;
  /** Either a table, as `name` or `schema.name`, or a query. */
  readonly table: string | undefined;
  readonly query: string | undefined;
  /** Declared columns with their lake types, in the order of the contract; empty to look at what is there. */
  readonly columns: readonly Column[];
  readonly undeclared: 'evolve' | 'freeze';
  readonly key: readonly string[];
  /** Column that rows are read by: `incremental.cursor` or `changeLog.id`. */
  readonly cursor: string | undefined;
  /** Column of a change log that says whether an entry is processed. */
  readonly processed: string | undefined;
  /** Whether the horizon is looked for; not with `lookback`. */
  readonly lookback: boolean;
}

export function toTableSettings({ name, config, contract }: DatabaseSource): TableSettings {
  return {
    name,
    connection: config.connection,
    statementTimeoutMs: toMs(config.connection.statementTimeout),
    table: config.table,
    query: config.query,
    columns: contract.columns,
    undeclared: config.undeclared,
    key: config.key.length > 0 || config.changeLog === undefined ? config.key : [config.changeLog.id],
    cursor: config.incremental?.cursor ?? config.changeLog?.id,
    processed: config.changeLog?.processed,
    lookback: config.incremental?.lookback !== undefined,
  };
}

/** A relation for messages. */
export function relationOf({ table, query }: Pick<TableSettings, 'table' | 'query'>): string {
  return query === undefined ? `the table ${String(table)}` : 'the query';
}

/** The settings and columns of a read of keys: as if nothing else was declared, and the table had nothing else. */
export function toKeysOnly<Present extends { readonly name: string }>(
  settings: TableSettings,
  present: readonly Present[],
): { readonly settings: TableSettings; readonly present: readonly Present[] } {
  const isKey = ({ name }: { readonly name: string }): boolean => settings.key.includes(name);
  return {
    settings: { ...settings, columns: settings.columns.filter(isKey) },
    present: present.filter(isKey),
  };
}
