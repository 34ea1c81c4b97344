import { createHash } from 'node:crypto';
import type { Claim } from './scheme.ts';

const SHORT_ASCII = /^[ -~]{1,255}$/;

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

/** The text of an id in a body. A number that a double rounds is none: it may stand for several ids. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** @returns 1 to 255 printable ASCII characters; what is something else is hashed */
function toKey(text: string): string {
  return SHORT_ASCII.test(text) ? text : `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/**
 * The id that all attempts of a delivery have, and no other delivery: its idempotency key.
 *
 * An id that the signature covers is enough, whatever the body says: services rebuild the bodies of repeated attempts.
 * One that it does not cover counts together with the body, so that nobody who saw a delivery can send it under the id
 * of another one and have that one taken for a repetition.
 *
 * @param document the body as JSON, where the scheme has the id in it
 * @returns undefined when the delivery has no id
 */
export function toDeliveryId(
  { id }: Claim,
  body: Buffer,
  idPath: readonly string[] | undefined,
  document: unknown,
): string | undefined {
  if (idPath !== undefined) {
    const text = textOf(valueAt(document, idPath));
    return text === undefined ? undefined : toKey(text);
  }
  if (id === undefined) return undefined;
  if (id.isSigned) return toKey(id.text);
  const digest = createHash('sha256')
    .update(`${String(id.text.length)}:${id.text}`)
    .update(body);
  return `sha256:${digest.digest('hex')}`;
}
