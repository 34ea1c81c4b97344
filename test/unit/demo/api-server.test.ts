import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApiServer, type ApiServer } from '../../../demo/api-server.ts';

interface Page {
  data: { flight_date: string; report: number }[];
  next: string | null;
}

const ROWS = Array.from({ length: 25 }, (_, i) => ({
  report: i,
  // Four rows share each date, so that pages of five end inside one.
  flight_date: `1990-01-${String(Math.floor(i / 4) + 1).padStart(2, '0')}`,
}));

let api: ApiServer;
beforeEach(async () => {
  api = await startApiServer(ROWS, 20);
});
afterEach(() => api.stop());

/** Fetches, and repeats what is answered with "busy". */
async function get(url: string): Promise<Page> {
  const response = await fetch(url);
  if (response.status === 503) return get(url);
  return (await response.json()) as Page;
}

async function readAll(query: string): Promise<number[]> {
  const reports: number[] = [];
  for (let url: string | null = `${api.url}?${query}`; url !== null;) {
    const page: Page = await get(url);
    reports.push(...page.data.map((row) => row.report));
    url = page.next;
  }
  return reports;
}

describe('the API', () => {
  test('serves every visible row once, page by page', async () => {
    expect(await readAll('size=5')).toEqual(ROWS.slice(0, 20).map((row) => row.report));
  });

  test('starts at the date in `since`, inclusive', async () => {
    expect(await readAll('size=5&since=1990-01-05')).toEqual([16, 17, 18, 19]);
  });

  test('shows later rows once they are published', async () => {
    api.publish(25);
    expect(await readAll('size=10&since=1990-01-06')).toEqual([20, 21, 22, 23, 24]);
  });

  test('counts what it has served and knows when a reader has seen the end', async () => {
    await get(`${api.url}?size=15`);
    expect(api).toMatchObject({ recordsServed: 15, rowsReadToTheEnd: 0 });
    await get(`${api.url}?size=15&page=2`);
    expect(api).toMatchObject({ recordsServed: 20, rowsReadToTheEnd: 20 });
  });

  test('is busy once and says for how long', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const response = await fetch(api.url);
      await response.arrayBuffer();
      statuses.push(response.status);
      if (response.status === 503) expect(response.headers.get('retry-after')).toBe('1');
    }
    expect(statuses).toEqual([200, 200, 503, 200, 200]);
  });

  test.each(['since=yesterday', 'page=0', 'page=x', 'size=0', 'size=1001'])(
    'refuses %s and names it',
    async (query) => {
      const response = await fetch(`${api.url}?${query}`);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain(query.split('=')[0]);
    },
  );
});
