import type { SourceConfig } from '../../shared/config/schema.ts';
import type { Contract } from '../../shared/domain/contract.ts';
import { hasOperations } from '../../shared/domain/has-operations.ts';
import { QUARANTINE_REASONS } from '../../shared/domain/quarantine.ts';
import { toGlueType } from './to-glue-type.ts';

/** A column of the catalog. */
interface CatalogColumn {
  readonly name: string;
  readonly type: string;
}

/** A table of the catalog: what Athena needs to know to read a zone of the lake. */
export interface CatalogTable {
  readonly name: string;
  readonly description: string;
  /** Prefix in the lake that holds the table's files. */
  readonly prefix: string;
  readonly columns: readonly CatalogColumn[];
  readonly partitions: readonly CatalogColumn[];
  /** Partition projection: partitions are computed from these rules, so that a new one needs no crawler. */
  readonly projection: Readonly<Record<string, string>>;
  /** Columns of the contract that the catalog cannot express; they are in the files all the same. */
  readonly unexpressed: readonly string[];
}

/** Columns of every data file beside those of the contract. */
const LAKE_COLUMNS: readonly CatalogColumn[] = [
  { name: '_source', type: 'string' },
  { name: '_id', type: 'string' },
  { name: '_key', type: 'string' },
  { name: '_received_at', type: 'timestamp' },
  { name: '_event_time', type: 'timestamp' },
  { name: '_schema_version', type: 'string' },
  { name: '_extra', type: 'string' },
];

/** And of those of sources that say what became of a row; see `hasOperations`. */
const OPERATION_COLUMN: CatalogColumn = { name: '_op', type: 'string' };

const QUARANTINE_COLUMNS: readonly CatalogColumn[] = [
  { name: 'source', type: 'string' },
  { name: 'id', type: 'string' },
  { name: 'key', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'schema_version', type: 'string' },
  { name: 'error', type: 'string' },
  { name: 'raw', type: 'binary' },
  // Files of before have them not; Athena shows NULL for those.
  { name: 'attempts', type: 'int' },
  { name: 'last_seen_at', type: 'timestamp' },
];

/** Days from 1970 on; two days ahead, because clocks of senders may be. */
const DAYS = {
  'projection.dt.type': 'date',
  'projection.dt.format': 'yyyy-MM-dd',
  'projection.dt.range': '1970-01-01,NOW+2DAYS',
} as const;

/** The table of a source's landed records, under the source's name. */
export function planSourceTable(
  source: string,
  config: Pick<SourceConfig, 'type' | 'description' | 'partition'>,
  contract: Contract,
): CatalogTable {
  const columns = contract.columns.map(({ name, type }) => ({
    name: name.toLowerCase(),
    type: toGlueType(type),
  }));
  const hourly = config.partition === 'hour';
  return {
    name: source,
    description: config.description ?? `Records of ${source}`,
    prefix: `raw/${source}/`,
    columns: [
      ...columns.filter((column): column is CatalogColumn => column.type !== undefined),
      ...LAKE_COLUMNS,
      ...(hasOperations(config) ? [OPERATION_COLUMN] : []),
    ],
    partitions: [{ name: 'dt', type: 'string' }, ...(hourly ? [{ name: 'hour', type: 'string' }] : [])],
    projection: {
      ...DAYS,
      ...(hourly
        ? {
            'projection.hour.type': 'integer',
            'projection.hour.range': '0,23',
            'projection.hour.digits': '2',
          }
        : {}),
    },
    unexpressed: columns.filter(({ type }) => type === undefined).map(({ name }) => name),
  };
}

/** The table of a source's quarantined records, under the source's name, in the database for quarantine. */
export function planQuarantineTable(source: string): CatalogTable {
  return {
    name: source,
    description: `Records of ${source} that could not land, with the reason`,
    prefix: `quarantine/${source}/`,
    columns: QUARANTINE_COLUMNS,
    partitions: [
      { name: 'reason', type: 'string' },
      { name: 'dt', type: 'string' },
    ],
    projection: {
      ...DAYS,
      'projection.reason.type': 'enum',
      'projection.reason.values': Object.keys(QUARANTINE_REASONS).join(','),
    },
    unexpressed: [],
  };
}
