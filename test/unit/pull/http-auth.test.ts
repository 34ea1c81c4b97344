import { describe, expect, test } from 'vitest';
import type { HttpSourceInput } from '../../support/declare-http.ts';
import { sendJson } from '../../support/local-server.ts';
import { OAuthProvider, type OAuthProviderOptions } from '../../support/oauth-provider.ts';
import { fetchPage, openHttp, readAll } from '../../support/open-http.ts';

/** What was thrown; nothing, where nothing was. */
const toError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('no error', { cause: reason });

type Auth = NonNullable<HttpSourceInput['auth']>;

describe('static credentials', () => {
  test.each<[Auth, Record<string, string>]>([
    [{ type: 'bearer', token: { parameter: '/secret' } }, { authorization: 'Bearer s3cret' }],
    [
      { type: 'basic', username: 'me', password: { parameter: '/secret' } },
      { authorization: `Basic ${Buffer.from('me:s3cret').toString('base64')}` },
    ],
    [
      { type: 'basic', username: { parameter: '/secret' } },
      { authorization: `Basic ${Buffer.from('s3cret:').toString('base64')}` },
    ],
    [{ type: 'api-key', name: 'X-Api-Key', key: { parameter: '/secret' } }, { 'x-api-key': 's3cret' }],
  ])('%j', async (auth, headers) => {
    const opened = await openHttp(
      { auth },
      (_, response) => {
        sendJson(response, []);
      },
      {
        '/secret': 's3cret\n',
      },
    );
    await fetchPage(opened);
    expect(opened.server.requests[0]?.headers).toMatchObject(headers);
  });

  test('a key in the query is sent with every page, and kept with none', async () => {
    const opened = await openHttp(
      {
        auth: { type: 'api-key', in: 'query', name: 'key', key: { parameter: '/secret' } },
        paginator: { type: 'next-url', path: 'next' },
        recordsPath: 'data',
      },
      ({ url }, response) => {
        const isLast = url.searchParams.get('page') === '2';
        sendJson(response, {
          data: [isLast ? 2 : 1],
          next: isLast ? null : `/items?page=2&key=${String(url.searchParams.get('key'))}`,
        });
      },
      { '/secret': 's3cret' },
    );
    const { tokens } = await readAll(opened);
    expect(tokens.map((token) => new URL(token).search)).toEqual(['?page=2']);
    expect(opened.server.requests.map(({ url }) => url.searchParams.get('key'))).toEqual([
      's3cret',
      's3cret',
    ]);
  });

  test('a secret that was replaced is read again when the old one is refused, once', async () => {
    const auth: Auth = { type: 'bearer', token: { parameter: '/secret' } };
    const opened = await openHttp(
      { auth },
      ({ headers }, response) => {
        opened.parameters.set('/secret', 'new');
        if (headers.authorization === 'Bearer new') sendJson(response, [1]);
        else response.writeHead(401).end();
      },
      { '/secret': 'old' },
    );
    expect((await fetchPage(opened)).records).toHaveLength(1);
    expect(opened.server.requests).toHaveLength(2);
  });

  test('credentials that stay refused are sent once', async () => {
    const opened = await openHttp(
      { auth: { type: 'bearer', token: { parameter: '/secret' } } },
      (_, response) => void response.writeHead(401).end(),
      { '/secret': 's3cret' },
    );
    const error = await fetchPage(opened).then(toError, toError);
    expect(error).toMatchObject({ code: 'PULL_REFUSED' });
    expect(error.message).not.toContain('s3cret');
    expect(opened.server.requests).toHaveLength(1);
  });

  test('credentials do not follow a redirect to another origin', async () => {
    const other = await openHttp({}, (_, response) => {
      sendJson(response, [1]);
    });
    const opened = await openHttp(
      { auth: { type: 'api-key', name: 'x-key', key: { parameter: '/secret' } } },
      (_, response) => void response.writeHead(302, { location: `${other.server.origin}/x` }).end(),
      { '/secret': 's3cret' },
    );
    await fetchPage(opened);
    expect(other.server.requests[0]?.headers).not.toHaveProperty('x-key');
    expect(JSON.stringify(other.server.requests[0])).not.toContain('s3cret');
  });
});

