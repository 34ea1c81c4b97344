/** How values of a column come over the wire, and what they can become. */
export type Form =
  | 'integer'
  | 'decimal'
  | 'float'
  | 'double'
  | 'date'
  | 'datetime'
  | 'timestamp'
  | 'time'
  | 'bit'
  | 'text'
  | 'enum'
  | 'json'
  | 'uuid'
  | 'bytes';

/** A column as the database describes it. */
export interface DatabaseColumn {
  readonly name: string;
  /** As the database writes it, such as `int(10) unsigned`. */
  readonly databaseType: string;
  readonly nullable: boolean;
  readonly form: Form;
  /** The word for the lake column that holds all of its values exactly. */
  readonly columnType: string;
}

const INTEGERS: Readonly<Record<string, readonly [signed: string, unsigned: string]>> = {
  tinyint: ['integer', 'integer'],
  smallint: ['integer', 'integer'],
  mediumint: ['integer', 'integer'],
  int: ['integer', 'bigint'],
  bigint: ['bigint', 'decimal(20,0)'],
};

const OTHERS: Readonly<Record<string, readonly [Form, columnType: string]>> = {
  year: ['integer', 'integer'],
  float: ['float', 'float'],
  double: ['double', 'double'],
  date: ['date', 'date'],
  datetime: ['datetime', 'local-timestamp'],
  timestamp: ['timestamp', 'timestamp'],
  // Up to 838 hours, and below zero: no time of day.
  time: ['time', 'text'],
  char: ['text', 'text'],
  varchar: ['text', 'text'],
  tinytext: ['text', 'text'],
  text: ['text', 'text'],
  mediumtext: ['text', 'text'],
  longtext: ['text', 'text'],
  enum: ['enum', 'text'],
  set: ['enum', 'text'],
  json: ['json', 'json'],
  uuid: ['uuid', 'uuid'],
  inet4: ['text', 'text'],
  inet6: ['text', 'text'],
};

const MAX_PRECISION = 38;
const PARAMETERS = /\((\d+)(?:,(\d+))?\)/;

/**
 * The form of a column.
 *
 * @param dataType `information_schema.columns.data_type`, such as `int`
 * @param columnType `information_schema.columns.column_type`, such as `int(10) unsigned`
 */
export function toForm(dataType: string, columnType: string): Pick<DatabaseColumn, 'form' | 'columnType'> {
  const type = dataType.toLowerCase();
  const integer = INTEGERS[type];
  if (integer !== undefined)
    return { form: 'integer', columnType: / unsigned/i.test(columnType) ? integer[1] : integer[0] };
  const other = OTHERS[type];
  if (other !== undefined) return { form: other[0], columnType: other[1] };
  const [, first = '', second = '0'] = PARAMETERS.exec(columnType) ?? [];
  if (type === 'decimal') {
    const fits = Number(first) <= MAX_PRECISION;
    return { form: 'decimal', columnType: fits ? `decimal(${first},${second})` : 'text' };
  }
  if (type === 'bit') {
    const bits = first === '' ? 1 : Number(first);
    if (bits === 1) return { form: 'bit', columnType: 'boolean' };
    return { form: 'bit', columnType: bits < 32 ? 'integer' : bits < 64 ? 'bigint' : 'decimal(20,0)' };
  }
  // binary, varbinary, blobs, geometries, vectors, and what later versions bring: the bytes as they are.
  return { form: 'bytes', columnType: 'bytes' };
}

/** A column of a result, as the wire protocol describes it. */
export interface WireColumn {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly length: number;
  readonly decimals: number;
  /** Number of the character set; 63 for bytes. */
  readonly characterSet: number;
  /** MariaDB's name for a type of its own, such as `uuid`. */
  readonly extendedType: string | undefined;
}

const NOT_NULL = 1;
const UNSIGNED = 32;
const ENUM = 256;
const SET = 2048;
const BINARY = 63;

/** https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html */
const WIRE_TYPES: Readonly<Record<number, string>> = {
  1: 'tinyint',
  2: 'smallint',
  3: 'int',
  4: 'float',
  5: 'double',
  7: 'timestamp',
  8: 'bigint',
  9: 'mediumint',
  10: 'date',
  11: 'time',
  12: 'datetime',
  13: 'year',
  16: 'bit',
  245: 'json',
  255: 'geometry',
};

/** The column of a query, whose tables nobody asked about. */
export function toDatabaseColumn(column: WireColumn): DatabaseColumn {
  const { dataType, columnType } = nameWireType(column);
  return {
    name: column.name,
    databaseType: columnType,
    nullable: (column.flags & NOT_NULL) === 0,
    ...toForm(dataType, columnType),
  };
}

function nameWireType({ type, flags, length, decimals, characterSet, extendedType }: WireColumn): {
  dataType: string;
  columnType: string;
} {
  if (extendedType !== undefined && Object.hasOwn(OTHERS, extendedType))
    return { dataType: extendedType, columnType: extendedType };
  const unsigned = (flags & UNSIGNED) !== 0;
  if (type === 0 || type === 246) {
    const precision = length - (decimals > 0 ? 1 : 0) - (unsigned ? 0 : 1);
    return { dataType: 'decimal', columnType: `decimal(${String(precision)},${String(decimals)})` };
  }
  const name = WIRE_TYPES[type];
  if (name === 'bit') return { dataType: name, columnType: `bit(${String(length)})` };
  if (name !== undefined)
    return {
      dataType: name,
      columnType: unsigned && Object.hasOwn(INTEGERS, name) ? `${name} unsigned` : name,
    };
  if ((flags & ENUM) !== 0) return { dataType: 'enum', columnType: 'enum' };
  if ((flags & SET) !== 0) return { dataType: 'set', columnType: 'set' };
  if (characterSet === BINARY) return { dataType: 'blob', columnType: 'blob' };
  return { dataType: 'text', columnType: 'text' };
}

/**
 * The expression that a column is read by. The text protocol writes a FLOAT with six digits, which is not the value; as a
 * double it is. BIT would come as bytes.
 */
export function toSelectSql(quoted: string, form: Form): string {
  if (form === 'float') return `(${quoted} + 0e0)`;
  if (form === 'bit') return `(${quoted} + 0)`;
  return quoted;
}
