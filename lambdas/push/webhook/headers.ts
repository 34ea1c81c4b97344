import { HttpProblem } from '../../middleware/problems.ts';

/** Headers of a request; the names in any case. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** No service's header is nearly as long, while it replaces its secret either; it bounds how much is to be verified. */
const MAX_LENGTH = 1024;

const CHALLENGE = { headers: { 'www-authenticate': 'Signature realm="headgate"' } };

/** The refusal of a delivery that does not prove who sent it. The detail never says what would have been right. */
export function unverified(detail: string): HttpProblem {
  return new HttpProblem('unauthorized', detail, CHALLENGE);
}

/** The value of a header, without the white space around it; a header that is empty is none. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const key = Object.hasOwn(headers, name)
    ? name
    : Object.keys(headers).find((other) => other.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key]?.trim();
  return value === '' ? undefined : value;
}

/**
 * The value of a header that proves something.
 *
 * @param name in lower case
 * @param hint what to do when it is missing
 * @throws HttpProblem `unauthorized`
 */
export function requireHeader(headers: Headers, name: string, hint: string): string {
  const value = headerOf(headers, name);
  if (value === undefined) throw unverified(`the delivery has no header ${name}: ${hint}`);
  if (value.length > MAX_LENGTH) {
    throw unverified(`the header ${name} is longer than ${String(MAX_LENGTH)} characters`);
  }
  return value;
}
