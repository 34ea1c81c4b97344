import { hash, randomUUID } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueWriteKey } from '../../../demo/issue-write-key.ts';
import { toConnection } from '../../../demo/set-up.ts';
import { DynamoRequestStore } from '../../../shared/adapters/aws/dynamo-request-store.ts';
import type { OperationId } from '../../../shared/config/push-api.ts';
import { PROBLEMS, problemTypeOf, type ProblemName } from '../../../shared/domain/problems.ts';
import { toWriteKey } from '../../../shared/domain/write-key.ts';
import { checkAnswer } from '../../support/check-answer.ts';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';
import { startPreflightServer, type PreflightServer } from '../../support/preflight-server.ts';
import { sendRaw, type RawAnswer } from '../../support/raw-request.ts';

/*
 * The promises of the push API, one row each, over HTTP against the deployed stacks: what is answered, that the OpenAPI
 * document says so, and what landed in the end.
 */

const { cloud, clients } = useCloud({ config: 'test/fixtures/conformance.config.ts' });

const KEYED = ['orders', 'strict', 'tiny', 'once', 'slow', 'events'] as const;
const HOOK_SECRET = `whsec_${Buffer.from('a secret of the conformance suite').toString('base64')}`;
/** Stands in records and must not be in any log. */
const PRIVATE = 'value-that-nobody-may-log';

const JSON_TYPE = { 'content-type': 'application/json' };
const LINES_TYPE = { 'content-type': 'application/x-ndjson' };
const EVENT_TYPE = { 'content-type': 'application/cloudevents+json' };
const EVENTS_TYPE = { 'content-type': 'application/cloudevents-batch+json' };
const GZIP = { ...LINES_TYPE, 'content-encoding': 'gzip' };
const ZSTD = { ...LINES_TYPE, 'content-encoding': 'zstd' };

const keys = new Map<string, string>();
let preflight: PreflightServer;

beforeAll(async () => {
  const connection = toConnection(cloud().endpoint);
  for (const source of KEYED) {
    keys.set(source, await issueWriteKey(connection, cloud().output('AccessTableName'), source));
  }
  await clients().ssm.send(
    new PutParameterCommand({ Name: '/conformance/hooks/secret', Type: 'SecureString', Value: HOOK_SECRET }),
  );
  preflight = await startPreflightServer(
    cloud().output('ApiUrl'),
    clients().lambda,
    cloud().output('PushFunctionName'),
  );
});

afterAll(() => preflight.stop());

/** Texts that are secret and were sent; filled by the rows. */
const secrets = new Set<string>();

interface Row {
  /** The rule, as the name of its test. */
  readonly rule: string;
  readonly operation?: OperationId;
  readonly source?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** With its question mark. */
  readonly query?: string;
  readonly body?: string | Uint8Array;
  readonly status: number;
  readonly problem?: ProblemName;
  /** What the parsed body must match. */
  readonly answer?: object;
  /** Headers that the answer must have. */
  readonly has?: Readonly<Record<string, RegExp>>;
  /** Ids of the records that must be in the lake in the end. */
  readonly lands?: readonly string[];
  /** Ids of the records that must be in quarantine in the end. */
  readonly quarantined?: readonly string[];
}

const record = (id: string, more: object = {}): string => JSON.stringify({ id, ...more });
const event = (id: string, more: object = {}): Record<string, unknown> => ({
  specversion: '1.0',
  id,
  source: '/shop/eu',
  type: 'com.example.paid',
  time: '2026-03-01T10:15:00Z',
  ...more,
});
const bomb = Buffer.alloc(50_000_000, 0x20);

