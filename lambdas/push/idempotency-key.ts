import { HttpProblem } from '../middleware/problems.ts';

const MAX_LENGTH = 255;
/** A string of RFC 8941: printable ASCII in quotes, with \" and \\. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
/** Without quotes, as many senders write it: printable ASCII without spaces, quotes and backslashes. */
const BARE = /^[!#-[\]-~]+$/;

/**
 * Reads the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a structured-field string, or the bare
 * text.
 *
 * @returns undefined when the request has none
 * @throws HttpProblem `bad-idempotency-key`
 */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const key = QUOTED.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1') ?? (BARE.test(text) ? text : '');
  if (key.length >= 1 && key.length <= MAX_LENGTH) return key;
  throw new HttpProblem(
    'bad-idempotency-key',
    `Idempotency-Key must be 1 to ${String(MAX_LENGTH)} printable ASCII characters, best in double quotes, such as "7f8c2d"`,
  );
}
