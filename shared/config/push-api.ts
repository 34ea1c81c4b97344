import * as z from 'zod';
import type { ProblemName } from '../domain/problems.ts';
import type { ReceivedSourceConfig } from './schema.ts';

/*
 * The push API, once: the handler finds its way and reads queries by this table, the stack makes its routes from it,
 * and the OpenAPI document and the pages about the API are written from it. What the answers look like stands in
 * push-answers.ts, which no function needs to carry.
 */

const flag = z.enum(['', 'true', 'false']).default('false');

/** A query flag: `?name`, `?name=true` or `?name=false`. */
const toBoolean = (text: string): boolean => text !== 'false';

const verbose = flag
  .transform(toBoolean)
  .describe('List every record in `results`, not only those that were not plainly accepted.');
const wait = flag
  .transform(toBoolean)
  .describe('Answer 200 once the records are in the lake; 202 as usual where that takes too long.');

/** Content types of bodies, and what they hold. */
export const CONTENT_TYPES = {
  'application/json': 'one record (an object), or several (an array of objects)',
  'application/x-ndjson': 'records, one on each line',
  'application/ndjson': 'the same',
  'application/jsonl': 'the same',
  'application/cloudevents+json': 'one CloudEvent (structured mode); the event is the record',
  'application/cloudevents-batch+json': 'CloudEvents, in an array (batched mode)',
} as const;

export type ContentType = keyof typeof CONTENT_TYPES;

/**
 * The Idempotency-Key header: a string of RFC 8941 (printable ASCII in quotes, with \" and \\), which stands in the
 * first group, or the bare text as many senders write it: printable ASCII without spaces, quotes and backslashes.
 */
export const IDEMPOTENCY_KEY = /^(?:"((?:[ !#-[\]-~]|\\["\\])+)"|[!#-[\]-~]+)$/;
/** Longest Idempotency-Key, without quotes. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

/** Content types of the deliveries of webhooks. */
const DELIVERY_TYPES = {
  'application/json': 'the event (an object), or several (an array of objects)',
  'application/x-www-form-urlencoded': 'the event as JSON in the field `payload`',
} as const;

export type DeliveryType = keyof typeof DELIVERY_TYPES;

/** Encodings of bodies. */
export const CONTENT_ENCODINGS = ['identity', 'gzip', 'zstd'] as const;

export type ContentEncoding = (typeof CONTENT_ENCODINGS)[number];

/** One method of one path of the API. */
export interface Operation {
  readonly method: 'GET' | 'POST';
  /** Path, with `{source}` for the name of a source. */
  readonly path: string;
  /** What it does, in a few words. */
  readonly summary: string;
  readonly description?: string;
  /** The source type that it is for; without one it is for nobody in particular. */
  readonly sourceType?: ReceivedSourceConfig['type'];
  /** Who may: whom the source's `auth` lets in, who signed the delivery, or anyone. */
  readonly caller: 'sender' | 'signer' | 'anyone';
  /** What the rate of its route follows from: requests that store, dry runs (a tenth of them), or look-ups. */
  readonly rate: 'records' | 'dry-run' | 'look-up';
  /** Query parameters that it reads; what else is in the query is ignored. */
  readonly query: Readonly<Record<string, z.ZodType<boolean, string | undefined>>>;
  /** Content types of its body and what each holds; none, if it has no body. */
  readonly contentTypes: Readonly<Record<string, string>>;
  /** Whether a body of any type, with the attributes of a CloudEvent in `ce-*` headers, is a record (binary mode). */
  readonly takesBinaryCloudEvents: boolean;
  /** Whether it reads the Idempotency-Key header. */
  readonly takesIdempotencyKey: boolean;
  /** Whether pages in browsers may use it, where the source has `cors`. */
  readonly isForBrowsers: boolean;
  /** Every problem that it answers. */
  readonly problems: readonly ProblemName[];
}

/** Problems of the preflight requests of pages, which have a route for each path that pages may use. */
export const PREFLIGHT_PROBLEMS = ['cors-refused', 'unknown-source'] as const satisfies ProblemName[];

const OF_EVERYTHING = ['internal-error', 'temporary-reduced-capacity'] as const satisfies ProblemName[];
const OF_SENDERS = [
  'unauthorized',
  'forbidden',
  'unknown-source',
  'quota-exceeded',
] as const satisfies ProblemName[];
const OF_BODIES = [
  'malformed-body',
  'bad-cloud-event',
  'bad-parameter',
  'too-large',
  'unsupported-media-type',
  'unsupported-encoding',
  'all-records-rejected',
] as const satisfies ProblemName[];
const OF_REPEATED_REQUESTS = [
  'bad-idempotency-key',
  'request-in-progress',
  'idempotency-key-reused',
] as const satisfies ProblemName[];

