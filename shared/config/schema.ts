import * as z from 'zod';
import { UNKNOWN_SOURCE } from '../domain/quarantine.ts';
import { duration, size } from './units.ts';

/** Names of sources: they become paths, partition keys and parts of resource names. */
export const SOURCE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

const path = z
  .string()
  .regex(/^[^.]+(\.[^.]+)*$/, { error: 'must be a path of field names joined by dots, such as "user.id"' })
  .describe('A field of the record, nested fields joined by dots.');

const contract = z
  .strictObject({
    schema: z
      .record(z.string(), z.json())
      .describe('JSON Schema 2020-12 of one record. Its properties become the typed columns of the lake.'),
    dataTypes: z
      .enum(['quarantine', 'freeze'])
      .default('quarantine')
      .describe(
        'A record that violates the schema: `quarantine` keeps it in the quarantine zone with its reason, ' +
          '`freeze` refuses it.',
      ),
    columns: z
      .enum(['evolve', 'freeze', 'quarantine'])
      .default('evolve')
      .describe(
        'A field that the schema does not name: `evolve` keeps it in the `_extra` column, `freeze` refuses the ' +
          'record, `quarantine` sends it to quarantine.',
      ),
  })
  .describe('What a record must look like.');

const eventTime = z
  .strictObject({
    path,
    format: z
      .enum(['iso-8601', 'epoch-milliseconds', 'epoch-seconds'])
      .default('iso-8601')
      .describe('How the field writes the time. A date without a time means midnight UTC.'),
  })
  .describe('When the event happened; it decides the partition. Without it the time of receipt is used.');

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

/** The five questions of the decision framework, and what every source has. */
const common = {
  description: z.string().max(500).optional().describe('One sentence for people.'),
  freshness: duration('1 second', '30 days').describe(
    'Question 1: how old may data in the lake be? For example "30 seconds".',
  ),
  volume: z
    .union(
      [
        z.strictObject({
          recordsPerSecond: z.number().positive().describe('Average over a busy hour.'),
          recordBytes: z.int().positive().describe('Average size of a record as JSON.'),
        }),
        z.strictObject({ gbPerDay: z.number().positive().describe('1 GB = 1e9 bytes of raw JSON.') }),
      ],
      { error: 'must be { recordsPerSecond, recordBytes } or { gbPerDay }' },
    )
    .describe('Question 2: how much data?'),
  // Question 3, the source type, is the `type` of each variant below.
  changes: z
    .enum(['append', 'upserts', 'upserts-and-deletes'])
    .default('append')
    .describe(
      'Question 4: how does the data change? Events are appended; tables also change and delete rows.',
    ),
  budget: z
    .strictObject({
      usdPerGb: z.number().positive().describe('Most that one GB of raw JSON may cost, in US dollars.'),
    })
    .optional()
    .describe('Question 5: what may it cost?'),
  contract,
  key: z
    .array(path)
    .min(1)
    .max(8)
    .describe(
      'The fields that identify a record: the idempotency key. Include the event time where there is one, so that ' +
        'deduplication can be partitioned by it.',
    ),
  eventTime: eventTime.optional(),
  partition: z
    .enum(['hour', 'day'])
    .default('hour')
    .describe('How the lake is partitioned by event time (UTC): dt=YYYY-MM-DD/hour=HH, or dt=YYYY-MM-DD.'),
  dedupe: z
    .enum(['record', 'request', 'none'])
    .default('record')
    .describe(
      'What is deduplicated: each `record` by its key, only repeated `request`s as a whole (cheaper), or `none`.',
    ),
  dedupeWindow: duration('1 hour', '90 days')
    .default('7 days')
    .describe('How long after its arrival a record is remembered for deduplication.'),
  alarms: z
    .strictObject({
      stoppedAfter: duration('1 minute', '7 days')
        .optional()
        .describe('Alarm when nothing was received for this long. Without it the source has no such alarm.'),
      maxLatency: duration('1 second', '7 days')
        .optional()
        .describe(
          'Alarm when the p99 from receipt to lake is above this. Default: twice the freshness, 1 minute at least.',
        ),
      maxErrorRate: z
        .number()
        .gt(0)
        .lte(1)
        .default(0.05)
        .describe('Alarm above this share of failed records.'),
    })
    .prefault({})
    .describe('Thresholds of the alarms of this source.'),
};

const httpsUrl = z.string().refine((text) => URL.parse(text)?.protocol === 'https:', {
  error: 'must be an absolute https URL, such as "https://login.example.com/"',
});

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
        'schedule, without a shard to pay for. Default: micro-batch where the freshness is 2 minutes or more.',
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

const secretParameter = z.strictObject({
  parameter: z.string().regex(/^\/[\w./-]+$/, {
    error: 'must be the name of an SSM parameter, such as "/headgate/github/secret"',
  }),
});

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
    shards: z.int().min(1).max(500).default(1).describe("Shards of the source's own Kinesis stream."),
  })
  .describe("Producers put plain JSON records (or frames) on a Kinesis stream of the source's own.");