const ACCEPTED: readonly Row[] = [
  {
    rule: 'one record is accepted, whatever its Content-Type says after the semicolon',
    headers: { 'content-type': 'Application/JSON; charset="utf-8"' },
    body: record('one'),
    status: 202,
    answer: { accepted: 1, duplicates: 0, quarantined: 0, rejected: 0, results: [] },
    has: { ratelimit: /;r=\d+/, 'ratelimit-policy': /;q=100;w=1/ },
    lands: ['one'],
  },
  {
    rule: 'an array is several records, and a repeated one is a duplicate',
    body: `[${record('array-1')}, ${record('array-2')}, ${record('array-1')}]`,
    status: 202,
    answer: { accepted: 2, duplicates: 1, results: [{ index: 2, id: 'array-1', status: 'duplicate' }] },
    lands: ['array-1', 'array-2'],
  },
  {
    rule: 'results list every record on request',
    query: '?verbose',
    body: `[${record('verbose-1')},${record('verbose-2')}]`,
    status: 202,
    answer: { results: [{ index: 0, id: 'verbose-1', status: 'accepted' }, { index: 1 }] },
    lands: ['verbose-1', 'verbose-2'],
  },
  {
    rule: 'lines stand for themselves: good ones are stored, others are named by their index',
    headers: LINES_TYPE,
    body: `${record('line-1')}\r\n\r\n${record('line-2', { amount: PRIVATE })}\nnot JSON\n"text"\n${record('line-3')}`,
    status: 202,
    answer: {
      accepted: 2,
      quarantined: 1,
      rejected: 2,
      results: [
        { index: 1, id: 'line-2', status: 'quarantined', error: { field: 'amount', rule: 'type' } },
        { index: 2, status: 'rejected', error: { rule: 'json' } },
        { index: 3, status: 'rejected' },
      ],
    },
    lands: ['line-1', 'line-3'],
    quarantined: ['line-2'],
  },
  {
    rule: 'bodies may be compressed with gzip',
    headers: GZIP,
    body: gzipSync(`${record('gzip-1')}\n${record('gzip-2')}\n`),
    status: 202,
    answer: { accepted: 2 },
    lands: ['gzip-1', 'gzip-2'],
  },
  {
    rule: 'bodies may be compressed with zstd',
    headers: ZSTD,
    body: zstdCompressSync(`${record('zstd-1')}\n${record('zstd-2')}\n`),
    status: 202,
    answer: { accepted: 2 },
    lands: ['zstd-1', 'zstd-2'],
  },
  {
    rule: 'the key may be the user name of Basic',
    headers: { ...JSON_TYPE, authorization: 'basic' },
    body: record('basic'),
    status: 202,
    lands: ['basic'],
  },
  {
    rule: 'a request that waits is answered 200 when its records are in the lake',
    query: '?wait=true',
    body: record('waited'),
    status: 200,
    answer: { accepted: 1 },
    lands: ['waited'],
  },
  {
    rule: 'integers up to 2^53 - 1, and int64 where the contract says so, are kept exactly',
    body: record('exact').replace('}', ',"big":9223372036854775807}'),
    status: 202,
    lands: ['exact'],
  },
  {
    rule: 'a CloudEvent in structured mode is a record',
    source: 'events',
    headers: EVENT_TYPE,
    body: JSON.stringify(event('structured', { data: { amount: 1 } })),
    status: 202,
    answer: { accepted: 1 },
    lands: ['structured'],
  },
  {
    rule: 'CloudEvents in batched mode are records; one that is none is rejected',
    source: 'events',
    headers: EVENTS_TYPE,
    body: JSON.stringify([event('batch-1'), event('batch-2'), event('no-type', { type: undefined })]),
    status: 202,
    answer: {
      accepted: 2,
      rejected: 1,
      results: [{ index: 2, status: 'rejected', error: { field: 'type', rule: 'cloud-event' } }],
    },
    lands: ['batch-1', 'batch-2'],
  },
  {
    rule: 'a CloudEvent in binary mode is a record: attributes from headers, data from the body',
    source: 'events',
    headers: {
      ...JSON_TYPE,
      'ce-specversion': '1.0',
      'ce-id': 'binary',
      'ce-source': '/shop/eu',
      'ce-type': 'com.example.paid',
      'ce-time': '2026-03-01T10:15:00Z',
      'ce-subject': 'gr%C3%BCezi',
    },
    body: '{"amount":2}',
    status: 202,
    answer: { accepted: 1 },
    lands: ['binary'],
  },
  {
    rule: 'a delivery with a good signature is accepted',
    operation: 'postDelivery',
    source: 'hooks',
    headers: { ...JSON_TYPE, 'webhook-signature': 'good' },
    body: record('delivered'),
    status: 202,
    answer: { accepted: 1 },
    lands: ['delivered'],
  },
  {
    rule: 'a dry run answers the same and stores nothing',
    operation: 'validateRecords',
    body: `[${record('dry-1')},${record('dry-2', { amount: 'x' })}]`,
    status: 200,
    answer: { accepted: 1, quarantined: 1 },
  },
  {
    rule: 'the contract of a source can be read, with its version as ETag',
    operation: 'getSchema',
    status: 200,
    answer: { source: 'orders', schema: { required: ['id'] } },
    has: { etag: /^"[0-9a-f]{12}"$/ },
  },
  {
    rule: 'health is for everyone',
    operation: 'getHealth',
    headers: { authorization: undefined },
    status: 200,
    answer: { status: 'ok' },
  },
];

