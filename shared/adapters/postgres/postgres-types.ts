import { parseColumnType } from '../../domain/column-type.ts';
import type { ColumnType } from '../../domain/contract.ts';
import type { CopyField } from './copy-decoder.ts';
import { quoteName } from './sql-text.ts';
import { createListReader, createValueReader, type Wire } from './value-readers.ts';

/** A column as the catalog knows it. */
export interface PostgresColumn {
  readonly name: string;
  readonly nullable: boolean;
  /** As the database writes it, such as `numeric(12,2)`; domains by their name. */
  readonly databaseType: string;
  /** The type as it stands in a cast, without length or precision; of domains their base type. */
  readonly castType: string;
  readonly type: PostgresType;
  /** Elements of an array; undefined for other types. */
  readonly element: PostgresType | undefined;
  /** Declared dimensions of an array; the database does not enforce them. */
  readonly dimensions: number;
}

/** A type of the catalog; of domains the base type. */
interface PostgresType {
  /** `pg_type.typname`, such as `int4`, where it is PostgreSQL's own or of a known extension; else `other`. */
  readonly name: string;
  /** `pg_type.typtype`: `c` for a composite, `e` for an enum, … */
  readonly kind: string;
  /** Length or precision, as the catalog packs it; -1 for none. */
  readonly modifier: number;
}

/** How one type is read as one kind of column. */
interface TypeReading {
  readonly wire: Wire;
  /** Cast that makes the value what the wire is; none: as it is. */
  readonly cast?: 'text' | 'int8' | 'numeric' | 'json';
  /** SQL instead of the cast, for a single value. */
  readonly sql?: (column: string) => string;
}

interface TypeRow {
  /** The word for the column that holds all values exactly. */
  readonly word: string | ((modifier: number) => string);
  /** By kind of the declared column. Text is always possible. */
  readonly readings: Partial<Record<ColumnType['kind'], TypeReading>>;
}

const PLAIN_TEXT: TypeReading = { wire: 'bytes' };
/** What the type's own output says. */
const AS_TEXT: TypeReading = { wire: 'bytes', cast: 'text' };

const INTEGER_DECIMAL: TypeReading = { wire: 'numeric', cast: 'numeric' };

/**
 * PostgreSQL type → lake column. Whatever is not here is read as text. What this table says stands in docs/databases.md
 * too.
 */
const TYPES: Readonly<Record<string, TypeRow>> = {
  bool: { word: 'boolean', readings: { boolean: { wire: 'bool' } } },
  int2: {
    word: 'integer',
    readings: { int32: { wire: 'int2' }, int64: { wire: 'int2' }, decimal: INTEGER_DECIMAL },
  },
  int4: {
    word: 'integer',
    readings: { int32: { wire: 'int4' }, int64: { wire: 'int4' }, decimal: INTEGER_DECIMAL },
  },
  int8: { word: 'bigint', readings: { int64: { wire: 'int8' }, decimal: INTEGER_DECIMAL } },
  oid: { word: 'bigint', readings: { int64: { wire: 'int8', cast: 'int8' } } },
  float4: { word: 'float', readings: { float: { wire: 'float4' }, double: { wire: 'float4' } } },
  float8: { word: 'double', readings: { double: { wire: 'float8' } } },
  numeric: { word: numericWord, readings: { decimal: { wire: 'numeric' } } },
  date: { word: 'date', readings: { date: { wire: 'date' } } },
  timestamp: { word: 'local-timestamp', readings: { 'local-timestamp': { wire: 'timestamp' } } },
  timestamptz: { word: 'timestamp', readings: { timestamp: { wire: 'timestamptz' } } },
  uuid: { word: 'uuid', readings: { uuid: { wire: 'uuid' } } },
  bytea: { word: 'bytes', readings: { bytes: { wire: 'bytes' } } },
  json: { word: 'json', readings: { json: PLAIN_TEXT, string: PLAIN_TEXT } },
  jsonb: { word: 'json', readings: { json: AS_TEXT } },
  hstore: { word: 'json', readings: { json: { wire: 'bytes', cast: 'json' } } },
  text: { word: 'text', readings: { string: PLAIN_TEXT } },
  varchar: { word: 'text', readings: { string: PLAIN_TEXT } },
  // A cast would cut the spaces at its end.
  bpchar: { word: 'text', readings: { string: PLAIN_TEXT } },
  // A cast would add the length of the network to every address.
  inet: { word: 'text', readings: { string: { ...AS_TEXT, sql: (c) => `textin(inet_out(${c}))` } } },
  cidr: { word: 'text', readings: { string: { ...AS_TEXT, sql: (c) => `textin(cidr_out(${c}))` } } },
};

