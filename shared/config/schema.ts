import * as z from 'zod';
import { pulledProblems } from './check-pulled.ts';
import { UNKNOWN_SOURCE } from '../domain/quarantine.ts';
import { mysqlSource, postgresSource } from './database-source.ts';
import { budget, common, httpsUrl, path, requestRecords, secretParameter, shardCount } from './fields.ts';
import { filesSource } from './files-source.ts';
import { httpSource } from './http-source.ts';
import { duration, size } from './units.ts';

/** Names of sources: they become paths, partition keys and parts of resource names. */
export const SOURCE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

const limits = z
  .strictObject({
    maxBodyBytes: size('1 KiB', '6 MB').default('6 MB').describe('Largest request body, as received.'),
    maxDecompressedBytes: size('1 KiB', '100 MB')
      .default('50 MB')
      .describe('Largest request body after decompression; more is cut off and refused.'),
    maxRecordBytes: size('1 KiB', '1 MiB').default('256 KiB').describe('Largest single record.'),
    maxRecordsPerRequest: z.int().min(1).max(10_000).default(10_000).describe('Most records in one request.'),
    requestsPerSecond: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Requests per second of this source, over all its senders; more is answered 429.'),
    bytesPerSecond: size('1 KiB', '1 GB')
      .optional()
      .describe('Bytes of bodies per second, as received, over all senders of this source.'),
    perKey: z
      .strictObject({
        requestsPerSecond: z.int().min(1).max(10_000).optional(),
        bytesPerSecond: size('1 KiB', '1 GB').optional(),
      })
      .prefault({})
      .describe(
        'The same for each sender alone: a write key, the subject of a token, or an IAM principal. Absent: no limit.',
      ),
  })
  .describe('Limits of the push API; each is named in the error of a request that breaks it.');

const auth = z
  .discriminatedUnion('type', [
    z
      .strictObject({ type: z.literal('key') })
      .describe(
        'Write keys: `headgate keys create` makes them. Sent as Bearer token, or as user name of Basic.',
      ),
    z
      .strictObject({
        type: z.literal('jwt'),
        issuer: httpsUrl.describe('The `iss` that a token must have.'),
        audience: z.string().min(1).describe('The `aud` that a token must have.'),
        algorithms: z
          .array(
            z.enum([
              'RS256',
              'RS384',
              'RS512',
              'PS256',
              'PS384',
              'PS512',
              'ES256',
              'ES384',
              'ES512',
              'EdDSA',
            ]),
          )
          .min(1)
          .default(['RS256'])
          .describe("Signature algorithms that are accepted, whatever the token's header says."),
        jwksUrl: httpsUrl
          .optional()
          .describe(
            'Where the public keys are. Default: what the issuer says under /.well-known/openid-configuration.',
          ),
        claims: z
          .record(z.string(), z.string())
          .default({})
          .describe(
            'Claims that a token must have with exactly this text, for example { "scope": "ingest" }.',
          ),
      })
      .describe('Bearer tokens (JWT) of an OpenID Connect or OAuth 2 issuer.'),
    z
      .strictObject({ type: z.literal('iam') })
      .describe(
        'Requests signed with SigV4; API Gateway checks them, IAM policies on `execute-api:Invoke` say who may.',
      ),
  ])
  .describe('How senders prove who they are.');

const origin = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    return url?.origin === text && (url.protocol === 'https:' || url.protocol === 'http:');
  },
  { error: 'must be an origin without a path, such as "https://app.example.com"' },
);

const cors = z
  .strictObject({
    origins: z
      .union([z.literal('*'), z.array(origin).min(1).max(100)], {
        error: 'must be "*", or a list of origins such as ["https://app.example.com"]',
      })
      .describe('Pages that may push: their origins, or "*" for all.'),
    maxAge: duration('0 seconds', '1 day')
      .default('1 hour')
      .describe('How long a browser remembers the answer to its preflight request.'),
  })
  .describe('Lets pages in browsers push. Their users can read the write key: limit it.');

/** What all sources have that are received over HTTP. */
const received = {
  pattern: z
    .enum(['stream', 'micro-batch'])
    .optional()
    .describe(
      '`stream`: through Kinesis, in the lake within seconds. `micro-batch`: collected in S3 and converted on a ' +
        'schedule, without a shard to pay for. Default: what `headgate plan` finds cheapest for the freshness; ' +
        'below 2 minutes always the stream.',
    ),
  orderBy: z
    .array(path)
    .min(1)
    .max(8)
    .optional()
    .describe('Records that are equal in these fields keep their order, from the requests to the lake.'),
  overflow: z
    .enum(['refuse', 'spill'])
    .default('refuse')
    .describe(
      'When the stream takes no more: `refuse` answers 503, `spill` keeps the records in S3 and lands them later.',
    ),
  priority: z
    .enum(['low', 'normal', 'high'])
    .default('normal')
    .describe(
      'What is refused (or spilled) first when the consumer is behind by more than `ingest.maxLag`: low priority at ' +
        'once, normal at twice the lag, high never.',
    ),
  limits: limits.prefault({}),
};

