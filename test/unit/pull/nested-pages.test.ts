import { describe, expect, test } from 'vitest';
import type { HttpSourceInput } from '../../support/declare-http.ts';
import { sendJson, type SeenRequest } from '../../support/local-server.ts';
import { fetchPage, openHttp, readAll } from '../../support/open-http.ts';

interface Order {
  readonly id: string;
  readonly name?: string;
  readonly lines: readonly number[];
}

const ORDERS: readonly Order[] = [
  { id: 'a', name: 'Ä', lines: [1, 2, 3] },
  { id: 'b/../x', name: '', lines: [] },
  { id: 'c', lines: [4] },
  { id: 'd', lines: [5, 6] },
  { id: 'e', lines: [] },
];

/** Orders two on a page, and their lines two on a page. */
function answers(orders: () => readonly Order[]) {
  return ({ url }: SeenRequest, response: Parameters<typeof sendJson>[0]): void => {
    const at = Number(url.searchParams.get('at') ?? 0);
    const [, , id] = url.pathname.split('/');
    if (id === undefined || id === '') {
      const all = orders();
      sendJson(response, {
        data: all.slice(at, at + 2).map(({ id: key, name }) => ({ id: key, name })),
        next: at + 2 < all.length ? `/orders?at=${String(at + 2)}` : null,
      });
      return;
    }
    const order = orders().find((candidate) => candidate.id === decodeURIComponent(id));
    if (order === undefined) {
      response.writeHead(404).end('{}');
      return;
    }
    sendJson(response, {
      lines: order.lines.slice(at, at + 2).map((line) => ({ line })),
      next: at + 2 < order.lines.length ? at + 2 : null,
    });
  };
}

const nested =
  (more: Partial<HttpSourceInput> = {}, include: Record<string, string> = { orderId: 'id' }) =>
  (origin: string): Partial<HttpSourceInput> => ({
    url: `${origin}/orders/{parent.id}/lines`,
    recordsPath: 'lines',
    paginator: { type: 'cursor', parameter: 'at', path: 'next' },
    parent: {
      url: `${origin}/orders`,
      recordsPath: 'data',
      paginator: { type: 'next-url', path: 'next' },
      key: 'id',
      include,
    },
    ...more,
  });

const linesOf = (records: readonly string[]) =>
  records.map((text) => JSON.parse(text) as { line: number; orderId: string });

describe('records of parents', () => {
  test('are read parent by parent, page by page, with fields of the parent', async () => {
    const opened = await openHttp(
      nested({}, { orderId: 'id', 'order "name"': 'name' }),
      answers(() => ORDERS),
    );
    const { records } = await readAll(opened);
    expect(linesOf(records).map(({ line, orderId }) => [orderId, line])).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 3],
      ['c', 4],
      ['d', 5],
      ['d', 6],
    ]);
    expect(records[0]).toBe('{"line":1,"orderId":"a","order \\"name\\"":"Ä"}');
    expect(records[3]).toBe('{"line":4,"orderId":"c","order \\"name\\"":null}');
    const paths = opened.server.requests.map(({ url }) => url.pathname);
    expect(paths).toContain('/orders/b%2F..%2Fx/lines');
    expect(paths.filter((path) => path === '/orders')).toHaveLength(3);
  });

  test('a token goes on in another process, with one more page of parents', async () => {
    const opened = await openHttp(
      nested(),
      answers(() => ORDERS),
    );
    const { records, tokens } = await readAll(opened);
    for (const token of tokens) {
      const rest: string[] = [];
      const other = { pages: opened.again(), clock: opened.clock };
      for (let next: string | undefined = token; next !== undefined;) {
        const page = await fetchPage(other, next);
        rest.push(...page.records.map((bytes) => Buffer.from(bytes).toString()));
        next = page.next;
      }
      expect(records.slice(records.length - rest.length)).toEqual(rest);
    }
  });

  test('a token finds its parent again where that has moved on its page', async () => {
    let orders: readonly Order[] = ORDERS.slice(0, 2).reverse();
    const opened = await openHttp(
      nested(),
      answers(() => orders),
    );
    const first = await fetchPage(opened);
    const second = await fetchPage(opened, first.next);
    orders = ORDERS.slice(0, 2);
    const third = await fetchPage({ pages: opened.again(), clock: opened.clock }, second.next);
    expect(linesOf(third.records.map((bytes) => Buffer.from(bytes).toString()))).toEqual([
      { line: 3, orderId: 'a' },
    ]);
  });

  test('a page whose parent is gone is read from its beginning: rather twice than not', async () => {
    let orders: readonly Order[] = ORDERS.slice(0, 1);
    const opened = await openHttp(
      nested(),
      answers(() => orders),
    );
    const first = await fetchPage(opened);
    orders = ORDERS.slice(2, 4);
    const other = { pages: opened.again(), clock: opened.clock };
    const page = await fetchPage(other, first.next);
    expect(linesOf(page.records.map((bytes) => Buffer.from(bytes).toString()))[0]?.line).toBe(4);
  });

  test('a listing that begins asks for the parents there are now', async () => {
    let orders: readonly Order[] = ORDERS.slice(0, 1);
    const opened = await openHttp(
      nested(),
      answers(() => orders),
    );
    expect((await readAll(opened)).records).toHaveLength(3);
    orders = ORDERS.slice(0, 4);
    expect((await readAll(opened)).records).toHaveLength(6);
  });

  test('no parents, no records', async () => {
    const opened = await openHttp(
      nested(),
      answers(() => []),
    );
    expect(await readAll(opened)).toEqual({ records: [], tokens: [] });
  });

  test('a parent without records may answer 404, where a rule says so', async () => {
    const withRule = nested({ errorHandler: [{ status: [404], action: 'ignore' }] });
    const opened = await openHttp(withRule, (request, response) => {
      if (request.url.pathname.includes('/c/')) response.writeHead(404).end('{}');
      else answers(() => ORDERS)(request, response);
    });
    expect(linesOf((await readAll(opened)).records).map(({ line }) => line)).toEqual([1, 2, 3, 5, 6]);
  });

  test.each<[string, Record<string, string>, Order[], string]>([
    ['a field that the records have', { line: 'id' }, [{ id: 'a', lines: [1] }], 'PULL_PARENT_FIELD_TAKEN'],
    ['a parent without a key', {}, [{ id: '', lines: [1] }], 'PULL_NO_PARENT_FIELD'],
    ['a parent that would change the path', {}, [{ id: '..', lines: [1] }], 'PULL_NO_PARENT_FIELD'],
  ])('%s blocks', async (_, include, orders, code) => {
    const opened = await openHttp(
      nested({}, include),
      answers(() => orders),
    );
    await expect(readAll(opened)).rejects.toMatchObject({ code, disposition: 'block' });
  });

  test('a position of another kind of source blocks', async () => {
    const opened = await openHttp(
      nested(),
      answers(() => ORDERS),
    );
    await expect(fetchPage(opened, '17')).rejects.toMatchObject({ code: 'UNREADABLE_POSITION' });
  });

  test('parents on another origin are refused, also where the url is a parameter', async () => {
    const opened = await openHttp(
      (origin) => ({ ...nested()(origin), url: { parameter: '/child' } }),
      answers(() => ORDERS),
      { '/child': 'http://127.0.0.1:9/{parent.id}' },
    );
    await expect(fetchPage(opened)).rejects.toMatchObject({ code: 'PULL_URL_REFUSED' });
    expect(opened.server.requests).toHaveLength(0);
  });
});
