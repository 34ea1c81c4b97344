import { describe, expect, test } from 'vitest';
import { RateLimitedError } from '../../../shared/domain/rate-limited-error.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { sendJson, type SeenRequest } from '../../support/local-server.ts';
import { fetchPage, openHttp, readAll } from '../../support/open-http.ts';

const ROWS = Array.from({ length: 7 }, (_, i) => ({ id: i }));
const slice = (start: number, size = 3) => ROWS.slice(start, start + size);
const IDS = ROWS.map((row) => JSON.stringify(row));
const numberOf = ({ url }: SeenRequest, name: string): number => Number(url.searchParams.get(name));
const bodyOf = ({ body }: SeenRequest) => JSON.parse(body) as Record<string, unknown>;
const queries = (requests: readonly SeenRequest[]) => requests.map(({ url }) => url.search);

describe('paginators', () => {
  test('next-url: follows an address in the body, relative or absolute', async () => {
    const opened = await openHttp(
      { paginator: { type: 'next-url', path: 'paging.next' }, recordsPath: 'data' },
      (request, response) => {
        const at = numberOf(request, 'at');
        const next = at === 0 ? '/items?at=3' : `http://${String(request.headers.host)}/items?at=6`;
        sendJson(response, { data: slice(at), paging: { next: at < 6 ? next : null } });
      },
    );
    expect((await readAll(opened)).records).toEqual(IDS);
    expect(queries(opened.server.requests)).toEqual(['', '?at=3', '?at=6']);
  });

  test.each(['http://169.254.169.254/x', 'http://127.0.0.1:1/items', '//evil.example/x', 'ftp://x/'])(
    'next-url: %s is refused',
    async (next) => {
      const opened = await openHttp(
        { paginator: { type: 'next-url', path: 'next' }, recordsPath: 'data' },
        (_, response) => {
          sendJson(response, { data: [1], next });
        },
      );
      await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_LINK', disposition: 'block' });
      expect(opened.server.requests).toHaveLength(1);
    },
  );

  test('cursor: a field of the last record leads on, and an empty page ends', async () => {
    const opened = await openHttp(
      { paginator: { type: 'cursor', parameter: 'after', path: 'items[-1].id' }, recordsPath: 'items' },
      (request, response) => {
        const after = request.url.searchParams.get('after');
        sendJson(response, { items: slice(after === null ? 0 : Number(after) + 1) });
      },
    );
    expect(await readAll(opened)).toEqual({ records: IDS, tokens: ['2', '5', '6'] });
  });

  test('cursor: hasMorePath false ends a listing although there is a cursor', async () => {
    const opened = await openHttp(
      {
        paginator: { type: 'cursor', parameter: 'after', path: 'data[-1].id', hasMorePath: 'has_more' },
        recordsPath: 'data',
      },
      (request, response) => {
        const at = request.url.searchParams.has('after') ? numberOf(request, 'after') + 1 : 0;
        sendJson(response, { data: slice(at), has_more: at + 3 < ROWS.length });
      },
    );
    expect(await readAll(opened)).toEqual({ records: IDS, tokens: ['2', '5'] });
  });

  test('cursor: an answer that says there is more and names no cursor blocks', async () => {
    const opened = await openHttp(
      {
        paginator: { type: 'cursor', parameter: 'after', path: 'next', hasMorePath: 'more' },
        recordsPath: 'data',
      },
      (_, response) => {
        sendJson(response, { data: [1], more: true });
      },
    );
    await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_NO_NEXT', disposition: 'block' });
  });

  test('cursor: in a header of the answer, and sent as a header', async () => {
    const opened = await openHttp(
      { paginator: { type: 'cursor', parameter: 'X-Cursor', header: 'X-Next', in: 'header' } },
      (request, response) => {
        const at = Number(request.headers['x-cursor'] ?? 0);
        sendJson(response, slice(at), at + 3 < ROWS.length ? { 'x-next': String(at + 3) } : {});
      },
    );
    expect(await readAll(opened)).toEqual({ records: IDS, tokens: ['3', '6'] });
  });

  test('page: totalPath tells the last page, without asking beyond it', async () => {
    const opened = await openHttp(
      { paginator: { type: 'page', firstPage: 0, totalPath: 'pages' }, recordsPath: 'data' },
      (request, response) => {
        sendJson(response, { data: slice(numberOf(request, 'page') * 3), pages: 3 });
      },
    );
    expect((await readAll(opened)).records).toEqual(IDS);
    expect(queries(opened.server.requests)).toEqual(['?page=0', '?page=1', '?page=2']);
  });

  test('offset: totalPath tells the end, also where pages are shorter than asked for', async () => {
    const opened = await openHttp(
      { paginator: { type: 'offset', size: 100, totalPath: 'meta.total' }, recordsPath: 'data' },
      (request, response) => {
        sendJson(response, { data: slice(numberOf(request, 'offset')), meta: { total: 7 } });
      },
    );
    expect(await readAll(opened)).toEqual({ records: IDS, tokens: ['3', '6'] });
  });

  test('page: hasMorePath true goes on over an empty page', async () => {
    const pages = [slice(0), [], slice(3), slice(6)];
    const opened = await openHttp(
      { paginator: { type: 'page', hasMorePath: 'more' }, recordsPath: 'data' },
      (request, response) => {
        const page = numberOf(request, 'page');
        sendJson(response, { data: pages[page - 1], more: page < pages.length });
      },
    );
    expect((await readAll(opened)).records).toEqual(IDS);
  });

  test('page: a total that is missing falls back to reading until an empty page', async () => {
    const opened = await openHttp(
      { paginator: { type: 'page', totalPath: 'pages' }, recordsPath: 'data' },
      (request, response) => {
        sendJson(response, { data: slice((numberOf(request, 'page') - 1) * 3) });
      },
    );
    expect((await readAll(opened)).records).toEqual(IDS);
  });

  test('a token that is too long to keep between runs blocks', async () => {
    const opened = await openHttp(
      { paginator: { type: 'cursor', parameter: 'after', path: 'next' }, recordsPath: 'data' },
      (_, response) => {
        sendJson(response, { data: [1], next: 'x'.repeat(10_000) });
      },
    );
    await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_TOKEN_TOO_LONG' });
  });
});