/** Every operation of the push API by its id. */
export const PUSH_API = {
  postRecords: {
    method: 'POST',
    path: '/v1/sources/{source}/records',
    summary: 'stores records',
    description:
      'Checks every record against the contract of the source and makes it durable. A 2xx answer means that everything ' +
      'counted in `accepted`, `duplicates` and `quarantined` is stored.',
    sourceType: 'push',
    caller: 'sender',
    rate: 'records',
    query: { verbose, wait },
    contentTypes: CONTENT_TYPES,
    takesBinaryCloudEvents: true,
    takesIdempotencyKey: true,
    isForBrowsers: true,
    problems: [...OF_SENDERS, ...OF_BODIES, ...OF_REPEATED_REQUESTS, ...OF_EVERYTHING],
  },
  validateRecords: {
    method: 'POST',
    path: '/v1/sources/{source}/validate',
    summary: 'the same checks and answer, stores nothing',
    sourceType: 'push',
    caller: 'sender',
    rate: 'dry-run',
    query: { verbose },
    contentTypes: CONTENT_TYPES,
    takesBinaryCloudEvents: true,
    takesIdempotencyKey: false,
    isForBrowsers: true,
    problems: [...OF_SENDERS, ...OF_BODIES, ...OF_EVERYTHING],
  },
  getSchema: {
    method: 'GET',
    path: '/v1/sources/{source}/schema',
    summary: "the contract's JSON Schema and its version",
    sourceType: 'push',
    caller: 'sender',
    rate: 'look-up',
    query: {},
    contentTypes: {},
    takesBinaryCloudEvents: false,
    takesIdempotencyKey: false,
    isForBrowsers: true,
    problems: [...OF_SENDERS, ...OF_EVERYTHING],
  },
  postDelivery: {
    method: 'POST',
    path: '/v1/webhooks/{source}',
    summary: 'takes the delivery of a webhook',
    description:
      'Verifies the signature of the delivery and stores its body as a record. The id of the delivery takes the place of ' +
      'an Idempotency-Key.',
    sourceType: 'webhook',
    caller: 'signer',
    rate: 'records',
    query: {},
    contentTypes: DELIVERY_TYPES,
    takesBinaryCloudEvents: false,
    takesIdempotencyKey: false,
    isForBrowsers: false,
    problems: [
      'unauthorized',
      'unknown-source',
      'quota-exceeded',
      ...OF_BODIES.filter((name) => name !== 'bad-parameter' && name !== 'bad-cloud-event'),
      'request-in-progress',
      ...OF_EVERYTHING,
    ],
  },
  getHealth: {
    method: 'GET',
    path: '/v1/health',
    summary: 'whether the API answers; the only one that asks for nothing',
    caller: 'anyone',
    rate: 'look-up',
    query: {},
    contentTypes: {},
    takesBinaryCloudEvents: false,
    takesIdempotencyKey: false,
    isForBrowsers: false,
    problems: ['internal-error'],
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationId = keyof typeof PUSH_API;

/** The same as a list, in the order of the documentation. */
export const OPERATIONS = Object.entries(PUSH_API) as readonly (readonly [OperationId, Operation])[];

/** How API Gateway names the route of an operation: for all sources, or for one that has a route of its own. */
export function routeKeyOf(id: OperationId, source = '{source}'): string {
  const { method, path } = PUSH_API[id];
  return `${method} ${path.replace('{source}', source)}`;
}

/** What the routes of an operation look like: with `{source}`, or with the name of one source in its place. */
const ROUTE_PATTERNS = OPERATIONS.map(([id]) => {
  const [before = '', after] = routeKeyOf(id).split('{source}');
  return { id, before, after };
});

/** An operation, and the name of the source that its path has. */
export interface Route {
  readonly id: OperationId;
  readonly operation: Operation;
  /** Empty where the path has none. It is what the caller wrote: no such source may exist. */
  readonly sourceName: string;
}

/**
 * The operation that API Gateway has chosen for a request.
 *
 * @param routeKey such as `POST /v1/sources/{source}/records`, or with the name of one source that has its own routes
 * @returns undefined for a route that is not of this API
 */
export function routeOf(
  routeKey: string,
  pathParameters: Readonly<Record<string, string | undefined>> = {},
): Route | undefined {
  for (const { id, before, after } of ROUTE_PATTERNS) {
    if (after === undefined) {
      if (routeKey === before) return { id, operation: PUSH_API[id], sourceName: '' };
      continue;
    }
    if (!routeKey.startsWith(before) || !routeKey.endsWith(after)) continue;
    const between = routeKey.slice(before.length, routeKey.length - after.length);
    if (between === '' || between.includes('/')) continue;
    const sourceName = between === '{source}' ? (pathParameters['source'] ?? '') : between;
    return { id, operation: PUSH_API[id], sourceName };
  }
  return undefined;
}
