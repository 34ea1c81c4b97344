import * as z from 'zod';
import { CONTENT_ENCODINGS, type OperationId } from './push-api.ts';

/*
 * What the push API answers when it does what it was asked for. The functions need only the types of these schemas; the
 * documents and the tests need the schemas.
 */

const count = (description: string) => z.int().min(0).describe(description);

const recordResult = z
  .strictObject({
    index: z.int().min(0).describe('Position in the request, from 0; in lines, blank ones are not counted.'),
    id: z.string().optional().describe('The parts of its key, for people.'),
    status: z.enum(['accepted', 'duplicate', 'quarantined', 'rejected']),
    error: z
      .strictObject({
        field: z.string().optional().describe('Path of the field, empty for the record itself.'),
        rule: z.string().describe('Name of the rule that it breaks; stable.'),
        message: z.string().optional().describe('What is wrong, and what is allowed.'),
      })
      .optional()
      .describe('The first violation, without field and message where an answer has very many.'),
  })
  .meta({ id: 'RecordResult' });

/** The answer to a request with records. The four counts add up to the number of records. */
const recordsAnswer = z
  .strictObject({
    accepted: count('Meet their contract and are durable.'),
    duplicates: count('Are the same as an earlier record of this request.'),
    quarantined: count('Violate their contract and are kept in quarantine.'),
    rejected: count('Were refused; nothing of them is kept.'),
    delayed: z
      .literal(true)
      .optional()
      .describe('The stream took no more: the records are durable elsewhere and land later than usual.'),
    results: z.array(recordResult).describe('What is not plainly accepted, or everything with ?verbose.'),
  })
  .meta({ id: 'RecordsAnswer' });

const schemaAnswer = z
  .strictObject({
    source: z.string(),
    version: z
      .string()
      .regex(/^[0-9a-f]{12}$/)
      .describe('Changes when the contract changes; the same as the ETag.'),
    schema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of one record.'),
  })
  .meta({ id: 'SchemaAnswer' });

const health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

/** A member of the `results` of an answer. */
export type RecordResult = Readonly<z.output<typeof recordResult>>;
/** The answer to a request with records. The four counts add up to the number of records. */
export type PushAnswer = Readonly<Omit<z.output<typeof recordsAnswer>, 'results'>> & {
  readonly results: readonly RecordResult[];
};

/** A problem document (RFC 9457). */
const problemDocument = z
  .looseObject({
    type: z.string().describe('Which problem it is; stable.'),
    title: z.string(),
    status: z.int().min(400).max(599).describe('The same as the status of the response.'),
    detail: z.string().describe('What is wrong with this request, what is allowed and what to do next.'),
    requestId: z.string().optional().describe('For the operator, where the failure is ours.'),
    parameter: z.string().optional().describe('The query parameter that is not valid.'),
    maxBytes: z.int().optional().describe('The limit that the body breaks.'),
    maxRecords: z.int().optional().describe('The limit that the number of records breaks.'),
    'violated-policies': z
      .array(z.string())
      .optional()
      .describe('The limits of RateLimit-Policy that the request is above.'),
    ...recordsAnswer.partial().shape,
  })
  .meta({ id: 'Problem' });

/** The answer of API Gateway itself, where a request does not get as far as the function. */
const gatewayMessage = z.looseObject({ message: z.string() }).meta({ id: 'GatewayMessage' });

/** A header of an answer. */
export interface AnswerHeader {
  readonly description: string;
  readonly schema: z.ZodType;
  /** Whether every such answer has it. */
  readonly isAlwaysThere: boolean;
}

const httpHeader = (schema: z.ZodType, description: string, isAlwaysThere = false): AnswerHeader => ({
  schema,
  description,
  isAlwaysThere,
});

const idempotentReplayed = httpHeader(
  z.literal('true'),
  'The answer is the one that the first request with this Idempotency-Key got.',
);
const etag = httpHeader(z.string().regex(/^"[0-9a-f]{12}"$/), 'Version of the contract.', true);

/** An answer of status 2xx. */
export interface SuccessAnswer {
  readonly description: string;
  /** Its body as JSON; none, if it has no body. */
  readonly body?: z.ZodType;
  readonly headers: Readonly<Record<string, AnswerHeader>>;
}

