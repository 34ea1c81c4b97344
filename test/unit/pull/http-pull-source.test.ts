import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { sendJson, type SeenRequest } from '../../support/local-server.ts';
import { fetchPage, openHttp as open, readAll } from '../../support/open-http.ts';

const ROWS = Array.from({ length: 7 }, (_, i) => i);
const slice = (start: number, size: number): number[] => ROWS.slice(start, start + size);
const numberOf = ({ url }: SeenRequest, name: string): number => Number(url.searchParams.get(name));
const EXPECTED = ROWS.map(String);

describe('paginators', () => {
  test('page: counts from firstPage and ends with a short page, which is confirmed once', async () => {
    const opened = await open(
      { paginator: { type: 'page', parameter: 'p', firstPage: 0, sizeParameter: 'n', size: 3 } },
      (request, response) => {
        sendJson(response, slice(numberOf(request, 'p') * 3, 3));
      },
    );
    expect(await readAll(opened)).toEqual({ records: EXPECTED, tokens: ['1', '2'] });
    const asked = opened.server.requests.map(({ url }) => url.searchParams.toString());
    expect(asked).toEqual(['p=0&n=3', 'p=1&n=3', 'p=2&n=3', 'p=3&n=3']);
    await readAll(opened);
    expect(opened.server.requests, 'the size is trusted from then on').toHaveLength(4 + 3);
  });

  test('page without a size: ends with an empty page', async () => {
    const opened = await open({ paginator: { type: 'page' } }, (request, response) => {
      sendJson(response, slice((numberOf(request, 'page') - 1) * 3, 3));
    });
    expect(await readAll(opened)).toEqual({ records: EXPECTED, tokens: ['2', '3', '4'] });
  });

  test('page: an API that gives fewer records than size asks for is noticed, not taken for the end', async () => {
    const opened = await open(
      { paginator: { type: 'page', sizeParameter: 'n', size: 100 } },
      (request, response) => {
        sendJson(response, slice((numberOf(request, 'page') - 1) * 3, 3));
      },
    );
    await expect(readAll(opened)).rejects.toMatchObject({
      code: 'PULL_PAGE_SIZE',
      message: expect.stringContaining('set size to what the API really gives (at most 3)') as string,
    });
  });

  test('offset: moves on by what was answered', async () => {
    const opened = await open(
      { paginator: { type: 'offset', parameter: 'skip', sizeParameter: 'take', size: 3 } },
      (request, response) => {
        sendJson(response, slice(numberOf(request, 'skip'), numberOf(request, 'take')));
      },
    );
    expect(await readAll(opened)).toEqual({ records: EXPECTED, tokens: ['3', '6'] });
  });

  test.each([
    ['null', { next: null }],
    ['missing', {}],
    ['empty', { next: '' }],
    ['false', { next: false }],
  ])('cursor: follows the cursor until it is %s', async (_, last) => {
    const opened = await open(
      { paginator: { type: 'cursor', parameter: 'after', path: 'meta.next' }, recordsPath: 'data' },
      (request, response) => {
        const at = numberOf(request, 'after');
        const meta = at + 3 < ROWS.length ? { next: String(at + 3) } : last;
        sendJson(response, { data: slice(at, 3), meta });
      },
    );
    expect(await readAll(opened)).toEqual({ records: EXPECTED, tokens: ['3', '6'] });
    expect(opened.server.requests[0]?.url.searchParams.has('after')).toBe(false);
  });

  test('cursor: a numeric cursor keeps all of its digits', async () => {
    const opened = await open(
      { paginator: { type: 'cursor', parameter: 'after', path: 'next' }, recordsPath: 'data' },
      (request, response) => {
        const isFirst = !request.url.searchParams.has('after');
        sendJson(response, isFirst ? '{"data":[1],"next":9007199254740993}' : '{"data":[]}');
      },
    );
    expect((await readAll(opened)).tokens).toEqual(['9007199254740993']);
  });

  test('link-header: follows rel="next" among other links, relative or absolute', async () => {
    const opened = await open({ paginator: { type: 'link-header' } }, (request, response) => {
      const at = numberOf(request, 'at');
      const target = at === 0 ? '?at=3' : `http://${String(request.headers.host)}/items?at=6`;
      const link = `</first>; rel="first", <${target}>; title="a, \\"b\\""; rel="last NEXT", </x>; rel=prev`;
      sendJson(response, slice(at, 3), at < 6 ? { link } : { link: '</first>; rel="first"' });
    });
    const { records, tokens } = await readAll(opened);
    expect(records).toEqual(EXPECTED);
    expect(tokens.map((token) => new URL(token).search)).toEqual(['?at=3', '?at=6']);
  });

  test('link-header: a link to another origin is refused', async () => {
    const opened = await open({ paginator: { type: 'link-header' } }, (_, response) => {
      sendJson(response, [1], { link: '<http://169.254.169.254/x>; rel="next"' });
    });
    await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_LINK', disposition: 'block' });
    await expect(fetchPage(opened, 'https://elsewhere.example/')).rejects.toMatchObject({
      code: 'PULL_LINK',
    });
  });

  test('none: one answer is all', async () => {
    const opened = await open({}, (_, response) => {
      sendJson(response, ROWS);
    });
    expect(await readAll(opened)).toEqual({ records: EXPECTED, tokens: [] });
  });

  test('an API that ignores the page is noticed', async () => {
    const opened = await open({ paginator: { type: 'page' } }, (_, response) => {
      sendJson(response, ROWS);
    });
    await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_LOOP', disposition: 'block' });
  });

  test('a page may be read again', async () => {
    const opened = await open({ paginator: { type: 'page' } }, (request, response) => {
      sendJson(response, slice((numberOf(request, 'page') - 1) * 3, 3));
    });
    await fetchPage(opened, '2');
    await expect(fetchPage(opened, '2')).resolves.toMatchObject({ next: '3' });
  });

  test('a cursor that names its own page is noticed', async () => {
    const opened = await open(
      { paginator: { type: 'cursor', parameter: 'after', path: 'next' }, recordsPath: 'data' },
      (_, response, number) => {
        sendJson(response, { data: [number], next: 'same' });
      },
    );
    await expect(readAll(opened)).rejects.toMatchObject({ code: 'PULL_LOOP' });
  });
});

