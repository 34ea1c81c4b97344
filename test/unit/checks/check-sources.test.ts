import { describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { BlockedError } from '../../../shared/domain/errors.ts';
import { checkSources, type SourceCheckDeps } from '../../../shared/pipeline/checks/check-sources.ts';
import type { PullSource } from '../../../shared/ports/pull-source.ts';
import type { TableSource } from '../../../shared/ports/table-source.ts';

const common = { freshness: '1 hour', volume: { gbPerDay: 1 } };
const contract = { schema: { type: 'object', properties: { id: { type: 'string' } } } };
const api = { type: 'http', ...common, contract, key: ['id'], url: 'https://api.example.com/' } as const;
const CONFIG = parseConfig({
  sources: {
    orders: {
      ...{ type: 'postgres', ...common, table: 'orders', columns: { id: 'bigint' }, key: ['id'] },
      connection: { host: 'db', database: 'shop', user: 'u', password: { parameter: '/db/password' } },
    },
    hooks: {
      ...{ type: 'webhook', ...common, contract },
      signature: { preset: 'github', secrets: [{ parameter: '/hooks/a' }, { parameter: '/hooks/b' }] },
    },
    items: { ...api, auth: { type: 'bearer', token: { parameter: '/api/token' } } },
    open: api,
  },
});
const SOURCES = [...compileSources(CONFIG, compileValidators(CONFIG)).values()];
const only = (...names: string[]) => SOURCES.filter(({ name }) => names.includes(name));
const ALL = { '/db/password': 'x', '/hooks/a': 'x', '/hooks/b': 'x', '/api/token': 'x' };

const goodPages: PullSource = {
  fetchPage: () => Promise.resolve({ records: [Buffer.from('{"id":"1"}')], next: undefined }),
};

function deps(values: Record<string, string>, overrides: Partial<SourceCheckDeps> = {}) {
  const events: string[] = [];
  const table = {
    describe: () =>
      Promise.resolve({
        ...{ columns: [], primaryKey: [], isKeyUnique: true, warnings: [] },
        ...{ estimatedRows: 0, estimatedBytes: 0 },
      }),
    read: () => (async function* () {})(),
    close: () => Promise.resolve(void events.push('closed')),
  } as unknown as TableSource;
  const all: SourceCheckDeps = {
    clock: new ManualClock(),
    parameters: new MemoryParameterStore({ values }),
    openTable: ({ name }) => {
      events.push(`open ${name}`);
      return table;
    },
    openPages: () => goodPages,
    openObjects: () => {
      throw new Error('no files here');
    },
    privateAddress: () => Promise.resolve(undefined),
    ...overrides,
  };
  return { all, events };
}

describe('the check of sources', () => {
  test('answers for each, in the order of the configuration, and closes what it opens', async () => {
    const { all, events } = deps(ALL);
    const seen: string[] = [];
    const checked = await checkSources(SOURCES, all, 30_000, ({ source }) => seen.push(source));
    expect(checked).toEqual(
      [
        ['orders', 'postgres'],
        ['hooks', 'webhook'],
        ['items', 'http'],
        ['open', 'http'],
      ].map(([source, type]) => ({ source, type, ok: true, problems: [] })),
    );
    expect(seen.sort()).toEqual(['hooks', 'items', 'open', 'orders']);
    expect(events).toEqual(['open orders', 'closed']);
  });

  test('names every parameter that is not set, with its command, and connects to nothing then', async () => {
    const { all, events } = deps({ '/hooks/b': ' \n' });
    const [orders, hooks, items] = await checkSources(only('orders', 'hooks', 'items'), all, 30_000);
    expect(orders?.problems).toMatchObject([{ level: 'error', code: 'PARAMETER_MISSING' }]);
    expect(hooks?.problems.map(({ code }) => code)).toEqual(['PARAMETER_MISSING', 'PARAMETER_EMPTY']);
    expect(items?.ok).toBe(false);
    const text = JSON.stringify([orders, hooks, items]);
    for (const name of Object.keys(ALL)) expect(text).toContain(`aws ssm put-parameter --name '${name}'`);
    expect(events).toEqual([]);
  });

  test('credentials that are missing are said once per source', async () => {
    const parameters = {
      get: () => Promise.reject(new BlockedError('REGION_MISSING', 'no AWS region is set')),
    };
    const { all } = deps({}, { parameters });
    const [hooks] = await checkSources(only('hooks'), all, 30_000);
    expect(hooks?.problems).toEqual([
      { level: 'error', code: 'REGION_MISSING', message: 'no AWS region is set' },
    ]);
  });

  test('a table is closed when its check fails, and a bug is a finding of that source only', async () => {
    const broken = {
      describe: () => Promise.reject(new Error('boom')),
      close: () => {
        closed++;
        return Promise.resolve();
      },
    } as unknown as TableSource;
    let closed = 0;
    const { all } = deps(ALL, { openTable: () => broken });
    const [orders, open] = await checkSources(only('orders', 'open'), all, 30_000);
    expect(orders).toMatchObject({ ok: false, problems: [{ code: 'CHECK_FAILED' }] });
    expect(open?.ok).toBe(true);
    expect(closed).toBe(1);
  });

  test('what never answers is given up, and does not hold the others up', async () => {
    vi.useFakeTimers();
    try {
      const never: PullSource = { fetchPage: () => new Promise(() => undefined) };
      const { all } = deps(ALL, { openPages: ({ name }) => (name === 'items' ? never : goodPages) });
      const seen: string[] = [];
      const checking = checkSources(only('items', 'open'), all, 30_000, ({ source }) => seen.push(source));
      await vi.advanceTimersByTimeAsync(29_000);
      expect(seen).toEqual(['open']);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await checking).toMatchObject([
        { source: 'items', ok: false, problems: [{ level: 'error', code: 'CHECK_TIMEOUT' }] },
        { source: 'open', ok: true },
      ]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