describe('POST', () => {
  test('sends a JSON body with the page and the cursor in it, as numbers where they are', async () => {
    const opened = await openHttp(
      {
        method: 'POST',
        body: { filter: { status: 'open' }, limit: 3 },
        paginator: {
          type: 'offset',
          parameter: 'page.offset',
          sizeParameter: 'page.limit',
          size: 3,
          in: 'body',
        },
        incremental: {
          cursor: 'ts',
          parameter: 'filter.since',
          in: 'body',
          format: 'epoch-seconds',
          initialValue: '0',
        },
        recordsPath: 'data',
      },
      (request, response) => {
        const page = bodyOf(request)['page'] as { offset: number };
        sendJson(response, { data: slice(page.offset) });
      },
    );
    expect((await readAll(opened, '1767225600999')).records).toEqual(IDS);
    const [first] = opened.server.requests;
    expect(first).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(opened.server.requests.map(bodyOf).slice(0, 2)).toEqual([
      { filter: { status: 'open', since: 1_767_225_600 }, limit: 3, page: { offset: 0, limit: 3 } },
      { filter: { status: 'open', since: 1_767_225_600 }, limit: 3, page: { offset: 3, limit: 3 } },
    ]);
  });

  test.each([301, 302, 303])(
    'a redirect with status %i is refused: the body would be lost',
    async (status) => {
      const opened = await openHttp({ method: 'POST' }, (_, response) => {
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
      await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_REDIRECT', disposition: 'block' });
      expect(opened.server.requests).toHaveLength(1);
    },
  );

  test('a redirect with status 308 repeats the body on the same origin, and on no other', async () => {
    const opened = await openHttp({ method: 'POST', body: { q: 1 } }, (request, response) => {
      if (request.url.pathname === '/items') response.writeHead(308, { location: '/v2' }).end();
      else if (request.url.pathname === '/v2') sendJson(response, [bodyOf(request)]);
    });
    expect((await readAll(opened)).records).toEqual(['{"q":1}']);
    const leaving = await openHttp({ method: 'POST' }, (_, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
    });
    await expect(fetchPage(leaving)).rejects.toMatchObject({ code: 'PULL_REDIRECT' });
  });
});

describe('records', () => {
  test('the arrays of all groups are taken', async () => {
    const opened = await openHttp({ recordsPath: 'groups[*].members' }, (_, response) => {
      sendJson(response, { groups: [{ members: [1, 2] }, { members: null }, {}, { members: [3] }] });
    });
    expect((await readAll(opened)).records).toEqual(['1', '2', '3']);
  });

  test.each([
    [{ groups: [] }, 0],
    [{ groups: [{ members: [] }] }, 0],
  ])('%j has no records, which is no error', async (value, records) => {
    const opened = await openHttp({ recordsPath: 'groups[*].members' }, (_, response) => {
      sendJson(response, value);
    });
    expect((await fetchPage(opened)).records).toHaveLength(records);
  });

  test.each([{ groups: [{ people: [1] }] }, { groups: 7 }, { groups: [{ members: 'x' }] }])(
    '%j has no array there',
    async (value) => {
      const opened = await openHttp({ recordsPath: 'groups[*].members' }, (_, response) => {
        sendJson(response, value);
      });
      await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_NO_RECORDS' });
    },
  );
});

describe('error handlers', () => {
  test('a rule for a status and its body ignores: an empty page, counted and logged', async () => {
    const opened = await openHttp(
      {
        paginator: { type: 'page' },
        errorHandler: [{ status: [404], path: 'error.code', equals: 'no_data', action: 'ignore' }],
      },
      (_, response) => {
        response.writeHead(404).end('{"error":{"code":"no_data"}}');
      },
    );
    expect(await fetchPage(opened)).toEqual({ records: [], next: undefined, ignored: 1 });
    expect(opened.telemetry.logs.map(({ message }) => message)).toEqual([
      'an answer is taken as an empty page, as errorHandler says',
    ]);
  });

  test('another body with the same status keeps its default', async () => {
    const opened = await openHttp(
      { errorHandler: [{ status: [404], path: 'error.code', equals: 'no_data', action: 'ignore' }] },
      (_, response) => {
        response.writeHead(404).end('{"error":{"code":"no_such_endpoint"}}');
      },
    );
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_REFUSED' });
  });

  test('an error in an answer with status 200 is repeated, or fails with its hint', async () => {
    const opened = await openHttp(
      {
        recordsPath: 'items',
        errorHandler: [
          { path: 'error', equals: 'busy', action: 'retry' },
          { contains: 'account closed', action: 'fail', hint: 'ask the vendor' },
        ],
      },
      (_, response, number) => {
        sendJson(response, number === 1 ? { error: 'busy' } : { error: 'account closed' });
      },
    );
    await expect(fetchPage(opened)).rejects.toMatchObject({
      code: 'PULL_REFUSED',
      disposition: 'block',
      message: expect.stringContaining('ask the vendor') as string,
    });
    expect(opened.server.requests).toHaveLength(2);
  });

  test('a status that would pass can be made to fail, and one that would fail to be repeated', async () => {
    const opened = await openHttp(
      {
        errorHandler: [
          { status: [403], action: 'rate-limited' },
          { status: [503], action: 'fail' },
        ],
      },
      (_, response, number) => {
        response.writeHead(number === 1 ? 403 : 503).end('{}');
      },
    );
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_REFUSED' });
    expect(opened.server.requests).toHaveLength(2);
  });
});

describe('limits', () => {
  const once = (headers: Record<string, string>) =>
    openHttp({ rateLimit: {} }, (_, response, number) => {
      sendJson(response, [number], number === 1 ? headers : {});
    });
  const soon = (seconds: number): string => String(Date.UTC(2026, 0, 1) / 1000 + seconds);

  test.each<[string, Record<string, string>, number]>([
    ['RateLimit', { ratelimit: '"burst";r=5;t=1, "day";r=0;t=20' }, 20_000],
    ['RateLimit-Remaining', { 'ratelimit-remaining': '0', 'ratelimit-reset': '12' }, 12_000],
    ['what is configured', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': soon(9) }, 9_000],
    ['a limit that is not used up', { 'ratelimit-remaining': '1', 'ratelimit-reset': '12' }, 0],
  ])('%s: the next request waits for it', async (_, headers, waitMs) => {
    const opened = await once(headers);
    await fetchPage(opened);
    const before = opened.clock.nowMs();
    await fetchPage(opened);
    expect(opened.clock.nowMs() - before).toBe(waitMs);
  });

  test('a limit that is used up for too long ends the run before anything is sent', async () => {
    const opened = await once({ 'ratelimit-remaining': '0', 'ratelimit-reset': '3600' });
    await fetchPage(opened);
    const error = await fetchPage(opened).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RateLimitedError);
    expect(error).toMatchObject({ by: 'source', untilMs: opened.clock.nowMs() + 3_600_000 });
    expect(opened.server.requests).toHaveLength(1);
  });

  test('a page that was read after a 429 says so', async () => {
    const opened = await openHttp({}, (_, response, number) => {
      if (number === 1) response.writeHead(429, { 'retry-after': '2' }).end();
      else sendJson(response, [1]);
    });
    expect(await fetchPage(opened)).toMatchObject({ rateLimited: true });
    expect(await fetchPage(opened)).not.toHaveProperty('rateLimited');
  });

  test('apiBudget: no stretch of its length has more requests, retries included', async () => {
    const times: number[] = [];
    const opened = await openHttp(
      { apiBudget: { requests: 3, per: '10 seconds' } },
      (_, response, number) => {
        times.push(opened.clock.nowMs());
        if (number % 4 === 0) response.writeHead(500).end();
        else sendJson(response, [number]);
      },
    );
    for (let n = 0; n < 12; n++) await fetchPage(opened);
    expect(times).toHaveLength(15);
    times.forEach((time, i) => {
      expect((times[i + 3] ?? Number.POSITIVE_INFINITY) - time).toBeGreaterThanOrEqual(10_000);
    });
  });

  test('apiBudget: a wait that is too long ends the run', async () => {
    const opened = await openHttp({ apiBudget: { requests: 1, per: '1 hour' } }, (_, response) => {
      sendJson(response, [1]);
    });
    await fetchPage(opened);
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_RATE_LIMITED', by: 'budget' });
    expect(opened.server.requests).toHaveLength(1);
  });
});

const INCREMENTAL = { cursor: 'ts', parameter: 'since', initialValue: '0' } as const;
const parent = { url: 'https://api.example.com/orders', key: 'id' };

describe('configurations that cannot work', () => {
  test.each<[string, Parameters<typeof declareHttp>[0], RegExp]>([
    ['a body without POST', { body: {} }, /items\.body: needs method: "POST"/],
    [
      'a page in the body of a GET',
      { paginator: { type: 'page', in: 'body' } },
      /paginator\.in: can be "body" only/,
    ],
    [
      'a cursor without a place',
      { paginator: { type: 'cursor', parameter: 'a' } },
      /paginator\.path: set either/,
    ],
    ['a path that is none', { recordsPath: 'a..b' }, /recordsPath: must be a path into the answer/],
    [
      'all elements as cursor',
      { paginator: { type: 'cursor', parameter: 'a', path: 'x[*].id' } },
      /paginator\.path/,
    ],
    [
      'a paginator of no known type',
      { paginator: { type: 'next' as 'none' } },
      /page, offset, cursor, link-header, next-url, none/,
    ],
    [
      'a window without an end',
      { incremental: { ...INCREMENTAL, window: '1 day' } },
      /endParameter: is required with `window`/,
    ],
    [
      'a window over numbers',
      { incremental: { ...INCREMENTAL, cursor: 'id', endParameter: 'to', window: '1 day' } },
      /endParameter needs a cursor that is a time/,
    ],
    [
      'a format for numbers',
      { incremental: { ...INCREMENTAL, cursor: 'version', format: 'date' } },
      /format "date" needs a cursor that is a time/,
    ],
    [
      'hours as dates',
      { incremental: { ...INCREMENTAL, endParameter: 'to', format: 'date', window: '1 hour' } },
      /window: must be "1 day" or longer/,
    ],
    [
      'a first window that begins nowhere',
      { incremental: { ...INCREMENTAL, initialValue: 'x', endParameter: 'to', window: '1 day' } },
      /initialValue must be a value of ts/,
    ],
    [
      'one parameter for both ends',
      { incremental: { ...INCREMENTAL, endParameter: 'since' } },
      /must be another parameter/,
    ],
    [
      'a rule for nothing',
      { errorHandler: [{ action: 'ignore' }] },
      /errorHandler\.0: must say what it is for/,
    ],
    [
      'a rule that compares nothing',
      { errorHandler: [{ path: 'a', action: 'retry' }] },
      /needs `equals` or `contains`/,
    ],
    [
      'two credentials',
      { headers: { Authorization: 'x' }, auth: { type: 'bearer', token: { parameter: '/t' } } },
      /headers\.Authorization: is set by `auth`/,
    ],
    ['a secret in the file', { auth: { type: 'bearer', token: 'abc' as never } }, /auth\.token/],
    [
      'a token url in the clear',
      {
        auth: {
          type: 'oauth2-client-credentials',
          tokenUrl: 'http://x.example/',
          clientId: 'a',
          clientSecret: { parameter: '/s' },
        },
      },
      /auth\.tokenUrl: must be an absolute https URL/,
    ],
    [
      'a placeholder without a parent',
      { url: 'https://api.example.com/orders/{parent.id}/lines' },
      /parent: is required/,
    ],
    ['a parent that is not used', { parent }, /url: must say where the parent goes/],
    [
      'a parent elsewhere',
      { url: 'https://other.example.com/{parent.id}', parent },
      /parent\.url: must be on the origin/,
    ],
    [
      'an incremental child',
      { url: 'https://api.example.com/{parent.id}', parent, incremental: INCREMENTAL },
      /incremental: cannot be set together with `parent`/,
    ],
  ])('%s', (_, config, message) => {
    expect(() => declareHttp(config)).toThrow(message);
  });
});
