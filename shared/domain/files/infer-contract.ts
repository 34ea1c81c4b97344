import type { JsonSchema } from '../contract.ts';
import { isDate, isDateTime } from '../formats.ts';
import { JSON_NUMBER } from './csv-columns.ts';
import { csvText, newCsvFields, PLAIN, readCsvRow, type CsvDialect } from './csv-rows.ts';

/** What a sample of an object says of its source; to be read by a person before it is used. */
export interface InferredFiles {
  readonly format: Readonly<Record<string, unknown>>;
  readonly schema: JsonSchema;
  readonly rows: number;
}

type Kind = 'integer' | 'number' | 'boolean' | 'date' | 'date-time' | 'text' | 'object' | 'array';

/** What was seen of one field. */
interface Seen {
  readonly kinds: Set<Kind>;
  times: number;
  nulls: number;
  large: boolean;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
const QUOTE = 0x22;
const MAX_ROWS = 10_000;
/** Leading zeros are part of a number's text: post codes, article numbers. */
const INTEGER = /^-?(?:0|[1-9]\d*)$/;

/**
 * Guesses how a text is written, and the contract of its rows. Numbers that are text somewhere are text; what is missing
 * somewhere is not required.
 *
 * @param isWhole whether the sample is the whole text; otherwise its last line may be cut off and does not count
 */
export function inferFiles(sample: Buffer, isWhole: boolean): InferredFiles {
  const text = sample[0] === 0xef ? sample.subarray(3) : sample;
  const first = text.toString('utf8', 0, 1_000).trimStart()[0];
  if (first === '{' || first === '[') return inferJson(text, isWhole);
  return inferCsv(text, isWhole);
}

function inferJson(text: Buffer, isWhole: boolean): InferredFiles {
  const lines = text.toString('utf8').split('\n');
  if (!isWhole) lines.pop();
  const records = lines.filter((line) => line.trim() !== '').map(parseObject);
  const isOneDocument = records.length === 1 && findRows(records[0], []).path.length > 0;
  if (records.length > 0 && !isOneDocument && records.every((record) => record !== undefined))
    return { format: { type: 'ndjson' }, schema: schemaOf(records.slice(0, MAX_ROWS)), rows: records.length };
  const whole = isWhole ? parseJson(text.toString('utf8')) : undefined;
  const found = findRows(whole, []);
  return {
    format: { type: 'json', ...(found.path.length > 0 && { recordsPath: found.path.join('.') }) },
    schema: schemaOf(found.rows.slice(0, MAX_ROWS)),
    rows: found.rows.length,
  };
}

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseObject(text: string): Row | undefined {
  const value = parseJson(text);
  return isRow(value) ? value : undefined;
}

/** The array of objects that is nearest to the root; one object is a row itself. */
function findRows(
  value: unknown,
  path: readonly string[],
): { rows: readonly Row[]; path: readonly string[] } {
  if (Array.isArray(value)) return { rows: value.filter(isRow), path };
  if (!isRow(value)) return { rows: [], path };
  for (const [name, below] of Object.entries(value))
    if (Array.isArray(below) && below.some(isRow)) return findRows(below, [...path, name]);
  for (const [name, below] of Object.entries(value)) {
    const found = isRow(below) ? findRows(below, [...path, name]) : undefined;
    if (found !== undefined && found.path.length > path.length + 1) return found;
  }
  return { rows: [value], path };
}

function inferCsv(text: Buffer, isWhole: boolean): InferredFiles {
  const delimiter = bestDelimiter(text, isWhole);
  const [header = [], ...rows] = rowsOf(text, isWhole, delimiter, MAX_ROWS + 1);
  const names = header.filter((name) => name !== '');
  const records = rows.map((row) =>
    Object.fromEntries(
      header.flatMap((name, i) => (name === '' ? [] : [[name, row[i] === '' ? null : row[i]]])),
    ),
  );
  const format = { type: 'csv', ...(delimiter !== ',' && { delimiter }) };
  return { format, schema: schemaOf(records, names), rows: records.length };
}

/** The one that gives the most columns, with the same number in every row. */
function bestDelimiter(text: Buffer, isWhole: boolean): string {
  let best: string = ',';
  let most = 1;
  for (const delimiter of DELIMITERS) {
    const rows = rowsOf(text, isWhole, delimiter, 100);
    const columns = rows[0]?.length ?? 0;
    if (columns > most && rows.every((row) => row.length === columns)) {
      best = delimiter;
      most = columns;
    }
  }
  return best;
}

function rowsOf(text: Buffer, isWhole: boolean, delimiter: string, maxRows: number): string[][] {
  const dialect: CsvDialect = { delimiter: delimiter.charCodeAt(0), quote: QUOTE };
  const fields = newCsvFields();
  const rows: string[][] = [];
  for (let at = 0; at < text.length && rows.length < maxRows;) {
    const end = readCsvRow(text, at, isWhole, dialect, fields);
    if (end < 0) break;
    const isEmpty = fields.count === 1 && fields.kinds[0] === PLAIN && fields.textEnd === at;
    if (!isEmpty) rows.push(Array.from({ length: fields.count }, (_, i) => csvText(text, fields, i, QUOTE)));
    at = end;
  }
  return rows;
}

function kindOf(value: unknown, seen: Seen): Kind {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) && Number.isInteger(value)) seen.large = true;
    return Number.isInteger(value) ? 'integer' : 'number';
  }
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'object') return Array.isArray(value) ? 'array' : 'object';
  const text = typeof value === 'string' ? value : '';
  if (isDateTime(text)) return 'date-time';
  return isDate(text) ? 'date' : 'text';
}

