import type { PushRecord } from './record-result.ts';

const encoder = new TextEncoder();

/**
 * A record as a line: its JSON in UTF-8, without a line break.
 *
 * @throws TypeError when it cannot be written as the JSON of an object
 */
export function encodeRecord(record: PushRecord): Uint8Array<ArrayBuffer> {
  return encoder.encode(typeof record === 'string' ? toLine(record) : toJson(record));
}

/** Whether a text is JSON is for the server to say; line breaks stand for white space in JSON. */
function toLine(text: string): string {
  if (text.trim() === '') throw new TypeError('a record must be an object or its JSON, and is an empty text');
  if (!text.isWellFormed()) throw new TypeError('the text of the record has half of a surrogate pair');
  return text.replaceAll(/[\r\n]/g, ' ');
}

function toJson(record: object): string {
  // The types say that it gives a text; for functions and some objects with toJSON it does not.
  const json = JSON.stringify(record) as string | undefined;
  if (json?.startsWith('{') === true) return json;
  throw new TypeError('a record must be an object that has JSON, and not an array or a function');
}
