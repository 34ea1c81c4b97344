/*
 * Finds values in a JSON text without copying or re-writing them, so that a record keeps its original bytes: the digits
 * of its numbers, the order of its fields, its escapes. Every function expects a *valid* text (one that JSON.parse
 * accepts) and works without recursion, so depth costs nothing.
 */

/** Where a value stands: `bytes.subarray(start, end)`, without surrounding white space. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

function skipSpace(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && (bytes[at] ?? 0) <= SPACE) at++;
  return at;
}

/** @param at index of the opening quote @returns index after the closing one */
function skipString(bytes: Uint8Array, at: number): number {
  for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at + 1;
}

function skipValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0;
      if (byte <= SPACE || byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) break;
      at++;
    }
    return at;
  }
  for (let depth = 0; at < bytes.length;) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--;
      if (depth === 0) break;
    }
  }
  return at;
}

/** The whole text, without surrounding white space. */
export function rootSpan(bytes: Uint8Array): Span {
  const start = skipSpace(bytes, 0);
  return { start, end: skipValue(bytes, start) };
}

/**
 * The value at a path of field names, from `from` down.
 *
 * @returns undefined when a field on the way is missing or is not an object; of a field that appears twice, the last
 */
export function findSpan(
  bytes: Uint8Array,
  path: readonly string[],
  from = rootSpan(bytes),
): Span | undefined {
  let span = from;
  for (const name of path) {
    const below = fieldSpan(bytes, name, span);
    if (below === undefined) return undefined;
    span = below;
  }
  return span;
}

function fieldSpan(bytes: Uint8Array, name: string, object: Span): Span | undefined {
  if (bytes[object.start] !== OPEN_OBJECT) return undefined;
  const wanted = Buffer.from(name);
  let found: Span | undefined;
  eachMember(bytes, object, (nameStart, nameEnd, start, end) => {
    if (isName(bytes, nameStart + 1, nameEnd - 1, name, wanted)) found = { start, end };
  });
  return found;
}

/** Visits the members of the object at `object`: where the name (with its quotes) and the value begin and end. */
function eachMember(
  bytes: Uint8Array,
  object: Span,
  visit: (nameStart: number, nameEnd: number, start: number, end: number) => void,
): void {
  let at = skipSpace(bytes, object.start + 1);
  while (at < object.end && bytes[at] !== CLOSE_OBJECT) {
    const nameEnd = skipString(bytes, at);
    // After the name comes the colon.
    const start = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1);
    const end = skipValue(bytes, start);
    visit(at, nameEnd, start, end);
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
}

/** The members of the object at `object`, each from its name to the end of its value; undefined where no object stands. */
export function memberSpans(
  bytes: Uint8Array,
  object: Span,
): readonly (Span & { readonly name: string })[] | undefined {
  if (bytes[object.start] !== OPEN_OBJECT) return undefined;
  const members: (Span & { readonly name: string })[] = [];
  eachMember(bytes, object, (nameStart, nameEnd, _start, end) => {
    const name = JSON.parse(textAt(bytes, { start: nameStart, end: nameEnd })) as string;
    members.push({ name, start: nameStart, end });
  });
  return members;
}

function isName(bytes: Uint8Array, start: number, end: number, name: string, wanted: Buffer): boolean {
  if (bytes.subarray(start, end).includes(BACKSLASH)) {
    return JSON.parse(`"${textAt(bytes, { start, end })}"`) === name;
  }
  return end - start === wanted.length && wanted.equals(bytes.subarray(start, end));
}

/** The elements of the array at `array`, which is an array. */
export function elementSpans(bytes: Uint8Array, array: Span): Span[] {
  const spans: Span[] = [];
  let at = skipSpace(bytes, array.start + 1);
  while (at < array.end && bytes[at] !== CLOSE_ARRAY) {
    const end = skipValue(bytes, at);
    spans.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return spans;
}

/** The text of a value as it stands there. */
export function textAt(bytes: Uint8Array, { start, end }: Span): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
}

/**
 * A scalar's exact text: a string's characters, a number's or a boolean's literal.
 *
 * @returns undefined for `null`, an object or an array
 */
export function scalarAt(
  bytes: Uint8Array,
  span: Span,
): { readonly text: string; readonly isString: boolean } | undefined {
  const first = bytes[span.start];
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return undefined;
  const text = textAt(bytes, span);
  if (first === QUOTE) return { text: JSON.parse(text) as string, isString: true };
  return text === 'null' ? undefined : { text, isString: false };
}

/** Whether an array stands at the span. */
export function isArrayAt(bytes: Uint8Array, span: Span): boolean {
  return bytes[span.start] === OPEN_ARRAY;
}
