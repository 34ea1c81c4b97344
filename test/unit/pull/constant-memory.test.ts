import { describe, expect, test } from 'vitest';
import type { PullSource } from '../../../shared/ports/pull-source.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

const PAGES = 10_000;
const PAGES_PER_COMMIT = 100;
/** 1,000 marks, and what is known about a listing. */
const MAX_POSITION = 20_000;
const TS = Date.UTC(2026, 0, 1);

/** A record on each page; every fourth page repeats the one before. */
function source(): PullSource & { pages: number } {
  const api = {
    pages: 0,
    fetchPage({ since, token }: Parameters<PullSource['fetchPage']>[0]) {
      api.pages++;
      const first = since === undefined || since === '0' ? 0 : Number(since) - TS;
      const at = token === undefined ? first : Number(token);
      const number = at % 4 === 3 ? at - 1 : at;
      const record = { id: number, version: 1, ts: TS + number, body: 'x' };
      return Promise.resolve({
        records: [Buffer.from(JSON.stringify(record))],
        next: at + 1 < PAGES ? String(at + 1) : undefined,
      });
    },
  };
  return api;
}

describe('10,000 pages', () => {
  test.each<[string, Partial<HttpSourceInput>]>([
    ['without a cursor', {}],
    ['in no known order', { incremental: { cursor: 'ts', parameter: 'since', initialValue: '0' } }],
  ])('%s: position, batches and pages held stay bounded, whatever the number of pages', async (_, config) => {
    const declared = declareHttp({ pagesPerCommit: PAGES_PER_COMMIT, ...config });
    const world = createPullWorld([declared]);
    const api = source();
    const seen = { position: 0, pagesHeld: 0, rowsHeld: 0 };
    let pagesBefore = 0;
    let rowsBefore = 0;
    const commit = world.ledger.commit.bind(world.ledger);
    world.ledger.commit = async (lane, version, change, writer) => {
      seen.position = Math.max(seen.position, change.to.length);
      seen.pagesHeld = Math.max(seen.pagesHeld, api.pages - pagesBefore);
      seen.rowsHeld = Math.max(seen.rowsHeld, change.records);
      pagesBefore = api.pages;
      rowsBefore += change.records;
      return commit(lane, version, change, writer);
    };
    const first = await world.run(declared, api);
    expect(first.finished).toBe(true);
    expect(world.rows('raw')).toHaveLength(PAGES * 0.75);
    expect(api.pages).toBeGreaterThanOrEqual(PAGES);
    expect(rowsBefore).toBeGreaterThanOrEqual(PAGES * 0.75);
    expect(seen.position).toBeLessThan(MAX_POSITION);
    expect(seen.rowsHeld).toBeLessThanOrEqual(PAGES_PER_COMMIT);
    expect(seen.pagesHeld).toBeLessThanOrEqual(PAGES_PER_COMMIT);
  });
});