const SECRETS = { '/client-secret': 'client s3cret', '/refresh': 'refresh-0' };

async function openOAuth(
  type: 'client-credentials' | 'refresh-token',
  options?: OAuthProviderOptions,
  more = {},
) {
  const provider = new OAuthProvider(options);
  const opened = await openHttp(
    (origin) => ({
      auth: {
        type: `oauth2-${type}`,
        tokenUrl: `${origin}/token`,
        clientId: 'client id',
        clientSecret: { parameter: '/client-secret' },
        scopes: ['read', 'list'],
        parameters: { audience: 'api' },
        ...(type === 'refresh-token' && { refreshToken: { parameter: '/refresh' } }),
        ...more,
      } as Auth,
    }),
    (request, response) => {
      if (provider.handle(request, response)) return;
      if (provider.isAllowed(request)) sendJson(response, [1]);
      else response.writeHead(401).end();
    },
    SECRETS,
  );
  return { provider, opened };
}

describe('OAuth 2 client credentials', () => {
  test('a token is asked for once and kept until shortly before it expires', async () => {
    const { provider, opened } = await openOAuth('client-credentials', { expiresIn: 600 });
    await fetchPage(opened);
    opened.clock.advance(539_000);
    await fetchPage(opened);
    expect(provider.tokenRequests).toHaveLength(1);
    opened.clock.advance(1_000);
    await fetchPage(opened);
    expect(provider.tokenRequests).toHaveLength(2);
    const [first] = provider.tokenRequests;
    expect(Object.fromEntries(first?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'read list',
      audience: 'api',
    });
    expect(first?.authorization).toBe(`Basic ${Buffer.from('client+id:client+s3cret').toString('base64')}`);
  });

  test('the client may prove itself in the body', async () => {
    const { provider, opened } = await openOAuth('client-credentials', {}, { clientAuth: 'body' });
    await fetchPage(opened);
    const [first] = provider.tokenRequests;
    expect(first?.form.get('client_secret')).toBe('client s3cret');
    expect(first?.authorization).toBeUndefined();
  });

  test('a token that is refused early is renewed, once', async () => {
    const { provider, opened } = await openOAuth('client-credentials');
    await fetchPage(opened);
    provider.accessToken = 'withdrawn';
    expect((await fetchPage(opened)).records).toHaveLength(1);
    expect(provider.tokenRequests).toHaveLength(2);
    provider.isAllowed = () => false;
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_REFUSED' });
    expect(provider.tokenRequests).toHaveLength(3);
  });

  test('pages at the same time wait for one token', async () => {
    const { provider, opened } = await openOAuth('client-credentials');
    await Promise.all([fetchPage(opened), fetchPage(opened), fetchPage(opened)]);
    expect(provider.tokenRequests).toHaveLength(1);
  });

  test.each([
    [400, { error: 'invalid_client', error_description: 'hidden' }, 'TOKEN_REFUSED', 1],
    [200, { token: 'x' }, 'TOKEN_REFUSED', 1],
    [503, {}, 'PULL_BUSY', 5],
  ])('an answer with status %i and %j: %s after %i requests', async (status, value, code, requests) => {
    const opened = await openHttp(
      (origin) => ({
        auth: {
          type: 'oauth2-client-credentials',
          tokenUrl: `${origin}/token`,
          clientId: 'me',
          clientSecret: { parameter: '/client-secret' },
        },
      }),
      (_, response) => void response.writeHead(status).end(JSON.stringify(value)),
      SECRETS,
    );
    const error = await fetchPage(opened).then(toError, toError);
    expect(error).toMatchObject({ code });
    expect(error.message).not.toMatch(/hidden|s3cret/);
    expect(opened.server.requests).toHaveLength(requests);
  });

  test.each(['https://169.254.169.254/token', 'https://[::ffff:a9fe:a9fe]/token', 'http://0/token'])(
    'a token endpoint at %s is refused by its address, and no secret leaves',
    async (tokenUrl) => {
      const { opened } = await openOAuth('client-credentials', {}, { tokenUrl });
      await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_URL_REFUSED' });
    },
  );
});