/** Texts of CSV are numbers and booleans where they look like it. */
function textKind(text: string, seen: Seen): Kind {
  if (INTEGER.test(text)) {
    if (!Number.isSafeInteger(Number(text))) seen.large = true;
    return 'integer';
  }
  if (JSON_NUMBER.test(text)) return 'number';
  return /^(true|false)$/i.test(text) ? 'boolean' : kindOf(text, seen);
}

/** @param columns names of a CSV header, whose values all are texts */
function schemaOf(rows: readonly Row[], columns?: readonly string[]): JsonSchema {
  const fields = new Map<string, Seen>();
  const seenOf = (name: string): Seen => {
    const seen = fields.get(name) ?? { kinds: new Set<Kind>(), times: 0, nulls: 0, large: false };
    fields.set(name, seen);
    return seen;
  };
  for (const name of columns ?? []) seenOf(name);
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const seen = seenOf(name);
      if (value === null || value === undefined) {
        seen.nulls++;
        continue;
      }
      seen.times++;
      seen.kinds.add(
        columns !== undefined && typeof value === 'string' ? textKind(value, seen) : kindOf(value, seen),
      );
    }
  }
  const required = [...fields].flatMap(([name, { times }]) =>
    times === rows.length && times > 0 ? [name] : [],
  );
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(
      [...fields].map(([name, seen]) => [name, toProperty(seen, columns !== undefined)]),
    ),
  };
}

function toProperty({ kinds, nulls, large }: Seen, isCsv: boolean): JsonSchema {
  const isOnly = (...some: Kind[]): boolean =>
    kinds.size > 0 && [...kinds].every((kind) => some.includes(kind));
  const typed = (type: string, more: JsonSchema = {}): JsonSchema => ({
    type: nulls > 0 ? [type, 'null'] : type,
    ...more,
  });
  if (isOnly('integer')) return typed('integer', large ? { format: 'int64' } : {});
  if (isOnly('integer', 'number')) return typed('number');
  if (isOnly('boolean')) return typed('boolean');
  if (isOnly('date-time')) return typed('string', { format: 'date-time' });
  if (isOnly('date')) return typed('string', { format: 'date' });
  if (isOnly('object')) return typed('object');
  if (isOnly('array')) return typed('array');
  // Values of several kinds together are any; in CSV they are texts.
  return isCsv || isOnly('text', 'date', 'date-time') ? typed('string') : {};
}