const body = record('never-stored', { amount: 1 });

const REFUSED: readonly Row[] = [
  { rule: 'a body that is not JSON', body: '{"id":', status: 400, problem: 'malformed-body' },
  {
    rule: 'an array with a broken element, as a whole',
    body: `[${body},{"id":}]`,
    status: 400,
    problem: 'malformed-body',
  },
  { rule: 'a body that is neither object nor array', body: '"id"', status: 400, problem: 'malformed-body' },
  { rule: 'no body', body: '', status: 400, problem: 'malformed-body' },
  { rule: 'no records', body: '[]', status: 400, problem: 'malformed-body' },
  {
    rule: 'a compressed body that is damaged',
    headers: GZIP,
    body: gzipSync(body).subarray(0, -3),
    status: 400,
    problem: 'malformed-body',
  },
  {
    rule: 'two members of gzip in one body',
    headers: GZIP,
    body: Buffer.concat([gzipSync(`${body}\n`), gzipSync(body)]),
    status: 400,
    problem: 'malformed-body',
  },
  {
    rule: 'a flag that is neither true nor false',
    query: '?verbose=maybe',
    body,
    status: 400,
    problem: 'bad-parameter',
    answer: { parameter: 'verbose' },
  },
  {
    rule: 'a header of a CloudEvent that is not percent-encoded UTF-8',
    source: 'events',
    headers: { ...JSON_TYPE, 'ce-id': '%FF' },
    body,
    status: 400,
    problem: 'bad-cloud-event',
  },
  {
    rule: 'an Idempotency-Key that is no structured string',
    headers: { ...JSON_TYPE, 'idempotency-key': '"open' },
    body,
    status: 400,
    problem: 'bad-idempotency-key',
  },
  {
    rule: 'a missing Idempotency-Key where the source requires one',
    source: 'once',
    body,
    status: 400,
    problem: 'bad-idempotency-key',
  },
  {
    rule: 'no write key',
    headers: { ...JSON_TYPE, authorization: undefined },
    body,
    status: 401,
    problem: 'unauthorized',
    has: { 'www-authenticate': /Bearer/ },
  },
  {
    rule: 'a write key that does not exist',
    headers: { ...JSON_TYPE, authorization: `Bearer ${toWriteKey('orders', new Uint8Array(32).fill(9))}` },
    body,
    status: 401,
    problem: 'unauthorized',
  },
  {
    rule: 'the write key of another source',
    headers: { ...JSON_TYPE, authorization: 'strict' },
    body,
    status: 403,
    problem: 'forbidden',
  },
  {
    rule: 'a delivery without a signature',
    operation: 'postDelivery',
    source: 'hooks',
    body,
    status: 401,
    problem: 'unauthorized',
  },
  {
    rule: 'a delivery with another signature',
    operation: 'postDelivery',
    source: 'hooks',
    headers: { ...JSON_TYPE, 'webhook-signature': 'bad' },
    body,
    status: 401,
    problem: 'unauthorized',
  },
  { rule: 'an unknown source', source: 'nobody', body, status: 404, problem: 'unknown-source' },
  { rule: 'a name of Object.prototype', source: 'constructor', body, status: 404, problem: 'unknown-source' },
  { rule: 'records for a webhook', source: 'hooks', body, status: 404, problem: 'unknown-source' },
  {
    rule: 'a delivery to a pushed source',
    operation: 'postDelivery',
    body,
    status: 404,
    problem: 'unknown-source',
  },
  {
    rule: 'a body above its limit',
    source: 'tiny',
    body: record('x', { text: 'x'.repeat(5000) }),
    status: 413,
    problem: 'too-large',
    answer: { maxBytes: 4096 },
  },
  {
    rule: 'a bomb of gzip',
    source: 'tiny',
    headers: GZIP,
    body: gzipSync(bomb.subarray(0, 3_000_000)),
    status: 413,
    problem: 'too-large',
    answer: { maxBytes: 65_536 },
  },
  {
    rule: 'a bomb of zstd',
    headers: ZSTD,
    body: zstdCompressSync(Buffer.concat([bomb, bomb])),
    status: 413,
    problem: 'too-large',
    answer: { maxBytes: 50_000_000 },
  },
  {
    rule: 'too many records',
    source: 'tiny',
    headers: LINES_TYPE,
    body: '{"id":"x"}\n'.repeat(11),
    status: 413,
    problem: 'too-large',
    answer: { maxRecords: 10 },
  },
  {
    rule: 'a content type of something else',
    headers: { 'content-type': 'text/csv' },
    body: 'id\n1',
    status: 415,
    problem: 'unsupported-media-type',
    has: { accept: /application\/x-ndjson/ },
  },
  {
    rule: 'an event format that is not JSON',
    source: 'events',
    headers: { 'content-type': 'application/cloudevents+avro' },
    body,
    status: 415,
    problem: 'unsupported-media-type',
  },
  {
    rule: 'an encoding that nobody knows',
    headers: { ...JSON_TYPE, 'content-encoding': 'br' },
    body,
    status: 415,
    problem: 'unsupported-encoding',
    has: { 'accept-encoding': /gzip, zstd/ },
  },
  {
    rule: 'only records that violate a strict contract',
    source: 'strict',
    body: record('x', { amount: PRIVATE }),
    status: 422,
    problem: 'all-records-rejected',
    answer: { accepted: 0, rejected: 1, results: [{ index: 0, error: { field: 'amount', rule: 'type' } }] },
  },
  {
    rule: 'a token while its issuer cannot be reached',
    source: 'tokens',
    headers: {
      ...JSON_TYPE,
      authorization: `Bearer ${Buffer.from('{"alg":"RS256","kid":"k"}').toString('base64url')}.${Buffer.from('{"sub":"s"}').toString('base64url')}.AAAA`,
    },
    body,
    status: 503,
    problem: 'temporary-reduced-capacity',
    has: { 'retry-after': /^\d+$/ },
  },
  {
    rule: 'a delivery whose secret is not set',
    operation: 'postDelivery',
    source: 'hooks-without-secret',
    headers: { ...JSON_TYPE, 'webhook-signature': 'good' },
    body,
    status: 503,
    problem: 'temporary-reduced-capacity',
    has: { 'retry-after': /^\d+$/ },
  },
];

