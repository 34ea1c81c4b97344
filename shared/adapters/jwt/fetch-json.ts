import { TransientError } from '../../domain/errors.ts';

/** A document with the keys of a large issuer has some ten thousand bytes. */
const MAX_DOCUMENT_BYTES = 256 * 1024;

/** The global `fetch`, or one that stands in for it. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/**
 * Reads a JSON document over https, without following redirects: where an issuer's keys are is for the configuration
 * and the issuer to say, not for whoever answers in its place.
 *
 * @throws TransientError with code `ISSUER_UNAVAILABLE` for anything but a complete answer with a JSON object in it, in
 *   the time that the signal leaves
 */
export async function fetchJson(
  fetch: Fetch,
  address: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:') throw unavailable('an address of its keys is not an https URL');
  let bytes: Buffer;
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unavailable(`${url.host} answered ${String(response.status)} instead of 200`);
    }
    bytes = await readBody(response, url.host);
  } catch (error) {
    if (error instanceof TransientError) throw error;
    throw unavailable(`${url.host} cannot be reached (${nameOf(error)})`, error);
  }
  try {
    const document: unknown = JSON.parse(bytes.toString());
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>;
  } catch {
    // The same as JSON of another shape.
  }
  throw unavailable(`${url.host} answered something that is not a JSON object`);
}

async function readBody(response: Response, host: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    // Leaving the loop closes the connection.
    if (length > MAX_DOCUMENT_BYTES) {
      throw unavailable(`${host} answered more than ${String(MAX_DOCUMENT_BYTES)} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function unavailable(reason: string, cause?: unknown): TransientError {
  return new TransientError('ISSUER_UNAVAILABLE', reason, { cause });
}

/** The code of the socket's error that stands under that of fetch, or else the name of the error. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name;
}
