import type { ColumnType } from '../../shared/domain/contract.ts';

/** Names that Hive's type grammar takes without quotes; in a nested type there are none. */
const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/;

const SCALARS = {
  string: 'string',
  int32: 'int',
  int64: 'bigint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  timestamp: 'timestamp',
  'local-timestamp': 'timestamp',
  bytes: 'binary',
  date: 'date',
  // Both are text in the files: Athena reads neither of Parquet's own types.
  uuid: 'string',
  json: 'string',
} as const;

/**
 * The type of a lake column in the Glue catalog; undefined when the catalog cannot express it, because a nested field
 * has a name that needs quotes.
 */
export function toGlueType(type: ColumnType): string | undefined {
  if (type.kind === 'list') {
    const element = toGlueType(type.element);
    return element === undefined ? undefined : `array<${element}>`;
  }
  if (type.kind === 'decimal') return `decimal(${String(type.precision)},${String(type.scale)})`;
  if (type.kind !== 'struct') return SCALARS[type.kind];
  const fields: string[] = [];
  for (const { name, type: fieldType } of type.fields) {
    const glueType = toGlueType(fieldType);
    const glueName = name.toLowerCase();
    if (glueType === undefined || !PLAIN_NAME.test(glueName)) return undefined;
    fields.push(`${glueName}:${glueType}`);
  }
  return `struct<${fields.join(',')}>`;
}
