const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** How a CSV text is written, as bytes. */
export interface CsvDialect {
  readonly delimiter: number;
  /** Undefined where nothing is quoted. */
  readonly quote: number | undefined;
}

export const PLAIN = 0;
const QUOTED = 1;
/** Quoted, with doubled quotes inside. */
const ESCAPED = 2;
/** Something stands behind the closing quote. */
export const BROKEN = 3;

/** Fields of one row: offsets of their text without quotes, and how they are written. Used again for every row. */
export interface CsvFields {
  count: number;
  readonly starts: number[];
  readonly ends: number[];
  readonly kinds: number[];
  /** Line breaks inside of the row's fields. */
  breaks: number;
  /** End of the row without its line break. */
  textEnd: number;
}

export function newCsvFields(): CsvFields {
  return { count: 0, starts: [], ends: [], kinds: [], breaks: 0, textEnd: 0 };
}

/** More of the text is needed. */
export const MORE = -1;
/** The text ends inside of quotes. */
export const UNCLOSED = -2;
/** The row has more than `MAX_CSV_FIELDS` fields. */
export const TOO_WIDE = -3;
export const MAX_CSV_FIELDS = 4_000;

/**
 * Finds the fields of the row that begins at `at`. Rows end with \n or \r\n outside of quotes.
 *
 * @returns the offset after the row's line break, `MORE`, or `UNCLOSED`
 */
export function readCsvRow(
  bytes: Buffer,
  at: number,
  isLast: boolean,
  { delimiter, quote }: CsvDialect,
  fields: CsvFields,
): number {
  const { length } = bytes;
  let count = 0;
  let i = at;
  let nextBreak = -1;
  fields.breaks = 0;
  for (;;) {
    let start = i;
    let kind = PLAIN;
    let closedAt = -1;
    if (quote !== undefined && bytes[i] === quote) {
      kind = QUOTED;
      start = ++i;
      for (;;) {
        const found: number = bytes.indexOf(quote, i);
        if (found === -1) return isLast ? UNCLOSED : MORE;
        if (bytes[found + 1] === quote) {
          kind = ESCAPED;
          i = found + 2;
          continue;
        }
        if (found + 1 >= length && !isLast) return MORE;
        closedAt = found;
        i = found + 1;
        break;
      }
      if (nextBreak < start) nextBreak = nextLineFeed(bytes, start);
      for (; nextBreak < closedAt; nextBreak = nextLineFeed(bytes, nextBreak + 1)) fields.breaks++;
    }
    const from = i;
    while (i < length && bytes[i] !== delimiter && bytes[i] !== LINE_FEED) i++;
    if (i >= length && !isLast) return MORE;
    const isEnd = i >= length || bytes[i] === LINE_FEED;
    const end = isEnd && i < length && i > from && bytes[i - 1] === CARRIAGE_RETURN ? i - 1 : i;
    if (closedAt !== -1 && end > from) kind = BROKEN;
    fields.starts[count] = start;
    fields.ends[count] = closedAt === -1 ? end : closedAt;
    fields.kinds[count] = kind;
    count++;
    if (count > MAX_CSV_FIELDS) return TOO_WIDE;
    if (isEnd) {
      fields.count = count;
      fields.textEnd = end;
      return Math.min(length, i + 1);
    }
    i++;
  }
}

function nextLineFeed(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(LINE_FEED, from);
  return found === -1 ? bytes.length : found;
}

/** The text of field `index`. */
export function csvText(bytes: Buffer, fields: CsvFields, index: number, quote: number | undefined): string {
  const text = bytes.toString('utf8', fields.starts[index], fields.ends[index]);
  if (fields.kinds[index] !== ESCAPED || quote === undefined) return text;
  const mark = String.fromCharCode(quote);
  return text.replaceAll(mark + mark, mark);
}
