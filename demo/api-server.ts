import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRow {
  readonly flight_date: string;
}

/** A local HTTP API over a table in order of its date, like those that pulls read in the wild. */
export interface ApiServer {
  /** `GET` it with `since` (a date, inclusive), `page` (from 1) and `size`. */
  readonly url: string;
  /** Makes rows visible up to this many; rows come in order, so that later ones have the same date or a later one. */
  publish(rows: number): void;
  /** Records in all answers so far, those of repeated pages included. */
  readonly recordsServed: number;
  /** Bytes of all answers so far. */
  readonly bytesServed: number;
  /** Rows up to this one (as counted by `publish`) have been served to a reader that then reached the last page. */
  readonly rowsReadToTheEnd: number;
  stop(): Promise<void>;
}

const MAX_PAGE_SIZE = 1000;
/** The request that is answered with 503 once, as any API does now and then. */
const REFUSED_REQUEST = 3;

/**
 * Starts the API on a free port of 127.0.0.1.
 *
 * @param rows in order of `flight_date`
 * @param published rows that are visible from the start
 */
export async function startApiServer(rows: readonly ApiRow[], published: number): Promise<ApiServer> {
  let visible = published;
  let requests = 0;
  let recordsServed = 0;
  let bytesServed = 0;
  let rowsReadToTheEnd = 0;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    requests += 1;
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    if (url.pathname !== '/birdstrikes') {
      sendJson(response, 404, { error: `no such path: ${url.pathname}; try /birdstrikes` });
      return;
    }
    if (requests === REFUSED_REQUEST) {
      response.setHeader('retry-after', '1');
      sendJson(response, 503, { error: 'busy, try again in a second' });
      return;
    }
    const since = url.searchParams.get('since') ?? '0000-01-01';
    const page = Number(url.searchParams.get('page') ?? 1);
    const size = Number(url.searchParams.get('size') ?? 100);
    const problem = findProblem(since, page, size);
    if (problem !== undefined) {
      sendJson(response, 400, { error: problem });
      return;
    }
    const end = visible;
    const matching = rows.slice(0, end).filter((row) => row.flight_date >= since);
    const data = matching.slice((page - 1) * size, page * size);
    const isLast = page * size >= matching.length;
    url.searchParams.set('page', String(page + 1));
    if (!isLast) response.setHeader('link', `<${url.href}>; rel="next"`);
    const bytes = sendJson(response, 200, { data, page, size, next: isLast ? null : url.href });
    response.on('finish', () => {
      recordsServed += data.length;
      bytesServed += bytes;
      if (isLast) rowsReadToTheEnd = Math.max(rowsReadToTheEnd, end);
    });
  }

  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}/birdstrikes`,
    publish: (count) => {
      visible = count;
    },
    get recordsServed() {
      return recordsServed;
    },
    get bytesServed() {
      return bytesServed;
    },
    get rowsReadToTheEnd() {
      return rowsReadToTheEnd;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function findProblem(since: string, page: number, size: number): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(since)) return 'since: must be a date such as 1999-12-31';
  if (!Number.isInteger(page) || page < 1) return 'page: must be a whole number from 1';
  if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE_SIZE) {
    return `size: must be a whole number from 1 to ${String(MAX_PAGE_SIZE)}`;
  }
  return undefined;
}

function sendJson(response: ServerResponse, status: number, value: unknown): number {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
  return body.length;
}
