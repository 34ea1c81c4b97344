import { RejectedError } from './errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (isSpace(bytes[at])) at++;
  return at;
}

/** The part without white space around it. */
function trim(bytes: Buffer, from: number, to: number): Buffer {
  const start = Math.min(to, skipSpace(bytes, from));
  let end = to;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

/** The same bytes as a Buffer, without a byte order mark. */
function withoutMark(bytes: Uint8Array): Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return BYTE_ORDER_MARK.equals(buffer.subarray(0, 3)) ? buffer.subarray(3) : buffer;
}

function stringEnd(bytes: Uint8Array, at: number): number {
  let i = at + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i < bytes.length ? i + 1 : -1;
}

/**
 * Where the JSON value that begins at `at` ends. It finds the end by brackets and quotes only: whether the value is
 * well-formed inside is for JSON.parse to say.
 *
 * @returns the offset after the value, or -1 when it does not end; of a number or a word at the end of the text, that end
 */
export function valueEnd(bytes: Uint8Array, at: number): number {
  let depth = 0;
  let i = at;
  while (i < bytes.length) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = stringEnd(bytes, i);
      if (i === -1 || depth === 0) return i;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      // A scalar ends before the bracket of the array around it.
      if (depth === 0) return i;
      depth--;
      if (depth === 0) return i + 1;
    } else if (depth === 0 && (byte === COMMA || isSpace(byte))) return i;
    i++;
  }
  return depth === 0 ? i : -1;
}

function malformed(problem: string): RejectedError {
  return new RejectedError('MALFORMED_BODY', `the body is not valid JSON: ${problem}`);
}

function tooMany(maxRecords: number): RejectedError {
  return new RejectedError(
    'TOO_MANY_RECORDS',
    `the request has more than ${String(maxRecords)} records; send them in several requests`,
  );
}

function splitArray(bytes: Buffer, start: number, maxRecords: number): Buffer[] {
  const records: Buffer[] = [];
  let at = skipSpace(bytes, start + 1);
  let closed = bytes[at] === CLOSE_BRACKET;
  while (!closed) {
    if (records.length >= maxRecords) throw tooMany(maxRecords);
    const end = valueEnd(bytes, at);
    if (end === -1) throw malformed(`element ${String(records.length)} of the array does not end`);
    if (end === at) throw malformed(`a value is missing at element ${String(records.length)} of the array`);
    records.push(bytes.subarray(at, end));
    at = skipSpace(bytes, end);
    closed = bytes[at] === CLOSE_BRACKET;
    if (!closed && bytes[at] !== COMMA) {
      throw malformed(
        at >= bytes.length
          ? 'the array is not closed'
          : `a comma is missing after element ${String(records.length - 1)} of the array`,
      );
    }
    if (!closed) at = skipSpace(bytes, at + 1);
  }
  if (skipSpace(bytes, at + 1) < bytes.length) throw malformed('there is more text after the array');
  return records;
}

/**
 * The records of a JSON document: the object itself, or the elements of an array, each as a slice of the original
 * bytes. The slices are not parsed: a slice may still be malformed, or something else than an object.
 *
 * @throws RejectedError with code `MALFORMED_BODY`, or `TOO_MANY_RECORDS` above `maxRecords`
 */
export function splitJson(body: Uint8Array, maxRecords = Infinity): readonly Buffer[] {
  const bytes = withoutMark(body);
  const start = skipSpace(bytes, 0);
  if (bytes[start] === OPEN_BRACKET) return splitArray(bytes, start, maxRecords);
  if (bytes[start] === OPEN_BRACE) return [trim(bytes, start, bytes.length)];
  throw malformed(
    start === bytes.length
      ? 'it is empty'
      : 'it must be an object or an array of objects; it begins with neither',
  );
}

function splitAtLineFeeds(bytes: Buffer, maxRecords: number): Buffer[] {
  const records: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, from);
    const to = found === -1 ? bytes.length : found;
    const record = trim(bytes, from, to);
    if (record.length > 0) {
      if (records.length >= maxRecords) throw tooMany(maxRecords);
      records.push(record);
    }
    from = to + 1;
  }
  return records;
}

/**
 * The records of newline-delimited JSON: every line that is not blank, without the white space around it. Lines end
 * with \n or \r\n; the last one needs no end.
 *
 * @throws RejectedError with code `TOO_MANY_RECORDS` above `maxRecords`
 */
export function splitLines(body: Uint8Array, maxRecords = Infinity): readonly Buffer[] {
  return splitAtLineFeeds(withoutMark(body), maxRecords);
}

/**
 * The records of a text that does not say what it is: one object, an array, or lines. Nothing is lost: what is none of
 * these is one malformed record.
 */
export function splitRecords(text: Uint8Array): readonly Buffer[] {
  const bytes = withoutMark(text);
  const start = skipSpace(bytes, 0);
  if (bytes[start] === OPEN_BRACKET) {
    try {
      return splitArray(bytes, start, Infinity);
    } catch {
      return [trim(bytes, start, bytes.length)];
    }
  }
  const isOneValue = bytes[start] === OPEN_BRACE && skipSpace(bytes, valueEnd(bytes, start)) === bytes.length;
  return isOneValue ? [trim(bytes, start, bytes.length)] : splitAtLineFeeds(bytes, Infinity);
}
