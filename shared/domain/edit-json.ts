import { findSpan, memberSpans, rootSpan, type Span } from './json-spans.ts';

/** A change of one field of a JSON object: it gets a value, as JSON text, or goes. */
export interface JsonEdit {
  /** Names of fields, from the outside to the inside. */
  readonly path: readonly string[];
  /** undefined removes the field. */
  readonly value: string | undefined;
}

/**
 * Changes fields of a JSON object. Everything else keeps its bytes: the digits of numbers, the order of fields, escapes.
 *
 * @param bytes valid JSON
 * @returns the new text, or what is in the way
 */
export function editJson(
  bytes: Uint8Array,
  edits: readonly JsonEdit[],
): Uint8Array | { readonly problem: string } {
  let edited: Uint8Array = bytes;
  for (const edit of edits) {
    const after = editField(edited, edit);
    if ('problem' in after) return after;
    edited = after;
  }
  return edited;
}

function editField(bytes: Uint8Array, { path, value }: JsonEdit): Uint8Array | { readonly problem: string } {
  const name = path.at(-1) ?? '';
  const above = path.slice(0, -1);
  const parent = findSpan(bytes, above, rootSpan(bytes));
  const members = parent && memberSpans(bytes, parent);
  if (parent === undefined || members === undefined) {
    return {
      problem: `${above.join('.') || 'the record'} is not an object, so it cannot have a field ${name}`,
    };
  }
  if (value === undefined) return remove(bytes, parent, members, name);
  const member = `${JSON.stringify(name)}:${value}`;
  const present = members.findLast((one) => one.name === name);
  if (present !== undefined) return splice(bytes, present, member);
  const end = parent.end - 1;
  return splice(bytes, { start: end, end }, members.length > 0 ? `,${member}` : member);
}

function remove(
  bytes: Uint8Array,
  parent: Span,
  members: readonly (Span & { readonly name: string })[],
  name: string,
): Uint8Array {
  const kept = members.filter((one) => one.name !== name);
  if (kept.length === members.length) return bytes;
  const text = kept.map(({ start, end }) => Buffer.from(bytes.subarray(start, end)));
  const body = text.flatMap((member, i) => (i === 0 ? [member] : [Buffer.from(','), member]));
  return splice(bytes, { start: parent.start + 1, end: parent.end - 1 }, Buffer.concat(body));
}

const splice = (bytes: Uint8Array, { start, end }: Span, by: string | Uint8Array): Uint8Array =>
  Buffer.concat([
    bytes.subarray(0, start),
    typeof by === 'string' ? Buffer.from(by) : by,
    bytes.subarray(end),
  ]);
