import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createHttpSender, type SendOptions } from '../../../shared/adapters/http/send-request.ts';
import { dispositionOf, HeadgateError } from '../../../shared/domain/errors.ts';
import { sendJson, startLocalServer, type LocalServer } from '../../support/local-server.ts';

const servers: LocalServer[] = [];
const sender = createHttpSender();
afterEach(async () => {
  sender.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(answer: Parameters<typeof startLocalServer>[0]): Promise<LocalServer> {
  const server = await startLocalServer(answer);
  servers.push(server);
  return server;
}

const send = (url: string, options: Partial<SendOptions> = {}) =>
  sender.send(new URL(url), {
    headers: {},
    allowPrivateNetwork: true,
    timeoutMs: 5_000,
    maxBytes: 100_000,
    ...options,
  });

async function failure(promise: Promise<unknown>): Promise<HeadgateError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof HeadgateError) return error;
  throw new Error('expected a HeadgateError', { cause: error });
}

describe('URLs that must not be read', () => {
  test.each([
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.1/',
    'https://127.1/',
    'https://[::ffff:169.254.169.254]/',
    'https://①②⑦.0.0.1/',
    'https://169.254.169.254./',
    'https://[fd00:ec2::254]/',
    'https://169。254。169。254/',
    'https://10.1.2.3/',
    'https://[::1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
  ])('%s is refused by its address', async (url) => {
    const error = await failure(send(url, { allowPrivateNetwork: false }));
    expect(error).toMatchObject({ code: 'PULL_URL_REFUSED', disposition: 'block' });
  });

  test('a name is refused when it resolves to a refused address', async () => {
    const error = await failure(send('https://localhost/', { allowPrivateNetwork: false }));
    expect(error).toMatchObject({ code: 'PULL_URL_REFUSED', disposition: 'block' });
    expect(error.message).toContain('localhost must not be read: its address');
  });

  test('metadata services are refused even where private networks are allowed', async () => {
    for (const url of ['http://169.254.169.254/latest', 'http://[fd00:ec2::254]/', 'http://2852039166/']) {
      expect(await failure(send(url))).toMatchObject({ code: 'PULL_URL_REFUSED' });
    }
  });

  test('plain http needs allowPrivateNetwork, and other schemes are never allowed', async () => {
    const http = await failure(send('http://example.com/', { allowPrivateNetwork: false }));
    expect(http.message).toContain('plain http is allowed only with allowPrivateNetwork');
    expect((await failure(send('ftp://127.0.0.1/'))).message).toContain('only https is allowed');
  });

  test('credentials in a URL are refused without repeating them', async () => {
    const error = await failure(send('https://user:secret@example.com/', { allowPrivateNetwork: false }));
    expect(error.message).toContain('put credentials into "headers"');
    expect(error.message).not.toContain('secret');
  });
});

describe('redirects', () => {
  test('are followed, with all headers on the same origin', async () => {
    const server = await serve(({ url }, response) => {
      if (url.pathname === '/a') response.writeHead(302, { location: '/b' }).end();
      else sendJson(response, []);
    });
    await send(`${server.origin}/a`, { headers: { authorization: 'Bearer x', accept: 'application/json' } });
    expect(server.requests[1]?.headers).toMatchObject({ authorization: 'Bearer x' });
  });

  test('lose every configured header but accept when they leave the origin', async () => {
    const other = await serve((_, response) => {
      sendJson(response, []);
    });
    const server = await serve((_, response) => {
      response.writeHead(307, { location: `${other.origin}/` }).end();
    });
    await send(`${server.origin}/a`, {
      headers: { authorization: 'Bearer x', 'x-api-key': 'k', accept: 'application/json' },
    });
    const [seen] = other.requests;
    expect(seen?.headers.accept).toBe('application/json');
    expect(seen?.headers).not.toHaveProperty('authorization');
    expect(seen?.headers).not.toHaveProperty('x-api-key');
  });

  test('do not lead to refused addresses', async () => {
    const server = await serve((_, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    expect(await failure(send(server.origin))).toMatchObject({ code: 'PULL_URL_REFUSED' });
  });

  test('stop after five', async () => {
    const server = await serve((_, response) => {
      response.writeHead(302, { location: '/again' }).end();
    });
    expect(await failure(send(server.origin))).toMatchObject({ code: 'PULL_REDIRECT', disposition: 'block' });
    expect(server.requests).toHaveLength(6);
  });
});

describe('bodies', () => {
  test('gzip is asked for and decompressed', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('[1,2]'));
    });
    const answer = await send(server.origin);
    expect(answer.body.toString()).toBe('[1,2]');
    expect(server.requests[0]?.headers['accept-encoding']).toBe('gzip');
  });

  test('a bomb is cut off while it arrives', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const before = process.memoryUsage().arrayBuffers;
    const error = await failure(send(server.origin));
    expect(error).toMatchObject({ code: 'PULL_TOO_LARGE', disposition: 'block' });
    expect(error.message).toContain('ask for smaller pages');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  });

  test('an endless body is cut off', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(send(server.origin))).toMatchObject({ code: 'PULL_TOO_LARGE' });
  });

  test.each([
    ['plain', undefined, (text: string) => Buffer.from(text).subarray(0, -3)],
    ['gzip', 'gzip', (text: string) => gzipSync(text).subarray(0, -6)],
  ])('a truncated %s body is a passing failure, not a short answer', async (_, encoding, cut) => {
    const text = JSON.stringify(Array.from({ length: 500 }, (__, i) => ({ i })));
    const server = await serve((__, response) => {
      const bytes = cut(text);
      const length = encoding === undefined ? bytes.length + 3 : bytes.length;
      response.writeHead(200, {
        'content-length': length,
        ...(encoding && { 'content-encoding': encoding }),
      });
      response.write(bytes, () => response.destroy());
    });
    expect(dispositionOf(await failure(send(server.origin)))).toBe('retry');
  });

  test('an encoding that was not asked for is refused by name', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'br' }).end('x');
    });
    expect((await failure(send(server.origin))).message).toContain(
      'content-encoding "br"; allowed: gzip, identity',
    );
  });
});

describe('connections', () => {
  test('a server that does not answer, or stops in the middle, is a time-out', async () => {
    const silent = await serve(() => undefined);
    const halting = await serve((_, response) => {
      response.writeHead(200);
      response.write('[');
    });
    for (const { origin } of [silent, halting]) {
      const error = await failure(send(origin, { timeoutMs: 100 }));
      expect(error).toMatchObject({ code: 'PULL_TIMEOUT', disposition: 'retry' });
    }
  });

  test('a refused or reset connection is a passing failure', async () => {
    const gone = await serve(() => undefined);
    await gone.stop();
    expect(await failure(send(gone.origin))).toMatchObject({
      code: 'PULL_UNREACHABLE',
      disposition: 'retry',
    });
    const resetting = await serve((_, response) => {
      response.socket?.resetAndDestroy();
    });
    expect(await failure(send(resetting.origin))).toMatchObject({ disposition: 'retry' });
  });
});