describe('requests', () => {
  test('carry query, cursor value, headers and values of parameters', async () => {
    const opened = await open(
      {
        url: { parameter: '/url' },
        headers: { Authorization: { parameter: '/token' }, 'X-Tenant': 'acme' },
        query: { sort: 'ts' },
        incremental: { cursor: 'ts', parameter: 'since', initialValue: '0' },
      },
      (_, response) => {
        sendJson(response, []);
      },
      { '/token': 'Bearer secret\n' },
    );
    await fetchPage(opened, undefined, '2026-01-01T00:00:00+02:00');
    const [request] = opened.server.requests;
    expect(Object.fromEntries(request?.url.searchParams ?? [])).toEqual({
      sort: 'ts',
      since: '2026-01-01T00:00:00+02:00',
    });
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'x-tenant': 'acme',
      accept: 'application/json',
    });
  });

  test('a url that is none is refused with the place where it stands', async () => {
    const opened = await open({ url: { parameter: '/bad' } }, () => undefined, { '/bad': 'nonsense' });
    await expect(fetchPage(opened)).rejects.toThrow('SSM parameter /bad is not a URL');
  });

  test('records keep their original bytes', async () => {
    const text = '{ "data" : [ {"a":1.10, "b" : 9007199254740993 ,"ä":"\\u00e4]"} ,\n [1] , "x,]" , -0.0] }';
    const opened = await open({ recordsPath: 'data' }, (_, response) => {
      sendJson(response, text);
    });
    expect((await readAll(opened)).records).toEqual([
      '{"a":1.10, "b" : 9007199254740993 ,"ä":"\\u00e4]"}',
      '[1]',
      '"x,]"',
      '-0.0',
    ]);
  });
});