const NO_ORDER_IN_SPILL = {
  path: ['overflow'],
  error:
    'cannot be "spill" together with orderBy: what is spilled lands later than what follows it; use "refuse"',
};
const hasOrderInSpill = ({ orderBy, overflow }: { orderBy?: unknown; overflow: string }): boolean =>
  orderBy !== undefined && overflow === 'spill';

const NO_ORDER_IN_BATCH = {
  path: ['pattern'],
  error:
    'cannot be "micro-batch" together with orderBy: order is kept by the stream; use "stream" or remove one of them',
};
const hasOrderInBatch = ({ orderBy, pattern }: { orderBy?: unknown; pattern?: string }): boolean =>
  orderBy !== undefined && pattern === 'micro-batch';

const push = z
  .strictObject({
    type: z.literal('push'),
    ...common,
    ...received,
    recordsPerRequest: requestRecords
      .optional()
      .describe(
        'How many records senders put into one request, on average; it decides most of the costs. Without it the plan ' +
          'reckons with what the client library collects in a second, 1,000 at most.',
      ),
    auth: auth.prefault({ type: 'key' }),
    idempotencyKey: z
      .enum(['optional', 'required'])
      .default('optional')
      .describe('Whether a request must have an Idempotency-Key header.'),
    cors: cors.optional(),
  })
  .refine((source) => !hasOrderInSpill(source), NO_ORDER_IN_SPILL)
  .refine((source) => !hasOrderInBatch(source), NO_ORDER_IN_BATCH)
  .describe('Records are pushed to the HTTP API by applications.');

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'must be the name of a header, such as "X-Signature"' })
  .toLowerCase();

const secrets = z
  .array(secretParameter)
  .min(1)
  .max(3)
  .refine((all) => new Set(all.map(({ parameter }) => parameter)).size === all.length, {
    error: 'must be different parameters',
  })
  .describe(
    'SSM parameters (SecureString) that hold the signing secrets; several while one is being replaced.',
  );

const tolerance = duration('10 seconds', '1 hour')
  .default('5 minutes')
  .describe('How far the signed time may be from ours.');

const signature = z
  .discriminatedUnion('preset', [
    z.strictObject({ preset: z.literal('standard-webhooks'), secrets, tolerance }),
    z.strictObject({ preset: z.literal('github'), secrets }),
    z.strictObject({ preset: z.literal('stripe'), secrets, tolerance }),
    z.strictObject({ preset: z.literal('shopify'), secrets }),
    z.strictObject({ preset: z.literal('slack'), secrets, tolerance }),
    z
      .strictObject({
        preset: z.literal('hmac'),
        secrets,
        tolerance,
        header: headerName.describe('Header that holds the signature.'),
        algorithm: z.enum(['sha256', 'sha512', 'sha1']).default('sha256'),
        encoding: z
          .enum(['hex', 'base64', 'base64url'])
          .default('hex')
          .describe('How the signature is written.'),
        secretEncoding: z
          .enum(['text', 'hex', 'base64'])
          .default('text')
          .describe('How the secret is written: as the `text` that is the key itself, or encoded.'),
        prefix: z
          .string()
          .regex(/^[!-+\--~]{0,32}$/, {
            error: 'must be at most 32 visible ASCII characters without commas, such as "sha256="',
          })
          .default('')
          .describe('What stands before the signature in its header, such as "sha256=".'),
        signed: z
          .string()
          .max(200)
          .regex(/\{body\}/, { error: 'must contain {body}, such as "{timestamp}.{body}"' })
          .refine((text) => !/\{(?!(?:body|timestamp|id)\})\w+\}/.test(text), {
            error: 'may contain {body}, {timestamp} and {id}; other names in braces are not known',
          })
          .default('{body}')
          .describe(
            'What is signed: {body}, {timestamp} and {id} stand for the body and the headers named below.',
          ),
        timestampHeader: headerName
          .optional()
          .describe(
            'Header with the time of sending. Without it, replays are found by the id of the delivery only.',
          ),
        timestampFormat: z
          .enum(['epoch-seconds', 'epoch-milliseconds', 'iso-8601'])
          .default('epoch-seconds')
          .describe('How that header writes the time.'),
        idHeader: headerName
          .optional()
          .describe('Header with the id of the delivery, the same whenever it is repeated.'),
        idField: path
          .optional()
          .describe('Field of the body with the id of the delivery, where it has no header for it.'),
      })
      .refine(
        ({ signed, timestampHeader }) => !signed.includes('{timestamp}') || timestampHeader !== undefined,
        {
          path: ['timestampHeader'],
          error: 'is required: {timestamp} is part of what is signed',
        },
      )
      .refine(
        ({ signed, timestampHeader }) => timestampHeader === undefined || signed.includes('{timestamp}'),
        {
          path: ['signed'],
          error:
            'must contain {timestamp}: a time that is not signed proves nothing; or remove timestampHeader',
        },
      )
      .refine(({ signed, idHeader }) => !signed.includes('{id}') || idHeader !== undefined, {
        path: ['idHeader'],
        error: 'is required: {id} is part of what is signed',
      })
      .refine(({ idHeader, idField }) => idHeader === undefined || idField === undefined, {
        path: ['idField'],
        error:
          'cannot be set together with idHeader; keep the one that is the same whenever a delivery is repeated',
      })
      .describe('Any HMAC over the body.'),
  ])
  .describe('How the sender signs its deliveries.');

