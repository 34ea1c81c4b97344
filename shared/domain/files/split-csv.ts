import { isUtf8 } from 'node:buffer';
import type { JsonSchema } from '../contract.ts';
import type { Place } from '../files-position.ts';
import { csvValue, headerProblem, toCsvColumns, type CsvColumn } from './csv-columns.ts';
import {
  BROKEN,
  csvText,
  MAX_CSV_FIELDS,
  MORE,
  newCsvFields,
  PLAIN,
  readCsvRow,
  TOO_WIDE,
  UNCLOSED,
  type CsvDialect,
} from './csv-rows.ts';
import { quoteText, tooLarge, unreadableObject, type Piece, type Splitter } from './splitter.ts';

/** What a CSV text has to be told. */
export interface CsvOptions {
  readonly dialect: CsvDialect;
  /** Names of the columns; undefined where the first row has them. */
  readonly names: readonly string[] | undefined;
  readonly nullValues: readonly string[];
  readonly schema: JsonSchema;
  /** See `headerProblem`. */
  readonly needed: readonly string[];
  readonly maxRecordBytes: number;
}

/** A CSV splitter, which has to know its columns. */
export interface CsvSplitter extends Splitter {
  /**
   * Learns the columns from the first row of the text, where reading goes on behind it.
   *
   * @returns whether the row was there
   */
  readHeader(bytes: Buffer, isLast: boolean): boolean;
}

/**
 * Rows of a CSV text (RFC 4180) as JSON objects, with the types of the contract. A text that is no value of its column
 * stays a string, which the contract refuses.
 *
 * - Rows that are empty are skipped. A row with too few fields, or with more than there are columns, is no record; empty
 *   fields at its end (a delimiter that ends every row) do not count.
 * - A row that never ends (a quote that is not closed) or is too large makes the rest unreadable: nobody knows where the
 *   next one begins.
 */
export function createCsvSplitter(options: CsvOptions, from: Pick<Place, 'line'>): CsvSplitter {
  const { dialect, schema, needed, maxRecordBytes } = options;
  const nullValues = new Set(options.nullValues);
  const fields = newCsvFields();
  let { line } = from;
  let { names } = options;
  let columns: readonly CsvColumn[] = names === undefined ? [] : toCsvColumns(names, schema);

  function takeHeader(bytes: Buffer): void {
    const found = Array.from({ length: fields.count }, (_, i) => csvText(bytes, fields, i, dialect.quote));
    while (found.length > 1 && found.at(-1) === '') found.pop();
    const problem = headerProblem(found, schema, needed);
    if (problem !== undefined) throw unreadableObject(problem);
    names = found;
    columns = toCsvColumns(found, schema);
  }

  function takeRow(bytes: Buffer, at: number, isValid: boolean): Piece | undefined {
    const { count, kinds, starts, ends } = fields;
    if (fields.textEnd === at) return undefined;
    const text = bytes.subarray(at, fields.textEnd);
    const refuse = (problem: string): Piece => ({ bytes: quoteText(text), line, problem });
    if (!isValid && !isUtf8(text)) return refuse('is not valid UTF-8');
    let used = count;
    while (used > columns.length && kinds[used - 1] === PLAIN && starts[used - 1] === ends[used - 1]) used--;
    if (used !== columns.length)
      return refuse(`has ${String(count)} fields, and there are ${String(columns.length)} columns`);
    let json = '';
    for (const [i, { name, label, types, nullText }] of columns.entries()) {
      if (kinds[i] === BROKEN) return refuse(`has text behind the closing quote of ${JSON.stringify(name)}`);
      const value = csvText(bytes, fields, i, dialect.quote);
      if (name === '') {
        if (value !== '') return refuse('has a value in a column without a name');
        continue;
      }
      const isText = types === undefined || types.includes('string');
      // Some writers quote everything; what is no text is null all the same.
      const isNull = nullValues.has(value) && (kinds[i] === PLAIN || !isText);
      if (isNull && nullText === 'absent') continue;
      json += json === '' ? label : `,${label}`;
      json += isNull && !(nullText === 'empty' && value === '') ? 'null' : csvValue(value, types);
    }
    return { bytes: Buffer.from(`{${json}}`), line };
  }

  return {
    split(bytes, isLast, pieces) {
      let at = 0;
      const isValid = isUtf8(bytes);
      while (at < bytes.length) {
        const end = readCsvRow(bytes, at, isLast, dialect, fields);
        if (end === TOO_WIDE)
          throw unreadableObject(
            `line ${String(line + 1)} has more than ${String(MAX_CSV_FIELDS)} fields; is format.delimiter right?`,
          );
        if ((end < 0 ? bytes.length : fields.textEnd) - at > maxRecordBytes)
          throw unreadableObject(
            `the row in line ${String(line + 1)} ${tooLarge(maxRecordBytes)}; is a quote not closed?`,
          );
        if (end === UNCLOSED)
          throw unreadableObject(
            `a quote in line ${String(line + 1)} or behind it is not closed: the text is cut off`,
          );
        if (end === MORE) break;
        const first = line;
        line++;
        if (names === undefined) takeHeader(bytes);
        else {
          const piece = takeRow(bytes, at, isValid);
          if (piece !== undefined) pieces.push(piece);
        }
        line = first + 1 + fields.breaks;
        at = end;
      }
      return at;
    },
    place: () => ({ line, state: '' }),
    readHeader(bytes, isLast) {
      if (options.names !== undefined) return true;
      if (readCsvRow(bytes, 0, isLast, dialect, fields) < 0) return false;
      takeHeader(bytes);
      return true;
    },
  };
}
