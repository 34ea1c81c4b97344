import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { corsHeaders, preflight } from '../../../lambdas/push/cors.ts';
import { corsResponses } from '../../../lambdas/push/cors-responses.ts';
import { HttpProblem } from '../../../lambdas/middleware/problems.ts';
import { problemResponses } from '../../../lambdas/middleware/problem-responses.ts';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { PushSourceConfig } from '../../../shared/config/schema.ts';
import { TransientError } from '../../../shared/domain/errors.ts';

const APP = 'https://app.example.com';
const OTHER = 'https://evil.example.com';
const RECORDS = '/v1/sources/{source}/records';

const source = {
  type: 'push',
  freshness: '30 seconds',
  volume: { gbPerDay: 1 },
  key: ['id'],
  contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
} as const;
const config = parseConfig({
  sources: {
    app: { ...source, cors: { origins: [APP, 'http://localhost:3000'], maxAge: '10 minutes' } },
    open: { ...source, cors: { origins: '*' } },
    closed: source,
    feed: { ...source, type: 'stream' },
  },
});
const sources = compileSources(config, compileValidators(config));

function push(name: string): PushSourceConfig {
  const found = config.sources[name];
  if (found?.type !== 'push') throw new Error(`${name} is not pushed`);
  return found;
}

describe('headers of an answer', () => {
  test('name the origin of a page that may read it, and vary with it', () => {
    expect(corsHeaders(push('app'), APP)).toEqual({
      vary: 'Origin',
      'access-control-allow-origin': APP,
      'access-control-expose-headers':
        'etag, idempotent-replayed, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id',
    });
  });

  test.each([OTHER, undefined, 'null', `${APP}.evil.com`, APP.toUpperCase(), `${APP}/`, ''])(
    'name no origin for %o, and still vary with it',
    (origin) => {
      expect(corsHeaders(push('app'), origin)).toEqual({ vary: 'Origin' });
    },
  );

  test('are the same for all pages where all may read', () => {
    expect(corsHeaders(push('open'), OTHER)).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(corsHeaders(push('open'), OTHER)).not.toHaveProperty('vary');
  });

  test('are none where the source has no cors', () => {
    expect(corsHeaders(push('closed'), APP)).toEqual({});
  });

  test('never allow credentials', () => {
    const asked = { origin: APP, 'access-control-request-method': 'POST' };
    for (const headers of [corsHeaders(push('open'), APP), preflight(push('open'), RECORDS, asked)]) {
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });
});

describe('the answer to a preflight request', () => {
  const asked = { origin: APP, 'access-control-request-method': 'POST' };

  test('allows the method and the headers of the API for as long as the source says', () => {
    expect(preflight(push('app'), RECORDS, asked)).toMatchObject({
      vary: 'Origin',
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers':
        'authorization, content-encoding, content-type, idempotency-key, traceparent, tracestate, ' +
        'x-amz-content-sha256, x-amz-date, x-amz-security-token, x-request-id',
      'access-control-max-age': '600',
    });
  });

  test('allows the attributes of a CloudEvent that are asked for, and no other header', () => {
    const headers = {
      ...asked,
      'access-control-request-headers': 'Content-Type, CE-Id,ce-myext, cookie, ce-é, x-a',
    };
    const allowed = preflight(push('app'), RECORDS, headers)['access-control-allow-headers']?.split(', ');
    expect(allowed?.filter((name) => /^(ce-|cookie|x-a$)/.test(name))).toEqual(['ce-id', 'ce-myext']);
  });

  test.each([
    ['an origin that is not listed', 'app', RECORDS, { ...asked, origin: OTHER }],
    ['no origin', 'app', RECORDS, { ...asked, origin: undefined }],
    [
      'a method that the path has not',
      'app',
      RECORDS,
      { ...asked, 'access-control-request-method': 'DELETE' },
    ],
    ['the method of another path', 'app', RECORDS, { ...asked, 'access-control-request-method': 'GET' }],
    ['no method', 'app', RECORDS, { origin: APP }],
    ['a path for services', 'app', '/v1/webhooks/{source}', asked],
    ['a source without cors', 'closed', RECORDS, asked],
  ])('refuses %s', (_, name, path, headers) => {
    let problem: unknown;
    try {
      preflight(push(name), path, headers);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(HttpProblem);
    const { problem: kind, options } = problem as HttpProblem;
    expect(kind).toBe('cors-refused');
    expect(
      Object.keys(options.headers ?? {}).filter((header) => header.startsWith('access-control')),
    ).toEqual([]);
  });
});

describe('the middleware', () => {
  const ok = { statusCode: 202, headers: { 'content-type': 'application/json' }, body: '{}' };

  async function request(
    routeKey: string,
    name: string,
    headers: Record<string, string>,
    handle: () => APIGatewayProxyStructuredResultV2 = () => ok,
  ): Promise<APIGatewayProxyStructuredResultV2> {
    const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
      .use(corsResponses(sources))
      .use(
        problemResponses(
          () => 5_000,
          () => 'r',
        ),
      )
      .handler(() => handle());
    const event = {
      routeKey,
      pathParameters: { source: name },
      headers,
    } as unknown as APIGatewayProxyEventV2;
    return handler(event, { awsRequestId: 'r' } as Context);
  }

  test('answers a preflight request without running the handler', async () => {
    const answer = await request(
      `OPTIONS ${RECORDS}`,
      'app',
      { origin: APP, 'access-control-request-method': 'POST' },
      () => {
        throw new Error('must not run');
      },
    );
    expect(answer).toMatchObject({ statusCode: 204, headers: { 'access-control-allow-origin': APP } });
    expect(answer.body).toBeUndefined();
  });

  test('adds headers to an answer', async () => {
    expect((await request(`POST ${RECORDS}`, 'app', { origin: APP })).headers).toMatchObject({
      'content-type': 'application/json',
      'access-control-allow-origin': APP,
    });
  });

  test('adds them to the answer of a source that has routes of its own', async () => {
    const answer = await request('POST /v1/sources/app/records', '', { origin: APP });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': APP });
  });

  test('adds them to a 503: a page must be able to read when to try again', async () => {
    const answer = await request(`POST ${RECORDS}`, 'app', { origin: APP }, () => {
      throw new TransientError('THROTTLED', 'too much');
    });
    expect(answer).toMatchObject({
      statusCode: 503,
      headers: { 'access-control-allow-origin': APP, 'retry-after': '5' },
    });
  });

  test.each([
    ['a page of another origin', 'app', OTHER, { vary: 'Origin' }],
    ['a source without cors', 'closed', APP, {}],
    ['a source that does not exist', 'nowhere', APP, {}],
  ])('allows nothing to %s', async (_, name, origin, added) => {
    expect((await request(`POST ${RECORDS}`, name, { origin })).headers).toEqual({ ...ok.headers, ...added });
  });

  test.each([
    ['nowhere', 404],
    ['feed', 404],
    ['closed', 403],
  ])('refuses the preflight request for source %s with %d', async (name, statusCode) => {
    const answer = await request(`OPTIONS ${RECORDS}`, name, {
      origin: APP,
      'access-control-request-method': 'POST',
    });
    expect(answer.statusCode).toBe(statusCode);
    expect(answer.headers).toEqual({ 'content-type': 'application/problem+json' });
  });
});