const webhook = z
  .strictObject({
    type: z.literal('webhook'),
    ...common,
    ...received,
    signature,
    key: z
      .array(path)
      .max(8)
      .default([])
      .describe(
        'The fields that identify a record. Without any, the payload as a whole does; repeated deliveries are found ' +
          'by the id of the delivery.',
      ),
    dedupe: z
      .enum(['record', 'request', 'none'])
      .default('request')
      .describe(
        'What is deduplicated: each `record` by its key, repeated deliveries (`request`) by their id, or `none`.',
      ),
  })
  .refine((source) => !hasOrderInSpill(source), NO_ORDER_IN_SPILL)
  .refine((source) => !hasOrderInBatch(source), NO_ORDER_IN_BATCH)
  .describe('A service of somebody else delivers events, signed, one in each request.');

const stream = z
  .strictObject({
    type: z.literal('stream'),
    ...common,
    shards: shardCount
      .optional()
      .describe(
        "Shards of the source's own Kinesis stream. Default: as many as its volume fills to 60 %; see `headgate plan`.",
      ),
  })
  .describe("Producers put plain JSON records (or frames) on a Kinesis stream of the source's own.");

/** What entries of the claims table that are no claims begin with where those of a source begin with its name. */
const TAKEN_BY_TABLES: ReadonlySet<string> = new Set(['budget', 'quota', 'request']);

/** What Headgate's own alarms begin with where those of a stream begin with the name of its source. */
const TAKEN_BY_ALARMS: ReadonlySet<string> = new Set([
  'ingest',
  'pull-run',
  'pull-schedule',
  'pull-work',
  'extract-run',
  'extract-schedule',
  'extract-work',
  'land-run',
  'land-schedule',
  'watch-run',
  'watch-schedule',
]);

const sources = z
  .record(
    z
      .string()
      .regex(SOURCE_NAME, {
        error: 'a source name must match ^[a-z][a-z0-9_-]{0,62}$ (lower case, starts with a letter)',
      })
      .refine((name) => !TAKEN_BY_TABLES.has(name), {
        error: 'the names "budget", "quota" and "request" are used by Headgate itself; choose another one',
      })
      .refine((name) => name !== UNKNOWN_SOURCE, {
        error: `the name "${UNKNOWN_SOURCE}" stands for records that belong to no source; choose another one`,
      }),
    z.discriminatedUnion('type', [
      push,
      webhook,
      stream,
      httpSource,
      postgresSource,
      mysqlSource,
      filesSource,
    ]),
  )
  .refine((all) => Object.keys(all).length > 0, { error: 'declare at least one source' })
  .superRefine((all, context) => {
    for (const [name, { type }] of Object.entries(all)) {
      if (type !== 'stream' || !TAKEN_BY_ALARMS.has(name)) continue;
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `alarms of Headgate's own are called "${name}-…"; choose another name for this stream`,
      });
    }
  })
  .superRefine((all, context) => {
    for (const { path: at, message } of pulledProblems(all))
      context.addIssue({ code: 'custom', path: [...at], message });
  });