describe('failures', () => {
  const failing =
    (status: number, headers: Record<string, string> = {}, times = 1) =>
    (_: SeenRequest, response: ServerResponse, number: number): void => {
      if (number <= times) response.writeHead(status, headers).end('{}');
      else sendJson(response, [1]);
    };

  test.each([500, 502, 503, 504, 408, 425, 429])('status %i is tried again', async (status) => {
    const opened = await open({}, failing(status));
    expect((await fetchPage(opened)).records).toHaveLength(1);
    expect(opened.telemetry.total('Retries', 'items')).toBe(1);
  });

  test('Retry-After in seconds is waited for', async () => {
    const opened = await open({}, failing(429, { 'retry-after': '7' }));
    const before = opened.clock.nowMs();
    await fetchPage(opened);
    expect(opened.clock.nowMs() - before).toBe(7_000);
  });

  test('Retry-After as a date is waited for', async () => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, 0, 9)).toUTCString();
    const opened = await open({}, failing(503, { 'retry-after': at }));
    await fetchPage(opened);
    expect(opened.clock.nowMs()).toBe(Date.parse(at));
  });

  test('a Retry-After that is too long ends the run at once', async () => {
    const opened = await open({}, failing(429, { 'retry-after': '3600' }));
    await expect(fetchPage(opened)).rejects.toMatchObject({
      code: 'PULL_RATE_LIMITED',
      disposition: 'retry',
    });
    expect(opened.server.requests).toHaveLength(1);
  });

  test('five attempts are enough', async () => {
    const opened = await open({}, failing(500, {}, 100));
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_BUSY' });
    expect(opened.server.requests).toHaveLength(5);
  });

  test.each([400, 401, 403, 404, 410])('status %i blocks and says what to check', async (status) => {
    const opened = await open({}, failing(status));
    const promise = fetchPage(opened);
    await expect(promise).rejects.toMatchObject({ code: 'PULL_REFUSED', disposition: 'block' });
    await expect(promise).rejects.toThrow(status === 401 || status === 403 ? /credentials/ : /"url"/);
    expect(opened.server.requests).toHaveLength(1);
  });

  test.each([
    ['broken JSON', 'application/json', '[{"a":1},'],
    ['an error page', 'text/html', '<html>Service unavailable</html>'],
    ['an empty body', 'application/json', ''],
  ])(
    '%s with status 200 is tried again, then fails by name and without its content',
    async (_, type, body) => {
      const opened = await open({}, (__, response) => {
        response.writeHead(200, { 'content-type': type }).end(body);
      });
      const error = await fetchPage(opened).catch((reason: unknown) => reason as Error);
      expect(error).toMatchObject({ code: 'PULL_NOT_JSON', disposition: 'retry' });
      expect((error as Error).message).toContain(type);
      expect((error as Error).message).not.toContain('Service');
      expect(opened.server.requests).toHaveLength(5);
    },
  );

  test.each<[string | undefined, unknown, string]>([
    ['data.items', { data: { rows: [1], total: 1 } }, '"data" is an object with the fields rows, total'],
    ['data.items', { data: { rows: [1] } }, '(arrays are at: data.rows)'],
    [
      'items',
      [1],
      'the answer is an array; set recordsPath to the path of the array of records (the answer itself is one',
    ],
    [undefined, { items: [1] }, 'the answer is not an array: the answer is an object with the fields items'],
    ['data', { data: 'secret' }, '"data" is a string'],
    ['data', {}, 'the answer is an empty object'],
  ])(
    'recordsPath %s that is wrong for %j: the message names what there is',
    async (recordsPath, value, expected) => {
      const opened = await open({ ...(recordsPath && { recordsPath }) }, (_, response) => {
        sendJson(response, value);
      });
      const error = await fetchPage(opened).catch((reason: unknown) => reason as Error);
      expect(error).toMatchObject({ code: 'PULL_NO_RECORDS', disposition: 'block' });
      expect((error as Error).message).toContain(expected);
      expect((error as Error).message).not.toContain('secret');
    },
  );

  test('null at recordsPath and status 204 are empty answers', async () => {
    const nothing = await open({ recordsPath: 'data' }, (_, response, number) => {
      if (number === 1) sendJson(response, { data: null });
      else response.writeHead(204).end();
    });
    expect(await fetchPage(nothing)).toEqual({ records: [], next: undefined });
    expect(await fetchPage(nothing)).toEqual({ records: [], next: undefined });
  });

  test('no request is made after the deadline', async () => {
    const opened = await open({}, failing(500));
    const deadlineMs = opened.clock.nowMs();
    await expect(
      opened.pages.fetchPage({ since: undefined, token: undefined, deadlineMs }),
    ).rejects.toMatchObject({
      code: 'PULL_TIMEOUT',
    });
    expect(opened.server.requests).toHaveLength(0);
  });
});
