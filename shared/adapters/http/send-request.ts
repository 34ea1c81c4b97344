import { lookup as lookupName, type LookupAddress } from 'node:dns';
import {
  Agent as HttpAgent,
  request as requestHttp,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BlockedError, TransientError, type HeadgateError } from '../../domain/errors.ts';
import { addressProblem } from './address-problem.ts';

/** A complete answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed. */
  readonly body: Buffer;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

export interface SendOptions {
  /** A POST has a body. Default: GET. */
  readonly body?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowPrivateNetwork: boolean;
  /** For the whole exchange: name, connection, redirects and body. */
  readonly timeoutMs: number;
  /** Largest body, after decompression. */
  readonly maxBytes: number;
}

/** Sends requests over kept connections: GET, or POST where there is a body. */
export interface HttpSender {
  /**
   * @throws BlockedError for a URL or address that is refused, a certificate that does not hold, too large a body
   * @throws TransientError for time-outs and broken connections
   */
  send(url: URL, options: SendOptions): Promise<HttpAnswer>;
  /** Closes the connections. */
  close(): void;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Codes of connection errors that do not pass by themselves. */
const PERMANENT_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Makes a sender. Names are resolved once per connection, every address that a name has is checked, and the connection
 * goes to a checked address: a name server cannot answer differently in between.
 */
export function createHttpSender(): HttpSender {
  // A kept connection is not checked again, so those that may be private are kept apart.
  const open = createAgents();
  const guarded = createAgents();

  function exchange(url: URL, options: SendOptions, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const isHttps = url.protocol === 'https:';
      const { body } = options;
      const agents = options.allowPrivateNetwork ? open : guarded;
      const request = (isHttps ? requestHttps : requestHttp)(
        url,
        {
          method: body === undefined ? 'GET' : 'POST',
          agent: agents[isHttps ? 'https:' : 'http:'],
          headers: {
            'user-agent': 'headgate',
            ...options.headers,
            ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
            'accept-encoding': 'gzip',
          },
          lookup: checkedLookup(options.allowPrivateNetwork),
          signal,
        },
        resolve,
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  async function send(start: URL, options: SendOptions): Promise<HttpAnswer> {
    const signal = AbortSignal.timeout(options.timeoutMs);
    let url = start;
    let { headers } = options;
    for (let redirects = 0; ; redirects++) {
      checkUrl(url, options.allowPrivateNetwork);
      try {
        const response = await exchange(url, { ...options, headers }, signal);
        const status = response.statusCode ?? 0;
        const { location } = response.headers;
        if (!REDIRECTS.has(status) || location === undefined) {
          const body = await readBody(response, options.maxBytes, signal);
          return { status, headers: response.headers, body, url };
        }
        response.destroy();
        const target = redirectTarget(location, url, redirects);
        if (options.body !== undefined) checkPostRedirect(status, url, target);
        // Configured headers may hold credentials; they are meant for the configured origin only.
        if (target.origin !== start.origin) headers = acceptOnly(headers);
        url = target;
      } catch (error) {
        throw toSendError(error, url, signal, options.timeoutMs);
      }
    }
  }

  return {
    send,
    close() {
      for (const agents of [open, guarded]) for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function createAgents(): { readonly 'http:': HttpAgent; readonly 'https:': HttpsAgent } {
  return { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
}

function refused(url: URL, problem: string): BlockedError {
  return new BlockedError('PULL_URL_REFUSED', `${url.protocol}//${url.host} must not be read: ${problem}`);
}

/** @throws BlockedError with code `PULL_URL_REFUSED` */
function checkUrl(url: URL, allowPrivateNetwork: boolean): void {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowPrivateNetwork)) {
    throw refused(
      url,
      url.protocol === 'http:'
        ? 'plain http is allowed only with allowPrivateNetwork; use https'
        : 'only https is allowed (and http with allowPrivateNetwork)',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(url, 'it holds a user name or password; put credentials into "headers"');
  }
  // Node connects to a literal address without asking `lookup`.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0) return;
  const problem = addressProblem(host, allowPrivateNetwork);
  if (problem !== undefined) throw refused(url, problem);
}

function checkedLookup(allowPrivateNetwork: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookupName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const problem = firstProblem(hostname, addresses, allowPrivateNetwork);
      const [first] = addresses;
      if (problem !== undefined || first === undefined) callback(problem ?? noAddress(hostname), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** One address that is refused refuses the name: which of them is used is not ours to rely on. */
function firstProblem(
  hostname: string,
  addresses: readonly LookupAddress[],
  allowPrivateNetwork: boolean,
): BlockedError | undefined {
  for (const { address } of addresses) {
    const problem = addressProblem(address, allowPrivateNetwork);
    if (problem !== undefined) {
      return new BlockedError(
        'PULL_URL_REFUSED',
        `${hostname} must not be read: its address ${address} is refused: ${problem}`,
      );
    }
  }
  return undefined;
}

const noAddress = (hostname: string): TransientError =>
  new TransientError('PULL_UNREACHABLE', `${hostname} has no address`);

/** @throws BlockedError with code `PULL_REDIRECT` */
function redirectTarget(location: string, from: URL, redirects: number): URL {
  if (redirects >= MAX_REDIRECTS) {
    throw new BlockedError(
      'PULL_REDIRECT',
      `${from.host} redirects more than ${String(MAX_REDIRECTS)} times; configure the final url`,
    );
  }
  if (!URL.canParse(location, from.href)) {
    throw new BlockedError('PULL_REDIRECT', `${from.host} redirects to something that is not a URL`);
  }
  const target = new URL(location, from);
  if (from.protocol === 'https:' && target.protocol !== 'https:') {
    throw new BlockedError(
      'PULL_REDIRECT',
      `${from.host} redirects from https to ${target.protocol}, which is refused`,
    );
  }
  return target;
}

/**
 * A body is sent again only where the status says so (307 and 308, RFC 9110), and to the same origin only: it may hold
 * credentials.
 *
 * @throws BlockedError with code `PULL_REDIRECT`
 */
function checkPostRedirect(status: number, from: URL, target: URL): void {
  const keepsBody = status === 307 || status === 308;
  if (keepsBody && target.origin === from.origin) return;
  throw new BlockedError(
    'PULL_REDIRECT',
    keepsBody
      ? `${from.host} redirects a POST to ${target.origin}, which is refused: its body may hold credentials; configure the final url`
      : `${from.host} redirects a POST with status ${String(status)}, which would drop its body; configure the final url`,
  );
}

function acceptOnly(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() === 'accept'));
}

/** Reads and decompresses a body; more than `maxBytes` is cut off while it arrives. */
function readBody(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const isGzip = encoding === 'gzip' || encoding === 'x-gzip';
  if (!isGzip && encoding !== 'identity') {
    response.destroy();
    const shown = JSON.stringify(encoding.slice(0, 40));
    return Promise.reject(
      new BlockedError('PULL_ENCODING', `the answer has content-encoding ${shown}; allowed: gzip, identity`),
    );
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const body = isGzip ? pipeline(response, createGunzip(), () => undefined) : response;
    const stop = (error: Error): void => {
      response.destroy();
      reject(error);
    };
    const onAbort = (): void => {
      stop(new Error('timed out'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        stop(
          new BlockedError(
            'PULL_TOO_LARGE',
            `an answer is larger than ${String(maxBytes)} bytes; ask for smaller pages (paginator.size, or a parameter in "query")`,
          ),
        );
      }
    });
    body.on('error', stop);
    body.on('end', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(Buffer.concat(chunks));
    });
  });
}

function toSendError(error: unknown, url: URL, signal: AbortSignal, timeoutMs: number): HeadgateError {
  if (error instanceof BlockedError || error instanceof TransientError) return error;
  const options = { cause: error };
  if (signal.aborted) {
    return new TransientError(
      'PULL_TIMEOUT',
      `${url.host} did not answer within ${String(timeoutMs)} ms`,
      options,
    );
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (PERMANENT_CODES.has(code)) {
    return new BlockedError(
      'PULL_CERTIFICATE',
      `the certificate of ${url.host} is refused (${code})`,
      options,
    );
  }
  return new TransientError('PULL_UNREACHABLE', `the exchange with ${url.host} broke off (${code})`, options);
}
