import type { ColumnType } from './contract.ts';

/** The words for column types, as they are shown in messages. */
export const COLUMN_TYPE_WORDS =
  'boolean, integer, bigint, float, double, decimal(p,s), date, timestamp, local-timestamp, uuid, json, text, bytes, and lists of them such as text[]';

const KINDS = {
  boolean: 'boolean',
  integer: 'int32',
  bigint: 'int64',
  float: 'float',
  double: 'double',
  date: 'date',
  timestamp: 'timestamp',
  'local-timestamp': 'local-timestamp',
  uuid: 'uuid',
  json: 'json',
  text: 'string',
  bytes: 'bytes',
} as const;

const DECIMAL = /^decimal\((\d{1,2}), ?(\d{1,2})\)$/;
const MAX_PRECISION = 38;

/** Reads a column type as it stands in a configuration, such as `bigint`, `decimal(18,4)` or `text[]`; undefined if it is none. */
export function parseColumnType(text: string): ColumnType | undefined {
  if (text.endsWith('[]')) {
    const element = parseColumnType(text.slice(0, -2));
    // Lists of bytes have no form in JSON that every reader would know.
    if (element === undefined || element.kind === 'list' || element.kind === 'bytes') return undefined;
    return { kind: 'list', element };
  }
  if (Object.hasOwn(KINDS, text)) return { kind: KINDS[text as keyof typeof KINDS] };
  const [, precisionDigits, scaleDigits] = DECIMAL.exec(text) ?? [];
  if (precisionDigits === undefined) return undefined;
  const precision = Number(precisionDigits);
  const scale = Number(scaleDigits);
  if (precision < 1 || precision > MAX_PRECISION || scale > precision) return undefined;
  return { kind: 'decimal', precision, scale };
}

/** The word for a column type; `parseColumnType` reads it back. Structs have none. */
export function formatColumnType(type: Exclude<ColumnType, { kind: 'struct' }>): string {
  switch (type.kind) {
    case 'list':
      return type.element.kind === 'struct' ? 'json' : `${formatColumnType(type.element)}[]`;
    case 'decimal':
      return `decimal(${String(type.precision)},${String(type.scale)})`;
    case 'int32':
      return 'integer';
    case 'int64':
      return 'bigint';
    case 'string':
      return 'text';
    case 'boolean':
    case 'float':
    case 'double':
    case 'date':
    case 'timestamp':
    case 'local-timestamp':
    case 'uuid':
    case 'json':
    case 'bytes':
      return type.kind;
  }
}
