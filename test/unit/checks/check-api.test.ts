import { describe, expect, test } from 'vitest';
import { MemoryTokenStore } from '../../../shared/adapters/memory/memory-token-store.ts';
import { createHttpPullSource } from '../../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../../shared/adapters/http/send-request.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { checkApi } from '../../../shared/pipeline/checks/check-api.ts';
import { createReadOnlyTokens } from '../../../shared/pipeline/checks/read-only-tokens.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { sendJson, startLocalServer, type SeenRequest } from '../../support/local-server.ts';
import { NastyApi } from '../../support/nasty-api.ts';
import { OAuthProvider } from '../../support/oauth-provider.ts';
import type { ServerResponse } from 'node:http';

type Answer = (request: SeenRequest, response: ServerResponse, number: number) => void;

interface Checked {
  readonly levels: readonly string[];
  readonly messages: string;
  readonly requests: readonly SeenRequest[];
}

async function check(
  config: Partial<HttpSourceInput> | ((origin: string) => Partial<HttpSourceInput>),
  answer: Answer,
  tokens = new MemoryTokenStore(),
): Promise<Checked> {
  const server = await startLocalServer(answer);
  const sender = createHttpSender();
  const clock = new ManualClock({ jump: true });
  const source = declareHttp({
    url: `${server.origin}/items`,
    allowPrivateNetwork: true,
    ...(typeof config === 'function' ? config(server.origin) : config),
  });
  try {
    const pages = createHttpPullSource({
      ...{ source, sender, clock, telemetry: new MemoryTelemetry(), random: () => 0.5 },
      parameters: new MemoryParameterStore({ values: { '/token': 'refresh-0', '/secret': 'x' } }),
      tokens: createReadOnlyTokens((name) => tokens.read(name)),
    });
    const findings = await checkApi({ source, pages, clock, deadlineMs: clock.nowMs() + 30_000 });
    return {
      levels: findings.map(({ level, code }) => `${level} ${code}`),
      messages: findings.map(({ message }) => message).join('\n'),
      requests: server.requests,
    };
  } finally {
    sender.close();
    await server.stop();
  }
}

const item = (id: number, more: object = {}): object => ({ id, version: 1, ts: id, body: 'b', ...more });
const items = (from: number, count: number): object[] =>
  Array.from({ length: count }, (_, i) => item(from + i));
const INCREMENTAL = { cursor: 'ts', parameter: 'since', initialValue: '5' } as const;