/** The schema of headgate.config.ts. */
export const configSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,19}$/, { error: 'must match ^[a-z][a-z0-9-]{0,19}$' })
      .default('headgate')
      .describe('Prefix of every resource; two deployments in one account need two names.'),
    notify: z
      .strictObject({
        email: z.email().optional().describe('Gets alarms and warnings.'),
        eventBus: z
          .string()
          .regex(/^arn:[\w-]+:events:[\w-]+:\d{12}:event-bus\/[\w./-]+$/, {
            error:
              'must be the ARN of an event bus, such as "arn:aws:events:eu-west-1:123456789012:event-bus/alarms"',
          })
          .optional()
          .describe('Bus of EventBridge to which changes of alarms are forwarded.'),
      })
      .prefault({})
      .describe('Who is told when an alarm fires. Other targets subscribe to the two SNS topics.'),
    ingest: z
      .strictObject({
        shards: shardCount
          .optional()
          .describe(
            'Shards of the stream that all pushed sources share. Default: as many as their volumes fill to 60 %; see ' +
              '`headgate plan`.',
          ),
        retention: duration('1 day', '365 days')
          .default('7 days')
          .describe('How long the stream keeps records.'),
        maxLag: duration('10 seconds', '1 day')
          .default('15 minutes')
          .describe(
            'How far the consumer may be behind before sources of low priority are refused; see `priority`.',
          ),
      })
      .prefault({})
      .describe('The stream behind the push API.'),
    logs: z
      .strictObject({
        share: z
          .number()
          .min(0)
          .max(1)
          .default(0.01)
          .describe(
            'Share of the requests of the push API that are stored, and of the commits of streams, that get a line of ' +
              'the log. Requests with a sampled `traceparent`, warnings and errors always do.',
          ),
      })
      .prefault({})
      .describe('What the functions write down; see docs/operations.md.'),
    prices: z
      .string()
      .min(1)
      .optional()
      .describe(
        'JSON file, from where the configuration is, with prices of another region or contract in place of the list prices of us-east-1: for `headgate plan` and `headgate cost`, see docs/cost.md. What is deployed does not depend on it.',
      ),
    budget: budget
      .optional()
      .describe(
        'What all sources may cost together. The plan says when they cost more, and what would help.',
      ),
    retention: z
      .strictObject({
        infrequentAccessAfterDays: z.int().min(30).max(3650).default(30),
        glacierAfterDays: z.int().min(60).max(3650).default(90),
        deepArchiveAfterDays: z.int().min(150).max(36500).default(365),
      })
      .refine(
        (days) =>
          days.glacierAfterDays >= days.infrequentAccessAfterDays + 30 &&
          days.deepArchiveAfterDays >= days.glacierAfterDays + 90,
        {
          error: 'each tier must come after the one before: +30 days to Glacier IR, +90 days to Deep Archive',
        },
      )
      .prefault({})
      .describe('When data in the lake moves to cheaper storage.'),
    protect: z
      .boolean()
      .default(true)
      .describe(
        'Keep the lake and the tables when the stack is deleted. `false` also needs `-c destroy=true`.',
      ),
    sources,
  })
  .describe('Headgate configuration');

/** What a user writes in headgate.config.ts. */
export type HeadgateConfigInput = z.input<typeof configSchema>;
/** The configuration with every default filled in; plain JSON data. */
export type HeadgateConfig = z.output<typeof configSchema>;
/** One source, of any type. */
export type SourceConfig = HeadgateConfig['sources'][string];
/** A source that is pushed to the HTTP API. */
export type PushSourceConfig = Extract<SourceConfig, { type: 'push' }>;
/** A source that somebody else's service delivers to. */
export type WebhookSourceConfig = Extract<SourceConfig, { type: 'webhook' }>;
/** How a service signs its deliveries. */
export type SignatureConfig = WebhookSourceConfig['signature'];
/** A source whose records arrive over HTTP. */
export type ReceivedSourceConfig = PushSourceConfig | WebhookSourceConfig;
/** A source with a Kinesis stream of its own. */
export type StreamSourceConfig = Extract<SourceConfig, { type: 'stream' }>;
/** A source that is read from an HTTP API. */
export type HttpSourceConfig = Extract<SourceConfig, { type: 'http' }>;
/** A source that is read page by page, see docs/pull-sources.md. */
export type PagedSourceConfig = Extract<SourceConfig, { pagesPerCommit: number }>;
/** A source that is a table of a database. */
export type DatabaseSourceConfig = Extract<SourceConfig, { type: 'postgres' | 'mysql' }>;
/** A source whose records are in the objects of a bucket. */
export type FilesSourceConfig = Extract<SourceConfig, { type: 'files' }>;
/** A source that Headgate reads on a schedule. */
export type PulledSourceConfig = HttpSourceConfig | DatabaseSourceConfig | FilesSourceConfig;
