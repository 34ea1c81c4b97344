import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** At most so many requests in each window; windows begin with whole multiples of their length since the epoch. */
export interface ImposedLimit {
  readonly requests: number;
  readonly windowSeconds: number;
}

export interface PagedApi {
  readonly origin: string;
  /** Pages that were answered, by the number of their window. */
  readonly pagesByWindow: ReadonlyMap<number, number>;
  /** Requests that were refused. */
  readonly refused: () => number;
  stop(): Promise<void>;
}

export const PAGE_RECORDS = 20;
export const START_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1000;
const FILLER = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(12);

/**
 * Serves records in ascending order of `ts`, a page from `since` on. With a limit it tells what is left of it, as GitHub
 * does, and refuses what is too much.
 *
 * @param pages that there are, where each page begins with the last record of the one before
 */
export async function startPagedApi(pages: number, limit?: ImposedLimit): Promise<PagedApi> {
  const records = pages * (PAGE_RECORDS - 1) + 1;
  const pagesByWindow = new Map<number, number>();
  let refused = 0;

  /** @returns whether it may be answered */
  function spend(response: ServerResponse): boolean {
    if (limit === undefined) return true;
    const windowMs = limit.windowSeconds * SECOND_MS;
    const window = Math.floor(Date.now() / windowMs);
    const used = pagesByWindow.get(window) ?? 0;
    const resetSeconds = (window + 1) * limit.windowSeconds;
    response.setHeader('x-ratelimit-remaining', Math.max(0, limit.requests - used - 1));
    response.setHeader('x-ratelimit-reset', resetSeconds);
    if (used >= limit.requests) {
      refused++;
      response.setHeader('retry-after', Math.ceil(resetSeconds - Date.now() / SECOND_MS));
      return false;
    }
    pagesByWindow.set(window, used + 1);
    return true;
  }

  const server = createServer((request, response) => {
    if (!spend(response)) {
      response.writeHead(429).end();
      return;
    }
    const since = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('since'));
    const first = Math.max(0, Math.ceil((since - START_MS) / SECOND_MS));
    const end = Math.min(records, first + PAGE_RECORDS);
    const data = Array.from({ length: Math.max(0, end - first) }, (_, i) => {
      const id = first + i;
      return { id, version: 1, ts: START_MS + id * SECOND_MS, body: `${String(id)} ${FILLER}` };
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ data, next: end < records ? String(end) : null }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    pagesByWindow,
    refused: () => refused,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
