import { routeOf } from '../../shared/config/push-api.ts';
import type { PushSourceConfig } from '../../shared/config/schema.ts';
import { toMs } from '../../shared/config/units.ts';
import { HttpProblem } from '../middleware/problems.ts';

type Headers = Readonly<Record<string, string>>;

/** Headers that a request of the API may have, beside those of binary CloudEvents. */
const REQUEST_HEADERS = [
  'authorization',
  'content-encoding',
  'content-type',
  'idempotency-key',
  'traceparent',
  'tracestate',
  // Of requests that are signed (SigV4).
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  'x-request-id',
];
/** Attributes of a CloudEvent are headers of their own, with names that its producer chooses. */
const CLOUD_EVENT_HEADER = /^ce-[a-z0-9]{1,64}$/;
const MAX_CLOUD_EVENT_HEADERS = 64;

/** What a script may read of an answer, beside its status, body and the headers that every script may read. */
const ANSWER_HEADERS = [
  'etag',
  'idempotent-replayed',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'www-authenticate',
  'x-request-id',
];

function isAllowed({ cors }: PushSourceConfig, origin: string): boolean {
  return cors !== undefined && (cors.origins === '*' || cors.origins.includes(origin));
}

/**
 * What an answer of a source needs so that a page may read it; nothing for a page that may not. Every answer gets these
 * headers, problems included: a page that cannot read a 503 cannot know that it is to try again.
 *
 * Credentials are never allowed: who may push is told by the write key alone, not by cookies.
 *
 * @param origin the Origin header; other callers than pages have none
 */
export function corsHeaders(source: PushSourceConfig, origin: string | undefined): Headers {
  if (source.cors === undefined) return {};
  const isForAll = source.cors.origins === '*';
  // Whoever keeps an answer must not give one page's to another.
  const vary: Headers = isForAll ? {} : { vary: 'Origin' };
  if (origin === undefined || !isAllowed(source, origin)) return vary;
  return {
    ...vary,
    'access-control-allow-origin': isForAll ? '*' : origin,
    'access-control-expose-headers': ANSWER_HEADERS.join(', '),
  };
}

/**
 * Answers the question that a browser asks before it lets a page send a request to another origin.
 *
 * @param path of the route, such as `/v1/sources/{source}/records`
 * @param headers of the request, with lower-case names
 * @returns headers of an answer without a body (204)
 * @throws HttpProblem `cors-refused`
 */
export function preflight(
  source: PushSourceConfig,
  path: string,
  headers: Readonly<Record<string, string | undefined>>,
): Headers {
  const origin = headers['origin'];
  const method = headers['access-control-request-method'];
  if (source.cors === undefined) {
    throw new HttpProblem('cors-refused', 'no page may use this source; its configuration needs "cors"');
  }
  const vary: Headers = corsHeaders(source, undefined);
  if (origin === undefined || !isAllowed(source, origin)) {
    throw new HttpProblem(
      'cors-refused',
      'pages of this origin may not use this source; `cors.origins` lists those that may',
      {
        headers: vary,
      },
    );
  }
  if (method === undefined || routeOf(`${method} ${path}`)?.operation.isForBrowsers !== true) {
    const detail =
      'Access-Control-Request-Method must name a method that this path has: POST for records and validate, GET for schema';
    throw new HttpProblem('cors-refused', detail, { headers: vary });
  }
  // A header that is asked for and not in this list is refused by the browser, which tells the page which one it is.
  const attributes = (headers['access-control-request-headers'] ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => CLOUD_EVENT_HEADER.test(name))
    .slice(0, MAX_CLOUD_EVENT_HEADERS);
  return {
    ...corsHeaders(source, origin),
    'access-control-allow-methods': method,
    'access-control-allow-headers': [...REQUEST_HEADERS, ...attributes].join(', '),
    'access-control-max-age': String(Math.floor(toMs(source.cors.maxAge) / 1000)),
  };
}
