import type { Place } from '../files-position.ts';
import { valueEnd } from '../json-records.ts';
import { tooLarge, unreadableObject, type Piece, type Splitter } from './splitter.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** How far into a document its array of records may begin. */
const MAX_PREFIX_BYTES = 16 * 1024 * 1024;

const MORE = -1;

function skipSpace(bytes: Uint8Array, at: number): number {
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

/** After the value at `at`, or `MORE` while it may go on. */
function endOf(bytes: Buffer, at: number, isLast: boolean): number {
  const end = valueEnd(bytes, at);
  const first = bytes[at];
  const isDelimited = first === QUOTE || first === OPEN_OBJECT || first === OPEN_ARRAY;
  return end === bytes.length && !isDelimited && !isLast ? MORE : end;
}

/**
 * After the opening bracket of the array at a path of the document that begins at `at`, or `MORE`.
 *
 * @throws RejectedError when there is no array
 */
function findArray(bytes: Buffer, start: number, path: readonly string[], isLast: boolean): number {
  let at = start;
  const absent = (): never => {
    throw unreadableObject(
      `there is no array at ${path.join('.')}; set format.recordsPath to the array of records`,
    );
  };
  for (const name of path) {
    at = skipSpace(bytes, at);
    if (at >= bytes.length) return MORE;
    if (bytes[at] !== OPEN_OBJECT) absent();
    at++;
    for (;;) {
      at = skipSpace(bytes, at);
      if (at >= bytes.length) return MORE;
      if (bytes[at] === CLOSE_OBJECT) absent();
      if (bytes[at] !== QUOTE)
        throw unreadableObject('the document is not valid JSON: a name is missing in an object');
      const nameEnd = endOf(bytes, at, isLast);
      if (nameEnd === -1) return MORE;
      const isIt = nameOf(bytes.subarray(at, nameEnd)) === name;
      at = skipSpace(bytes, nameEnd);
      if (at >= bytes.length) return MORE;
      if (bytes[at] !== COLON)
        throw unreadableObject('the document is not valid JSON: a colon is missing in an object');
      at = skipSpace(bytes, at + 1);
      if (at >= bytes.length) return MORE;
      if (isIt) break;
      const end = endOf(bytes, at, isLast);
      if (end === -1) return MORE;
      at = skipSpace(bytes, end);
      if (at >= bytes.length) return MORE;
      if (bytes[at] === COMMA) at++;
    }
  }
  if (bytes[at] !== OPEN_ARRAY) absent();
  return at + 1;
}

function nameOf(text: Buffer): string | undefined {
  try {
    return JSON.parse(text.toString('utf8')) as string;
  } catch {
    return undefined;
  }
}

/** Follows the rest of a document after its array, to see that it ends. */
class Rest {
  #depth: number;
  #isString = false;
  #isEscaped = false;

  constructor(depth: number) {
    this.#depth = depth;
  }

  /** @returns after the document's end, or `MORE` */
  skip(bytes: Buffer, at: number): number {
    for (; this.#depth > 0 && at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isString) {
        if (byte === 0x5c) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isString = false;
      } else if (byte === QUOTE) this.#isString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth--;
    }
    return this.#depth > 0 ? MORE : at;
  }
}

/**
 * JSON documents one after the other. Each is an array of records, has one at `recordsPath`, or is a record itself. Only
 * brackets and quotes are looked at: whether a record is well-formed inside is for its check to say.
 */
export function createJsonSplitter(
  maxRecordBytes: number,
  recordsPath: string | undefined,
  from: Pick<Place, 'state'>,
): Splitter {
  const path = recordsPath?.split('.') ?? [];
  let { state } = from;
  let rest: Rest | undefined;

  /** @returns after what was taken, or `MORE` */
  function step(bytes: Buffer, start: number, isLast: boolean, pieces: Piece[]): number {
    if (rest !== undefined) {
      const end = rest.skip(bytes, start);
      if (end === MORE) return MORE;
      rest = undefined;
      return end;
    }
    let at = skipSpace(bytes, start);
    if (at >= bytes.length) return MORE;
    if (state === '') {
      if (path.length > 0) {
        if (bytes[at] !== OPEN_OBJECT)
          throw unreadableObject('the document is not an object, and format.recordsPath is set');
        const end = findArray(bytes, at, path, isLast);
        if (end === MORE) {
          if (bytes.length - at > MAX_PREFIX_BYTES)
            throw unreadableObject(
              `the array at ${path.join('.')} does not begin within the first 16 MiB of the document`,
            );
          return MORE;
        }
        state = 'first';
        return end;
      }
      if (bytes[at] === OPEN_ARRAY) {
        state = 'first';
        return at + 1;
      }
      if (bytes[at] !== OPEN_OBJECT)
        throw unreadableObject(
          'the text is neither an array of objects nor an object: it begins with another character',
        );
      return takeValue(bytes, at, isLast, pieces);
    }
    if (bytes[at] === CLOSE_ARRAY) {
      state = '';
      if (path.length > 0) rest = new Rest(path.length);
      return at + 1;
    }
    if (state === 'next') {
      if (bytes[at] !== COMMA) throw unreadableObject('a comma is missing between two elements of the array');
      at = skipSpace(bytes, at + 1);
      if (at >= bytes.length) return MORE;
    }
    if (bytes[at] === COMMA || bytes[at] === CLOSE_ARRAY)
      throw unreadableObject('a value is missing in the array');
    const end = takeValue(bytes, at, isLast, pieces);
    if (end !== MORE) state = 'next';
    return end;
  }

  function takeValue(bytes: Buffer, at: number, isLast: boolean, pieces: Piece[]): number {
    const end = endOf(bytes, at, isLast);
    if (end === at) throw unreadableObject('a value is missing, or a bracket closes what was not opened');
    if ((end === MORE ? bytes.length : end) - at > maxRecordBytes)
      throw unreadableObject(`a record ${tooLarge(maxRecordBytes)}`);
    if (end !== MORE) pieces.push({ bytes: bytes.subarray(at, end) });
    return end;
  }

  return {
    split(bytes, isLast, pieces) {
      let at = 0;
      for (;;) {
        const end = step(bytes, at, isLast, pieces);
        if (end === MORE) break;
        at = end;
      }
      if (rest !== undefined && !isLast) return bytes.length;
      if (!isLast) return at;
      const isOver = state === '' && rest === undefined && skipSpace(bytes, at) >= bytes.length;
      if (!isOver) throw unreadableObject('the text ends before its JSON does: it is cut off');
      return bytes.length;
    },
    place: () => (rest === undefined ? { line: 0, state } : undefined),
  };
}