describe('OAuth 2 refresh tokens', () => {
  test('a token that is replaced with each use is stored before it is used', async () => {
    const { provider, opened } = await openOAuth('refresh-token', { rotates: true, expiresIn: 60 });
    for (let n = 1; n <= 3; n++) {
      await fetchPage(opened);
      opened.clock.advance(60_000);
    }
    expect(provider.tokenRequests.map(({ form }) => form.get('refresh_token'))).toEqual([
      'refresh-0',
      'refresh-1',
      'refresh-2',
    ]);
    // Another instance goes on from what is stored.
    await fetchPage({ pages: opened.again(), clock: opened.clock });
    expect(provider.tokenRequests.at(-1)?.form.get('refresh_token')).toBe('refresh-3');
    expect(provider.isRevoked).toBe(false);
  });

  test('an access token is shared by all instances', async () => {
    const { provider, opened } = await openOAuth('refresh-token', { rotates: true });
    await fetchPage(opened);
    await fetchPage({ pages: opened.again(), clock: opened.clock });
    expect(provider.tokenRequests).toHaveLength(1);
  });

  test('the store holds no token that can be read without the configured one, and nothing is logged', async () => {
    const { opened } = await openOAuth('refresh-token', { rotates: true });
    await fetchPage(opened);
    const stored = opened.tokens.peek('items');
    const decoded = Buffer.from(stored.sealed, 'base64url').toString('latin1');
    expect(stored.sealed).not.toBe('');
    expect(JSON.stringify(stored) + decoded + JSON.stringify(opened.telemetry.logs)).not.toMatch(
      /refresh-\d|access-\d|s3cret/,
    );
  });

  test('a store that does not take the answer keeps the access token from being used', async () => {
    const { opened } = await openOAuth('refresh-token', { rotates: true });
    const write = opened.tokens.write.bind(opened.tokens);
    let writes = 0;
    opened.tokens.write = (...input) =>
      ++writes === 1 ? write(...input) : Promise.reject(new Error('denied'));
    await expect(fetchPage(opened)).rejects.toThrow('denied');
    expect(opened.server.requests.every(({ url }) => url.pathname === '/token')).toBe(true);
  });

  test('a grant that is refused says what to do, and a new token in the parameter starts anew', async () => {
    const { provider, opened } = await openOAuth('refresh-token', { rotates: true, expiresIn: 60 });
    await fetchPage(opened);
    provider.refreshToken = 'authorised-again';
    opened.clock.advance(60_000);
    const error = await fetchPage(opened).then(toError, toError);
    expect(error).toMatchObject({ code: 'TOKEN_REFUSED', disposition: 'block' });
    expect(error.message).toContain('put the new refresh token into SSM parameter /refresh');
    expect(error.message).not.toMatch(/refresh-\d|secret words/);
    provider.isRevoked = false;
    opened.parameters.set('/refresh', 'authorised-again');
    expect((await fetchPage(opened)).records).toHaveLength(1);
  });

  test('who dies between the answer and the store leaves a lease; the next one waits for it, then says so', async () => {
    const { provider, opened } = await openOAuth('refresh-token', { rotates: true });
    const write = opened.tokens.write.bind(opened.tokens);
    let writes = 0;
    opened.tokens.write = (...input) =>
      ++writes === 2 ? Promise.reject(new Error('killed')) : write(...input);
    await expect(fetchPage(opened)).rejects.toThrow('killed');
    const before = opened.clock.nowMs();
    const error = await fetchPage({ pages: opened.again(), clock: opened.clock }).then(toError, toError);
    expect(error.message).toContain('a run ended between its answer and storing it');
    expect(opened.clock.nowMs() - before).toBeGreaterThan(60_000);
    expect(provider.tokenRequests).toHaveLength(2);
  });

  test('a provider with a grace period goes on after such a death', async () => {
    const { provider, opened } = await openOAuth('refresh-token', { rotates: false });
    const write = opened.tokens.write.bind(opened.tokens);
    let writes = 0;
    opened.tokens.write = (...input) =>
      ++writes === 2 ? Promise.reject(new Error('killed')) : write(...input);
    await expect(fetchPage(opened)).rejects.toThrow('killed');
    expect((await fetchPage({ pages: opened.again(), clock: opened.clock })).records).toHaveLength(1);
    expect(provider.isRevoked).toBe(false);
  });
});