describe('the check of an API', () => {
  test('one page of records that meet the contract: nothing, by one request', async () => {
    const { levels, requests } = await check({}, (_, response) => {
      sendJson(response, items(1, 3));
    });
    expect(levels).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  test('asks as the first run would, and for the second page too', async () => {
    const { levels, requests } = await check(
      {
        incremental: INCREMENTAL,
        paginator: { type: 'cursor', parameter: 'after', path: 'next' },
        recordsPath: 'rows',
      },
      ({ url }, response) => {
        const isFirst = url.searchParams.get('after') === null;
        sendJson(response, isFirst ? { rows: items(5, 2), next: 'p2' } : { rows: items(7, 2), next: 'p3' });
      },
    );
    expect(levels).toEqual([]);
    expect(requests.map(({ url }) => url.search)).toEqual(['?since=5', '?since=5&after=p2']);
  });

  test.each<[string, Partial<HttpSourceInput>, Answer, string]>([
    [
      'error PULL_NO_RECORDS',
      { recordsPath: 'data' },
      (_, r) => {
        sendJson(r, { rows: [] });
      },
      'rows',
    ],
    [
      'error PULL_NOT_JSON',
      {},
      (_, r) => {
        r.end('<html>');
      },
      'not JSON',
    ],
    [
      'error PULL_REFUSED',
      {},
      (_, r) => {
        r.writeHead(401).end();
      },
      'credentials',
    ],
    [
      'warning PULL_RATE_LIMITED',
      {},
      (_, r) => {
        r.writeHead(429, { 'retry-after': '3600' }).end();
      },
      '429',
    ],
    [
      'error PULL_BUSY',
      {},
      (_, r) => {
        r.writeHead(503).end();
      },
      '503',
    ],
    [
      'error PULL_URL_REFUSED',
      { url: 'https://10.1.2.3/items', allowPrivateNetwork: false },
      () => undefined,
      '10.1.2.3',
    ],
    [
      'error PULL_URL_REFUSED',
      { url: 'https://localhost/items', allowPrivateNetwork: false },
      () => undefined,
      'localhost',
    ],
    ['error PULL_URL_REFUSED', { url: 'http://169.254.169.254/latest' }, () => undefined, 'metadata'],
    [
      'warning SAMPLE_EMPTY',
      {},
      (_, r) => {
        sendJson(r, []);
      },
      'no records',
    ],
    [
      'error PULL_NO_CURSOR',
      { incremental: { ...INCREMENTAL, cursor: 'id' } },
      (_, r) => {
        sendJson(r, [{ ...item(1), id: '1' }]);
      },
      'cursor',
    ],
    [
      'error PULL_NOT_ASCENDING',
      { incremental: { ...INCREMENTAL, order: 'ascending' } },
      (_, r) => {
        sendJson(r, items(1, 2).reverse());
      },
      'ascending',
    ],
    [
      'error PULL_NO_NEXT',
      {
        recordsPath: 'rows',
        paginator: { type: 'cursor', parameter: 'a', path: 'next', hasMorePath: 'more' },
      },
      (_, r) => {
        sendJson(r, { rows: items(1, 1), more: true });
      },
      'next',
    ],
    [
      'error PULL_PAGE_SIZE',
      { paginator: { type: 'page', sizeParameter: 'n', size: 100 } },
      (_, r, n) => {
        sendJson(r, items(n * 10, 10));
      },
      'size',
    ],
    [
      'error PULL_LOOP',
      { paginator: { type: 'page' } },
      (_, r) => {
        sendJson(r, items(1, 3));
      },
      'ignore the page',
    ],
  ])('%s', async (expected, config, answer, words) => {
    const { levels, messages } = await check(config, answer);
    expect(levels).toContain(expected);
    expect(messages).toContain(words);
  });

  test('says how many records violate the contract, how, and which is the first', async () => {
    const { levels, messages } = await check({}, (_, response) => {
      sendJson(response, [item(1), item(2, { body: 7 }), item(3, { body: 8 }), item(4, { ts: 'now' })]);
    });
    expect(levels).toEqual(['warning SAMPLE_VIOLATION', 'warning SAMPLE_VIOLATION']);
    expect(messages).toContain(
      '2 of 4 records on the first page would go to quarantine, the first is number 2: "body"',
    );
    expect(messages).toContain(
      '1 of 4 records on the first page would go to quarantine, the first is number 4: "ts"',
    );
    expect(
      (
        await check({}, (_, response) => {
          sendJson(response, [{ id: 1 }]);
        })
      ).levels,
    ).toEqual(['error SAMPLE_REFUSED']);
  });

  test('a field of the contract that no record has is a warning, as soon as there are ten records', async () => {
    const schema = {
      type: 'object',
      required: ['id'],
      properties: {
        id: { type: 'integer' },
        version: { type: 'integer' },
        ts: { type: 'integer' },
        createdAt: { type: 'string' },
      },
    };
    const ask = (count: number) =>
      check({ contract: { schema } }, (_, response) => {
        sendJson(response, items(1, count));
      });
    expect((await ask(9)).levels).toEqual([]);
    const { levels, messages } = await ask(10);
    expect(levels).toEqual(['warning SAMPLE_FIELD_ABSENT']);
    expect(messages).toContain('"createdAt"');
    expect(messages).not.toContain('"version"');
  });

  describe('a refresh token', () => {
    const answerFor =
      (provider: OAuthProvider): Answer =>
      (request, response) => {
        if (provider.handle(request, response)) return;
        if (provider.isAllowed(request)) sendJson(response, items(1, 2));
        else response.writeHead(401).end();
      };
    const config = (origin: string): Partial<HttpSourceInput> => ({
      auth: {
        type: 'oauth2-refresh-token',
        tokenUrl: `${origin}/token`,
        clientId: 'me',
        refreshToken: { parameter: '/token' },
      },
    });

    test('is never used: what replaces it would be lost', async () => {
      const provider = new OAuthProvider({ rotates: true });
      const { levels, requests } = await check(config, answerFor(provider));
      expect(levels).toEqual(['warning TOKEN_NOT_SPENT']);
      expect(requests).toEqual([]);
      expect(provider.refreshToken).toBe('refresh-0');
    });

    test('is not needed while the deployment has an access token, and is not used when that is refused', async () => {
      const provider = new OAuthProvider({ rotates: true });
      const tokens = new MemoryTokenStore();
      const server = await startLocalServer(answerFor(provider));
      const sender = createHttpSender();
      const clock = new ManualClock({ jump: true });
      const source = declareHttp({
        url: `${server.origin}/items`,
        allowPrivateNetwork: true,
        ...config(server.origin),
      });
      const run = createHttpPullSource({
        ...{ source, sender, clock, tokens, telemetry: new MemoryTelemetry(), random: () => 0.5 },
        parameters: new MemoryParameterStore({ values: { '/token': 'refresh-0' } }),
      });
      await run.fetchPage({ since: undefined, token: undefined, deadlineMs: clock.nowMs() + 30_000 });
      sender.close();
      await server.stop();
      expect(provider.tokenRequests).toHaveLength(1);

      expect((await check(config, answerFor(provider), tokens)).levels).toEqual([]);
      provider.accessToken = 'another one';
      expect((await check(config, answerFor(provider), tokens)).levels).toEqual(['warning TOKEN_NOT_SPENT']);
      expect(provider.tokenRequests).toHaveLength(1);
    });

    test('client credentials are used: they are good for any number of times', async () => {
      const provider = new OAuthProvider();
      const { levels } = await check(
        (origin) => ({
          auth: {
            type: 'oauth2-client-credentials',
            tokenUrl: `${origin}/token`,
            clientId: 'me',
            clientSecret: { parameter: '/secret' },
          },
        }),
        answerFor(provider),
      );
      expect(levels).toEqual([]);
    });
  });

  test('trouble of a network that passes is no finding', async () => {
    const clock = new ManualClock({ jump: true });
    const sender = createHttpSender();
    const startMs = clock.nowMs();
    const api = new NastyApi({ seed: 11, items: 50, pageSize: 10, badShare: 0.2, startMs, clock });
    await api.start();
    const source = declareHttp({
      ...{ url: `${api.origin}/items`, allowPrivateNetwork: true, recordsPath: 'data' },
      paginator: { type: 'cursor', parameter: 'offset', path: 'next' },
    });
    try {
      for (let i = 0; i < 40; i++) {
        const pages = createHttpPullSource({
          ...{ source, clock, telemetry: new MemoryTelemetry(), random: () => 0.5 },
          ...{ parameters: new MemoryParameterStore(), tokens: new MemoryTokenStore() },
          // A request that is never answered must not hold the test up for long.
          sender: { ...sender, send: (url, options) => sender.send(url, { ...options, timeoutMs: 100 }) },
        });
        const deadlineMs = clock.nowMs() + 600_000;
        expect(await checkApi({ source, pages, clock, deadlineMs })).toEqual([]);
      }
    } finally {
      sender.close();
      await api.stop();
    }
    expect(api.troubles.size).toBeGreaterThan(5);
  });
});