const deep = (levels: number): string => `{"id":"deep","a":${'['.repeat(levels)}${']'.repeat(levels)}}`;

/** Records that would not survive the way to the lake unharmed, and the rule that each breaks. */
const HARMFUL: readonly (readonly [rule: string, text: string | Uint8Array])[] = [
  ['depth', deep(70)],
  ['depth', deep(100_000)],
  ['proto', '{"id":"proto","__proto__":{"admin":true}}'],
  ['duplicate-key', '{"id":"a","id":"b"}'],
  ['duplicate-key', '{"id":"a","\\u0069d":"b"}'],
  ['precision', '{"id":"p","n":9007199254740993}'],
  ['precision', '{"id":"p","big":9223372036854775808}'],
  ['precision', '{"id":"p","amount":1e999}'],
  ['precision', '{"id":"p","amount":0.12345678901234567890}'],
  ['surrogate', '{"id":"\\ud800"}'],
  ['utf8', Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xc0, 0xa0]), Buffer.from('"}')])],
  ['json', '{"id":"a",}'],
  ['json', '{"id":NaN}'],
];

const PATHS: Readonly<Record<OperationId, string>> = {
  postRecords: '/v1/sources/{source}/records',
  validateRecords: '/v1/sources/{source}/validate',
  getSchema: '/v1/sources/{source}/schema',
  postDelivery: '/v1/webhooks/{source}',
  getHealth: '/v1/health',
};