const OTHER: TypeRow = { word: 'text', readings: {} };

const MAX_DIGITS = 38;

/** The precision and scale are packed into the modifier; scales are 11 bits with a sign. */
function numericWord(modifier: number): string {
  if (modifier < 0) return 'text';
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  // numeric(3,-2) holds 99900, and numeric(2,4) holds 0.0099.
  const digits = scale < 0 ? precision - scale : Math.max(precision, scale);
  return digits > MAX_DIGITS ? 'text' : `decimal(${String(digits)},${String(Math.max(scale, 0))})`;
}

function typeWord({ name, modifier }: PostgresType): string {
  const { word } = TYPES[name] ?? OTHER;
  return typeof word === 'string' ? word : word(modifier);
}

/** The word for the lake column that holds all values of a column exactly. */
export function toColumnWord({ type, element, dimensions }: PostgresColumn): string {
  if (element === undefined) return typeWord(type);
  const list = `${typeWord(element)}[]`;
  return dimensions > 1 || parseColumnType(list) === undefined ? 'json' : list;
}

function readingOf({ name }: PostgresType, kind: ColumnType['kind']): TypeReading | undefined {
  return (TYPES[name] ?? OTHER).readings[kind] ?? (kind === 'string' ? AS_TEXT : undefined);
}

/** What is selected for a declared column, and how it is decoded. */
export interface PlannedColumn {
  readonly expressions: readonly string[];
  readonly fields: readonly CopyField[];
}

/**
 * How a column is read as the declared type.
 *
 * @param relation alias of the table in the statement
 * @returns undefined when the type cannot hold the column's values
 */
export function planColumn(
  column: PostgresColumn,
  declared: ColumnType,
  relation: string,
): PlannedColumn | undefined {
  const expression = `${relation}.${quoteName(column.name)}`;
  if (declared.kind === 'list') return planList(column, declared.element, expression);
  const reading = column.element === undefined ? readingOf(column.type, declared.kind) : undefined;
  const { wire, cast, sql } = reading ?? whole(column, declared.kind) ?? {};
  const reader = wire === undefined ? undefined : createValueReader(wire, declared);
  if (reader === undefined) return undefined;
  return {
    expressions: [sql?.(expression) ?? toCast(expression, cast)],
    fields: [{ role: 'column', name: column.name, reader }],
  };
}

function toCast(expression: string, cast: TypeReading['cast']): string {
  if (cast === undefined) return expression;
  // The database has no cast from hstore to text by way of json that it would find in one step.
  return cast === 'json' ? `${expression}::json::text` : `${expression}::${cast}`;
}

/** Arrays and composites as one text: the database's own, or JSON. */
function whole({ type, element }: PostgresColumn, kind: ColumnType['kind']): TypeReading | undefined {
  if (element === undefined && type.kind !== 'c') return undefined;
  if (kind === 'string') return AS_TEXT;
  return kind === 'json' ? { ...AS_TEXT, sql: (column) => `to_json(${column})::text` } : undefined;
}

function planList(
  column: PostgresColumn,
  declared: ColumnType,
  expression: string,
): PlannedColumn | undefined {
  if (column.element === undefined) return undefined;
  const reading = readingOf(column.element, declared.kind);
  const element = reading === undefined ? undefined : createValueReader(reading.wire, declared);
  if (reading === undefined || element === undefined) return undefined;
  const isNested = `array_ndims(${expression}) > 1`;
  const cast = reading.cast === undefined ? '' : `::${reading.cast === 'json' ? 'text' : reading.cast}[]`;
  return {
    expressions: [
      `CASE WHEN ${isNested} THEN NULL ELSE ${expression}${cast} END`,
      `CASE WHEN ${isNested} THEN ${expression}::text END`,
    ],
    fields: [
      { role: 'column', name: column.name, reader: createListReader(element) },
      { role: 'unfit', name: column.name },
    ],
  };
}