/** The answers of each operation to requests that it serves, by status. */
export const SUCCESS_ANSWERS: Readonly<Record<OperationId, Readonly<Record<number, SuccessAnswer>>>> = {
  postRecords: {
    202: {
      description: 'Everything in `accepted`, `duplicates` and `quarantined` is durable.',
      body: recordsAnswer,
      headers: { 'Idempotent-Replayed': idempotentReplayed },
    },
    200: {
      description: 'The same, and the records are in the lake: the answer to `?wait`.',
      body: recordsAnswer,
      headers: {},
    },
  },
  validateRecords: {
    200: {
      description: 'What would become of the records; nothing was stored.',
      body: recordsAnswer,
      headers: {},
    },
  },
  getSchema: {
    200: { description: 'The contract of the source.', body: schemaAnswer, headers: { ETag: etag } },
  },
  postDelivery: {
    202: {
      description: 'The delivery is durable.',
      body: recordsAnswer,
      headers: { 'Idempotent-Replayed': idempotentReplayed },
    },
    200: {
      description: 'The answer to a handshake, as the preset asks for it; nothing was stored.',
      body: z.looseObject({}),
      headers: {},
    },
  },
  getHealth: { 200: { description: 'The API answers.', body: health, headers: {} } },
};

/** The answer to the preflight request of a page that may use the source. */
export const PREFLIGHT_ANSWER: SuccessAnswer = {
  description: 'Pages of this origin may send the request.',
  headers: {
    'Access-Control-Allow-Origin': httpHeader(z.string(), 'The origin, or `*`.', true),
    'Access-Control-Allow-Methods': httpHeader(z.string(), 'The method that was asked for.', true),
    'Access-Control-Allow-Headers': httpHeader(z.string(), 'Headers that the request may have.', true),
    'Access-Control-Max-Age': httpHeader(
      z.string().regex(/^\d+$/),
      'Seconds for which the browser may remember the answer.',
      true,
    ),
  },
};

/** What else the documents describe of the API's answers: the bodies of failures. */
export const FAILURE_BODIES = { problemDocument, gatewayMessage } as const;

const policies = z.string().regex(/^"[^"]+"(;[a-z]+=("[^"]*"|\d+))+(, "[^"]+"(;[a-z]+=("[^"]*"|\d+))+)*$/);

/** Headers of the answers to requests that are counted against limits (draft-ietf-httpapi-ratelimit-headers). */
export const RATE_LIMIT_HEADERS: Readonly<Record<string, AnswerHeader>> = {
  'RateLimit-Policy': httpHeader(policies, 'The limits of the source and of the sender: quota and window.'),
  RateLimit: httpHeader(policies, 'What is left of each limit, and when it is whole again.'),
};

/** Headers of all answers but those of API Gateway itself. */
export const ANSWER_HEADERS: Readonly<Record<string, AnswerHeader>> = {
  'X-Request-Id': httpHeader(
    z.string(),
    'What the request is known by in the logs; an operator finds by it what became of its records.',
  ),
};

/** Headers that come with problems, by status. */
export const PROBLEM_HEADERS: Readonly<Record<number, Readonly<Record<string, AnswerHeader>>>> = {
  401: {
    'WWW-Authenticate': httpHeader(z.string(), 'How to authenticate to this source.', true),
  },
  409: {
    'Retry-After': httpHeader(z.string().regex(/^\d+$/), 'Seconds to wait before the next attempt.', true),
  },
  415: {
    Accept: httpHeader(z.string(), 'Content types that are accepted.'),
    'Accept-Encoding': httpHeader(
      z.string(),
      `Content encodings that are accepted (${CONTENT_ENCODINGS.join(', ')}).`,
    ),
  },
  429: {
    'Retry-After': httpHeader(
      z.string().regex(/^\d+$/),
      'Seconds to wait before the next attempt; absent where API Gateway limits, not the source.',
    ),
  },
  503: {
    'Retry-After': httpHeader(
      z.string().regex(/^\d+$/),
      'Seconds to wait before the next attempt; absent where API Gateway answers.',
    ),
  },
};