/** Sends a path as it is to the API. */
async function sendPath(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  content?: string | Uint8Array,
): Promise<RawAnswer> {
  const { origin, pathname } = new URL(cloud().output('ApiUrl'));
  const prefix = pathname.replace(/\/$/, '');
  return await sendRaw(origin, {
    method,
    path: prefix + path,
    headers,
    ...(content !== undefined && { body: content }),
  });
}

/** The Authorization header that a row asks for: a source's key by the name of the source, or the text itself. */
function authorizationOf({ source = 'orders', headers = {} }: Row): string | undefined {
  if (!('authorization' in headers)) {
    const own = keys.get(source);
    return own === undefined ? undefined : `Bearer ${own}`;
  }
  const { authorization } = headers;
  if (authorization === 'basic') return `Basic ${btoa(`${keys.get(source) ?? ''}:`)}`;
  const other = keys.get(authorization ?? '');
  return other === undefined ? authorization : `Bearer ${other}`;
}

function signatureOf(name: string, text: string): Record<string, string> {
  const id = randomUUID();
  const now = new Date();
  const signature = new Webhook(HOOK_SECRET).sign(id, now, name === 'good' ? text : `${text} `);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': signature,
  };
}

async function send(row: Row): Promise<RawAnswer> {
  const {
    operation = 'postRecords',
    source = 'orders',
    query = '',
    headers = JSON_TYPE,
    body: content,
  } = row;
  const signature = row.headers?.['webhook-signature'];
  const sent: Record<string, string | undefined> = {
    ...headers,
    ...(signature !== undefined && signatureOf(signature, String(content))),
    authorization: authorizationOf(row),
  };
  for (const name of ['authorization', 'webhook-signature']) {
    const secret = sent[name]?.split(' ').at(-1);
    if (secret !== undefined) secrets.add(secret);
  }
  const present = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const method = operation === 'getSchema' || operation === 'getHealth' ? 'GET' : 'POST';
  const path = PATHS[operation].replace('{source}', source) + query;
  return await sendPath(method, path, Object.fromEntries(present), content);
}

/** Sends a row's request, and compares the answer with the row and with the OpenAPI document. */
async function expectRow(row: Row): Promise<void> {
  const { operation = 'postRecords', status, problem, answer, has = {} } = row;
  const { status: actual, headers, text } = await send(row);
  expect(actual, text.slice(0, 500)).toBe(status);
  const parsed = JSON.parse(text) as unknown;
  checkAnswer(operation, { status, headers, body: parsed });
  if (problem !== undefined) expect(parsed).toMatchObject({ type: problemTypeOf(problem), status });
  if (answer !== undefined) expect(parsed).toMatchObject(answer);
  for (const [name, pattern] of Object.entries(has)) expect(headers[name]).toMatch(pattern);
}

/** What must be in the lake at the end of the file, beside what the rows say: source and id. */
const landed = new Set(
  ACCEPTED.flatMap(({ source = 'orders', lands = [] }) => lands.map((id) => `${source} ${id}`)),
);
const quarantined = new Set(ACCEPTED.flatMap(({ quarantined: ids = [] }) => ids));

describe('is served', () => {
  test.each(ACCEPTED)('$rule', expectRow);
});

describe('is refused', () => {
  test.each(REFUSED)('$rule: $status', expectRow);
});