const deploymentValue = z.union(
  [
    z.string(),
    z
      .strictObject({
        parameter: z.string().regex(/^\/[\w./-]+$/, {
          error: 'must be the name of an SSM parameter, such as "/headgate/orders/url"',
        }),
      })
      .describe('An SSM parameter (a SecureString for secrets) that is read at run time.'),
  ],
  { error: 'must be text, or { parameter: "/name/of/an/ssm/parameter" }' },
);

const paginator = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('page'),
      parameter: z.string().min(1).default('page').describe('Query parameter of the page number.'),
      firstPage: z.int().min(0).default(1),
      sizeParameter: z.string().min(1).optional().describe('Query parameter of the page size.'),
      size: z.int().min(1).max(100_000).optional(),
    }),
    z.strictObject({
      type: z.literal('offset'),
      parameter: z.string().min(1).default('offset'),
      sizeParameter: z.string().min(1).default('limit'),
      size: z.int().min(1).max(100_000),
    }),
    z.strictObject({
      type: z.literal('cursor'),
      parameter: z.string().min(1).describe('Query parameter that takes the cursor.'),
      path: path.describe('Where the response holds the cursor of the next page; the last page has none.'),
    }),
    z.strictObject({ type: z.literal('link-header') }).describe('RFC 8288 Link header with rel="next".'),
    z.strictObject({ type: z.literal('none') }),
  ])
  .describe('How the API divides its answer into pages.');

function isAllowedUrl(text: string, allowPrivateNetwork: boolean): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'https:' || (protocol === 'http:' && allowPrivateNetwork);
}

const http = z
  .strictObject({
    type: z.literal('http'),
    ...common,
    url: deploymentValue.describe('The endpoint: https, or an SSM parameter that holds it.'),
    headers: z
      .record(z.string(), deploymentValue)
      .default({})
      .describe('Request headers, for example authorization.'),
    query: z.record(z.string(), z.string()).default({}).describe('Query parameters of every request.'),
    recordsPath: path
      .optional()
      .describe('Where the response holds the array of records; the whole body if absent.'),
    paginator: paginator.default({ type: 'none' }),
    incremental: z
      .strictObject({
        cursor: path.describe('The field that grows: a time stamp or a version.'),
        parameter: z
          .string()
          .min(1)
          .describe("Query parameter that takes the cursor's value: records from there on."),
        initialValue: z.string().describe('Where the first run starts.'),
        lookback: duration('0 seconds', '30 days')
          .default('0 seconds')
          .describe(
            'Read again this far behind the cursor, for records that appear late; they are deduplicated.',
          ),
        order: z
          .enum(['ascending', 'unknown'])
          .default('unknown')
          .describe(
            '`ascending`: the API lists records in ascending order of the cursor (add its sort parameter to `query`), ' +
              'so the cursor moves with every page. `unknown`: it moves at the end of a listing, and a listing of ' +
              'several pages is read two or three times, to notice records that moved from page to page meanwhile.',
          ),
      })
      .optional()
      .describe('Read only what is new. Without it every run reads everything.'),
    allowPrivateNetwork: z
      .boolean()
      .default(false)
      .describe('Allow plain http and private addresses. Only for endpoints in your own network.'),
    requestTimeout: duration('1 second', '5 minutes').default('30 seconds'),
    pagesPerCommit: z.int().min(1).max(1000).default(20).describe('Pages that land together in one commit.'),
  })
  .refine(
    ({ url, allowPrivateNetwork }) => typeof url !== 'string' || isAllowedUrl(url, allowPrivateNetwork),
    {
      path: ['url'],
      error:
        'must be an absolute https URL, such as "https://api.example.com/orders"; ' +
        'plain http needs allowPrivateNetwork: true, for endpoints in your own network',
    },
  )
  .refine((source) => source.incremental === undefined || source.dedupe === 'record', {
    path: ['dedupe'],
    error:
      'must be "record" where the source is read incrementally: every run reads the records at its cursor again; ' +
      'remove "dedupe", or remove "incremental" to read everything in every run',
  })
  .describe('An HTTP API is read on a schedule, as often as the freshness asks.');

/** What entries of the claims table that are no claims begin with where those of a source begin with its name. */
const TAKEN_BY_TABLES: ReadonlySet<string> = new Set(['quota', 'request']);

/** What Headgate's own alarms begin with where those of a stream begin with the name of its source. */
const TAKEN_BY_ALARMS: ReadonlySet<string> = new Set(['ingest', 'pull-run', 'pull-schedule']);

const sources = z
  .record(
    z
      .string()
      .regex(SOURCE_NAME, {
        error: 'a source name must match ^[a-z][a-z0-9_-]{0,62}$ (lower case, starts with a letter)',
      })
      .refine((name) => !TAKEN_BY_TABLES.has(name), {
        error: 'the names "quota" and "request" are used by Headgate itself; choose another one',
      })
      .refine((name) => name !== UNKNOWN_SOURCE, {
        error: `the name "${UNKNOWN_SOURCE}" stands for records that belong to no source; choose another one`,
      }),
    z.discriminatedUnion('type', [push, webhook, stream, http]),
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
      .strictObject({ email: z.email().optional() })
      .prefault({})
      .describe('Who is told when an alarm fires. Other targets subscribe to the SNS topic.'),
    ingest: z
      .strictObject({
        shards: z
          .int()
          .min(1)
          .max(500)
          .default(1)
          .describe('Shards of the stream that all pushed sources share.'),
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
