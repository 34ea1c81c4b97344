import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../../shared/ports/clock.ts';
import { Rng } from '../simulation/rng.ts';

export interface NastyItem {
  readonly id: number;
  readonly version: number;
  /** ms since the epoch, in whole seconds: many items share one. */
  readonly ts: number;
  readonly body: string;
}

export interface NastyApiOptions {
  readonly seed: number;
  readonly items: number;
  readonly pageSize: number;
  /** Share of requests that go wrong. */
  readonly badShare: number;
  /** Time of the first item, ms since the epoch. */
  readonly startMs: number;
  /** What the table's clock shows while it changes. */
  readonly clock: Clock;
}

type Trouble = (response: ServerResponse, page: string) => void;

/** What goes wrong, in equal shares. */
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'too many requests': (response) => response.writeHead(429, { 'retry-after': '1' }).end('slow down'),
  'server error': (response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>oops</h1>'),
  'bad gateway': (response) => response.writeHead(502).end(),
  unavailable: (response) => response.writeHead(503, { 'retry-after': '2' }).end('{}'),
  'connection reset': (response) => response.socket?.resetAndDestroy(),
  'cut off, with its length': (response, page) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': page.length });
    response.write(page.slice(0, page.length / 2), () => response.socket?.destroy());
  },
  'cut off, as if complete': (response, page) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(page.slice(0, -3)),
  'broken gzip': (response, page) =>
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .end(gzipSync(page).subarray(0, 40)),
  'an error page with status 200': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>maintenance</html>'),
  'never answers': () => undefined,
  'no body': (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(),
};

/** Odd, and not wrong: each has to be read as what it is. */
const ODDITIES: Readonly<Record<string, Trouble>> = {
  'wrong content type': (response, page) =>
    response.writeHead(200, { 'content-type': 'text/plain' }).end(page),
  gzip: (response, page) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(page)),
  'in small pieces': (response, page) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    for (let at = 0; at < page.length; at += 97) response.write(page.slice(at, at + 97));
    response.end();
  },
  slow: (response, page) => setTimeout(() => response.writeHead(200).end(page), 20),
};

const SECOND_MS = 1000;
const ODD_SHARE = 0.1;

/**
 * A real HTTP server over a table that changes while it is read. It answers pages in ascending order of `ts`, with offsets
 * that shift, items on two pages, equal times, redirects, and everything that goes wrong on a network.
 */
export class NastyApi {
  readonly #rng: Rng;
  readonly #options: NastyApiOptions;
  readonly #items = new Map<number, NastyItem>();
  readonly #server: Server;
  #nowMs: number;
  #versions = 0;
  /** How often each kind of trouble was met. */
  readonly troubles = new Map<string, number>();
  pages = 0;
  isNasty = true;
  origin = '';

  constructor(options: NastyApiOptions) {
    this.#options = options;
    this.#rng = new Rng(options.seed);
    this.#nowMs = options.startMs;
    for (let id = 1; id <= options.items; id++) {
      if (this.#rng.chance(0.3)) this.#nowMs += SECOND_MS;
      this.#put(id);
    }
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    this.origin = `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** The database: what is there now. */
  items(): readonly NastyItem[] {
    return [...this.#items.values()];
  }

  #put(id: number): void {
    const version = ++this.#versions;
    // Time never goes back, so the items stay in ascending order of `ts`.
    this.#items.delete(id);
    this.#items.set(id, { id, version, ts: this.#nowMs, body: `"text" ${String(version)} – ü` });
  }

  /** New items, and old ones that are updated and so move to the end. */
  #change(): void {
    const { clock } = this.#options;
    this.#nowMs = Math.max(this.#nowMs, Math.floor(clock.nowMs() / SECOND_MS) * SECOND_MS);
    const known = this.#items.size;
    this.#put(this.#rng.chance(0.5) ? known + 1 : 1 + this.#rng.int(known));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const rng = this.#rng;
    const url = new URL(request.url ?? '/', this.origin);
    if (this.isNasty && rng.chance(0.2)) this.#change();
    if (this.isNasty && url.pathname === '/items' && rng.chance(0.02)) {
      response.writeHead(307, { location: `/moved${url.search}` }).end();
      return;
    }
    const page = this.#page(url.searchParams);
    const isBad = this.isNasty && rng.chance(this.#options.badShare);
    const isOdd = this.isNasty && rng.chance(ODD_SHARE);
    if (!isBad) this.pages++;
    if (!isBad && !isOdd) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(page);
      return;
    }
    const [name, answer] = rng.pick(Object.entries(isBad ? TROUBLES : ODDITIES));
    this.troubles.set(name, (this.troubles.get(name) ?? 0) + 1);
    answer(response, page);
  }

  #page(query: URLSearchParams): string {
    const { pageSize } = this.#options;
    const since = Number(query.get('since') ?? 0);
    const until = Number(query.get('until') ?? Number.POSITIVE_INFINITY);
    const all = this.items().filter(({ ts }) => ts >= since && ts < until);
    // The last item of a page is the first one of the next.
    const start = Number(query.get('offset') ?? 0);
    const end = start + pageSize;
    return JSON.stringify({
      data: all.slice(start, end),
      next: end < all.length ? String(end - 1) : null,
    });
  }
}