describe('an Idempotency-Key', () => {
  const once = { source: 'once', headers: { ...JSON_TYPE, 'idempotency-key': '"conformance 1"' } };

  test('makes a request count once: its repetition gets the first answer', async () => {
    landed.add('once first');
    const first = await send({ rule: '', ...once, body: record('first'), status: 202 });
    const second = await send({ rule: '', ...once, body: record('first'), status: 202 });
    expect([first.status, first.headers['idempotent-replayed']]).toEqual([202, undefined]);
    expect([second.status, second.headers['idempotent-replayed']]).toEqual([202, 'true']);
    expect(second.text).toBe(first.text);
    checkAnswer('postRecords', { ...second, body: JSON.parse(second.text) as unknown });
  });

  test('stands for one payload', async () => {
    await expectRow({ rule: '', ...once, body, status: 422, problem: 'idempotency-key-reused' });
  });

  test('is taken while its first request is running', async () => {
    const nowMs = Date.now();
    await new DynamoRequestStore({
      dynamodb: clients().dynamodb,
      table: cloud().output('ClaimsTableName'),
    }).begin({
      source: 'once',
      idempotencyKey: 'running',
      payloadHash: hash('sha256', `json\n${body}`),
      attempt: randomUUID(),
      nowMs,
      leaseUntilMs: nowMs + 600_000,
      expiresAtMs: nowMs + 600_000,
    });
    await expectRow({
      rule: '',
      source: 'once',
      headers: { ...JSON_TYPE, 'idempotency-key': 'running' },
      body,
      status: 409,
      problem: 'request-in-progress',
      has: { 'retry-after': /^\d+$/ },
    });
  });

  test('cannot bring headers or log lines of its own', async () => {
    for (const key of ['"a\\r\\nx-injected: 1"', 'a%0d%0ax-injected:1', '"a\u00e9"']) {
      const { status, headers } = await send({
        rule: '',
        headers: { ...JSON_TYPE, 'idempotency-key': key },
        body: '{"id":',
        status: 400,
      });
      expect(status).toBe(400);
      expect(headers['x-injected']).toBeUndefined();
    }
  });
});

describe('a limit', () => {
  test('that is exceeded is 429, with the limit and the time to wait', async () => {
    const answers: RawAnswer[] = [];
    while (answers.length < 40 && answers.at(-1)?.status !== 429) {
      const id = `slow-${String(answers.length)}`;
      const answer = await send({ rule: '', source: 'slow', body: record(id), status: 202 });
      if (answer.status === 202) landed.add(`slow ${id}`);
      answers.push(answer);
    }
    const last = answers.at(-1);
    expect(last?.status).toBe(429);
    const parsed = JSON.parse(last?.text ?? '') as unknown;
    checkAnswer('postRecords', { status: 429, headers: last?.headers ?? {}, body: parsed });
    expect(parsed).toMatchObject({ type: problemTypeOf('quota-exceeded'), status: 429 });
    expect(last?.headers['retry-after']).toMatch(/^\d+$/);
    expect(last?.headers['ratelimit']).toMatch(/;r=0;t=\d+/);
  });
});

describe('pages', () => {
  const ask = async (source: string, origin: string): Promise<Response> =>
    fetch(`${preflight.url}/v1/sources/${source}/records`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  test('of a listed origin may push, and read the answers', async () => {
    const allowed = await ask('orders', 'https://app.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    const refused = await send({
      rule: '',
      headers: { ...JSON_TYPE, origin: 'https://app.example.com' },
      body: '',
      status: 400,
    });
    expect(refused.headers['access-control-allow-origin']).toBe('https://app.example.com');
  });

  test('of other origins, and of sources without cors, may not', async () => {
    for (const [source, origin] of [
      ['orders', 'https://evil.example.com'],
      ['strict', 'https://app.example.com'],
    ] as const) {
      const response = await ask(source, origin);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ type: problemTypeOf('cors-refused') });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('a record', () => {
  test.each(HARMFUL)('that breaks the rule %s is told so, and never accepted', async (rule, text) => {
    const answer = await send({
      rule: '',
      operation: 'validateRecords',
      source: 'strict',
      headers: LINES_TYPE,
      body: text,
      status: 422,
    });
    expect(answer.status).toBe(422);
    const parsed = JSON.parse(answer.text) as { results: { error: { rule: string } }[] };
    checkAnswer('validateRecords', { ...answer, body: parsed });
    expect(parsed.results.map(({ error }) => error.rule)).toEqual([rule]);
  });

  test('that is larger than its limit is rejected alone', async () => {
    landed.add('tiny small');
    await expectRow({
      rule: '',
      source: 'tiny',
      headers: LINES_TYPE,
      body: `${record('small')}\n${record('large', { text: 'x'.repeat(2000) })}`,
      status: 202,
      answer: { accepted: 1, rejected: 1, results: [{ index: 1, error: { rule: 'record-size' } }] },
    });
  });
});

describe('the name of a source', () => {
  test.each([
    '..',
    '%2e%2e',
    '%2e%2e%2forders',
    '..%2f..%2fhealth',
    'orders%00',
    'orders%0d%0ax-injected:%201',
    'Orders',
    'orders%20',
    '%ff',
    '${jndi}',
    'a'.repeat(500),
  ])('%j leads nowhere', async (name) => {
    const { status, headers, text } = await sendPath(
      'POST',
      `/v1/sources/${name}/records`,
      { ...JSON_TYPE, authorization: `Bearer ${keys.get('orders') ?? ''}` },
      body,
    );
    expect([400, 403, 404]).toContain(status);
    expect(headers['x-injected']).toBeUndefined();
    expect(text).not.toContain('jndi');
  });
});

test('every problem type has a row here, or a reason why not', () => {
  const elsewhere = new Map<ProblemName, string>([
    ['not-found', 'API Gateway answers 404 to what has no route; the handler is tested for itself'],
    [
      'internal-error',
      'nothing that a sender does makes one; the handler is tested with a store that is broken',
    ],
    ['cors-refused', 'above, with pages'],
    ['quota-exceeded', 'above, with limits'],
    ['idempotency-key-reused', 'above, with the Idempotency-Key'],
    ['request-in-progress', 'above, with the Idempotency-Key'],
  ]);
  const covered = new Set<string>(REFUSED.map(({ problem }) => problem ?? ''));
  const missing = (Object.keys(PROBLEMS) as ProblemName[]).filter(
    (name) => !covered.has(name) && !elsewhere.has(name),
  );
  expect(missing).toEqual([]);
});

describe('in the end', () => {
  test('everything that was accepted is in the lake once, and nothing else', async () => {
    await cloud().poller.drained();
    const bucket = cloud().output('LakeBucketName');
    const rows = await lakeRows(clients().s3, bucket, 'raw/');
    const found = rows.map(({ row }) => `${row['_source'] as string} ${row['id'] as string}`);
    const events = rows.filter(({ row }) => row['_source'] === 'events');
    expect(found.toSorted()).toEqual([...landed].toSorted());
    expect(events.find(({ row }) => row['id'] === 'binary')?.row).toMatchObject({
      subject: 'grüezi',
      data: { amount: 2 },
    });
    expect(rows.find(({ row }) => row['id'] === 'exact')?.row['big']).toBe(9223372036854775807n);
  });

  test('what was quarantined is in quarantine, with its bytes', async () => {
    const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'quarantine/');
    const ids = rows.map(({ row }) => {
      const { id } = JSON.parse(Buffer.from((row['raw'] as { hex: string }).hex, 'hex').toString()) as {
        id: string;
      };
      return id;
    });
    expect(ids.toSorted()).toEqual([...quarantined].toSorted());
  });

  test('no log has a key, a token, a signature or a value of a record', async () => {
    const logs = new CloudWatchLogsClient(toConnection(cloud().endpoint));
    const group = `/aws/lambda/${cloud().output('PushFunctionName')}`;
    const lines: string[] = [];
    for await (const page of paginateFilterLogEvents({ client: logs }, { logGroupName: group })) {
      lines.push(...(page.events ?? []).map(({ message = '' }) => message));
    }
    logs.destroy();
    expect(lines.length).toBeGreaterThan(10);
    const text = lines.join('\n');
    expect(secrets.size).toBeGreaterThan(8);
    for (const secret of [...secrets, HOOK_SECRET, PRIVATE]) expect(text).not.toContain(secret);
    // What senders write cannot begin a line of its own.
    expect(lines.filter((line) => line.startsWith('x-injected'))).toEqual([]);
  });
});
