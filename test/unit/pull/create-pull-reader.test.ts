import { describe, expect, test } from 'vitest';
import { TransientError } from '../../../shared/domain/errors.ts';
import { formatPosition, parsePosition, START } from '../../../shared/domain/pull-position.ts';
import type { Page, PageRequest, PullSource } from '../../../shared/ports/pull-source.ts';
import { RateLimitedError } from '../../../shared/domain/rate-limited-error.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { createPullWorld } from '../../support/pull-world.ts';

const INCREMENTAL = { cursor: 'ts', parameter: 'since', initialValue: '0' } as const;
const ASCENDING = { ...INCREMENTAL, order: 'ascending' } as const;

const item = (id: number, ts: number, more: object = {}): string =>
  JSON.stringify({ id, version: 1, ts, body: 'x', ...more });

interface Asked extends PageRequest {
  readonly nth: number;
}

/** Pages by request; remembers what was asked. */
function scripted(
  answer: (asked: Asked) => { records: string[]; next?: string },
): PullSource & { asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    fetchPage(request): Promise<Page> {
      const entry = { ...request, nth: asked.length };
      asked.push(entry);
      // As an async function would: what is thrown becomes a rejection.
      return Promise.resolve().then(() => {
        const { records, next } = answer(entry);
        return { records: records.map((text) => Buffer.from(text)), next };
      });
    },
  };
}

/** An API over a fixed list in order of `ts`, with offsets as tokens. */
const listing = (items: readonly { id: number; ts: number }[], size: number) =>
  scripted(({ since, token }) => {
    const from = items.filter(({ ts }) => ts >= Number(since ?? 0));
    const start = Number(token ?? 0);
    const records = from.slice(start, start + size).map(({ id, ts }) => item(id, ts));
    return { records, ...(start + size < from.length && { next: String(start + size) }) };
  });

function setUp(config: Partial<HttpSourceInput>) {
  const source = declareHttp(config);
  const world = createPullWorld([source]);
  const position = () => parsePosition('items', world.ledger.peek('pull/items').position);
  return { source, world, position };
}

describe('reading', () => {
  test('an ascending listing moves the cursor page by page, and the next run starts at it, inclusive', async () => {
    const { source, world, position } = setUp({ incremental: ASCENDING, pagesPerCommit: 1 });
    const api = listing(
      [1, 2, 3, 4, 5].map((id) => ({ id, ts: id * 10 })),
      2,
    );
    const { commits } = await world.run(source, api);
    expect(commits).toBeGreaterThan(2);
    expect(world.rows('raw')).toHaveLength(5);
    expect(position()).toMatchObject({ cursor: '50', since: '50', listing: undefined });
    expect(api.asked.map(({ since }) => since)).toEqual(['0', '20', '30', '40']);
    await world.run(source, api);
    expect(api.asked.at(-1)).toMatchObject({ since: '50', token: undefined });
  });

  test('a run that finds nothing new commits nothing, even where a violation stands at the cursor', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    const api = scripted(() => ({ records: [item(1, 10), item(2, 10, { body: 7 })] }));
    await world.run(source, api);
    expect(world.rows('quarantine')).toHaveLength(1);
    const before = world.ledger.peek('pull/items');
    expect(await world.run(source, api)).toMatchObject({ finished: true, commits: 0 });
    expect(world.ledger.peek('pull/items')).toEqual(before);
    expect(world.rows('quarantine')).toHaveLength(1);
  });

  test('what stands at the cursor is recognised even when its claims have expired', async () => {
    const { source, world } = setUp({ incremental: ASCENDING, dedupeWindow: '1 hour' });
    const items = [{ id: 1, ts: 10 }];
    await world.run(source, listing(items, 10));
    world.clock.advance(2 * 3_600_000);
    items.push({ id: 2, ts: 10 });
    await world.run(source, listing(items, 10));
    expect(world.rows('raw').map(({ raw }) => (JSON.parse(raw) as { id: number }).id)).toEqual([1, 2]);
  });

  test('every run reads everything without an incremental cursor; what is unchanged does not land again', async () => {
    const { source, world } = setUp({});
    const items = [1, 2, 3].map((id) => ({ id, ts: id }));
    await world.run(source, listing(items, 2));
    expect(await world.run(source, listing(items, 2))).toMatchObject({ finished: true, commits: 0 });
    items.push({ id: 4, ts: 4 });
    await world.run(source, listing(items, 2));
    expect(world.rows('raw')).toHaveLength(4);
  });

  test('with dedupe none every run lands everything', async () => {
    const { source, world } = setUp({ dedupe: 'none' });
    const api = listing([{ id: 1, ts: 1 }], 2);
    await world.run(source, api);
    await world.run(source, api);
    expect(world.rows('raw')).toHaveLength(2);
  });

  test('what the contract refuses goes to quarantine, because there is no sender to tell', async () => {
    const contract = declareHttp().config.contract;
    const { source, world } = setUp({
      contract: { ...contract, dataTypes: 'freeze' },
    });
    await world.run(
      source,
      scripted(() => ({ records: [item(1, 1), item(2, 2, { body: 7 }), '17'] })),
    );
    expect(world.rows('raw')).toHaveLength(1);
    expect(world.rows('quarantine').map(({ raw, reason }) => [raw, reason])).toEqual([
      [item(2, 2, { body: 7 }), 'CONTRACT'],
      ['17', 'MALFORMED'],
    ]);
  });

  test('a listing of unknown order moves the cursor only when readings agree', async () => {
    const { source, world, position } = setUp({ incremental: INCREMENTAL });
    const pages = [[item(1, 90), item(2, 10)], [item(3, 50)]];
    const api = scripted(({ token }) => ({
      records: pages[Number(token ?? 0)] ?? [],
      ...(token === undefined && { next: '1' }),
    }));
    await world.run(source, api);
    expect(position().cursor).toBe('90');
    expect(api.asked.map(({ token }) => token)).toEqual([undefined, '1', undefined, '1']);
  });

  test('a listing that never stays the same lands what it shows and leaves the cursor', async () => {
    const { source, world, position } = setUp({ incremental: INCREMENTAL });
    const api = scripted(({ token, nth }) => ({
      records: [item(nth + 1, 10 + nth)],
      ...(token === undefined && { next: '1' }),
    }));
    const { finished } = await world.run(source, api);
    expect(finished).toBe(true);
    expect(position().cursor).toBeUndefined();
    expect(world.rows('raw')).toHaveLength(api.asked.length);
    expect(world.telemetry.logs.some(({ fields }) => String(fields.hint).includes('ascending'))).toBe(true);
  });

  test('an error after some pages commits them first', async () => {
    const { source, world, position } = setUp({ incremental: ASCENDING });
    const api = scripted(({ nth }) => {
      if (nth > 0) throw new TransientError('PULL_BUSY', 'status 503');
      return { records: [item(1, 10)], next: '1' };
    });
    await expect(world.run(source, api)).rejects.toThrow('status 503');
    expect(position().cursor).toBe('10');
    expect(world.rows('raw')).toHaveLength(1);
  });

  test('no page is asked for when only the time for a commit is left', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    const api = listing([{ id: 1, ts: 1 }], 1);
    await world.run(source, api, { runMs: 11_000 });
    expect(api.asked).toHaveLength(0);
  });

  test('the first counts of a run are those of committed batches', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    await world.run(
      source,
      listing(
        [1, 2].map((id) => ({ id, ts: id })),
        5,
      ),
    );
    expect(world.telemetry.total('RecordsReceived', 'items')).toBe(2);
    expect(world.telemetry.total('RecordsAccepted', 'items')).toBe(2);
    expect(world.telemetry.total('BytesReceived', 'items')).toBe(2 * item(1, 1).length);
  });
});

describe('limits of the source', () => {
  const limited = (by: 'source' | 'budget', after: number) =>
    scripted(({ nth }) => {
      if (nth >= after) throw new RateLimitedError('used up', { by, untilMs: undefined });
      return { records: [item(nth + 1, 10 + nth)], next: String(nth + 1) };
    });

  test.each(['source', 'budget'] as const)(
    'a run that the limit of the %s ends commits what it has, and is no failure',
    async (by) => {
      const { source, world, position } = setUp({ incremental: ASCENDING });
      const api = limited(by, 2);
      expect(await world.run(source, api)).toMatchObject({ finished: false, commits: 1 });
      expect(world.rows('raw')).toHaveLength(2);
      expect(position().cursor).toBe('11');
      expect(api.asked, 'nothing more is asked').toHaveLength(3);
    },
  );

  test('a source that lets a whole run read nothing is a failure; a budget of our own is none', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    await expect(world.run(source, limited('source', 0))).rejects.toMatchObject({
      code: 'PULL_RATE_LIMITED',
    });
    expect(await world.run(source, limited('budget', 0))).toMatchObject({ finished: false, commits: 0 });
  });
});

describe('crashes', () => {
  test('the batch that a failed run had claimed keys for is the one that lands', async () => {
    const { source, world, position } = setUp({ incremental: ASCENDING });
    const first = listing([{ id: 1, ts: 10 }], 5);
    const crash = world.run(source, first, {
      probe: (point) => {
        if (point === 'B.2') throw new Error('killed');
      },
    });
    await expect(crash).rejects.toThrow('killed');
    // Meanwhile item 1 is gone and another one is there.
    const second = listing([{ id: 2, ts: 20 }], 5);
    await world.run(source, second);
    expect(world.rows('raw').map(({ id, raw }) => [id, (JSON.parse(raw) as { id: number }).id])).toEqual([
      ['pull/items/0/0', 1],
      ['pull/items/1/0', 2],
    ]);
    expect(position().cursor).toBe('20');
  });
});

describe('mistakes', () => {
  test('records in another order than declared block, and nothing lands', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    const run = world.run(
      source,
      scripted(() => ({ records: [item(1, 20), item(2, 10)] })),
    );
    await expect(run).rejects.toMatchObject({ code: 'PULL_NOT_ASCENDING', disposition: 'block' });
    expect(world.rows('raw')).toHaveLength(0);
  });

  test('an answer without any cursor blocks and names the field', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    const run = world.run(
      source,
      scripted(() => ({ records: ['{"id":1}', '{"ts":"10"}'] })),
    );
    await expect(run).rejects.toThrow(/no record .* has a number at ts/);
  });

  test('a cursor of another type than the contract has now blocks', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    await world.ledger.commit(
      'pull/items',
      0,
      { from: '', to: formatPosition({ ...START, cursor: '2026-01-01' }), records: 0, keys: 0 },
      'w',
    );
    await expect(world.run(source, listing([], 1))).rejects.toMatchObject({ code: 'CURSOR_TYPE_CHANGED' });
  });

  test.each([
    'nonsense',
    '{}',
    '[]',
    '{"v":2,"seen":[]}',
    '{"v":1,"seen":[1]}',
    '{"v":1,"seen":[],"listing":{}}',
  ])('the position %s blocks', (text) => {
    expect(() => parsePosition('pull/items', text)).toThrow(/lane pull\/items is not one/);
  });

  test('a cursor that means "after" is noticed', async () => {
    const { source, world } = setUp({ incremental: ASCENDING });
    await world.run(
      source,
      scripted(() => ({ records: [item(1, 10)] })),
    );
    await world.run(
      source,
      scripted(() => ({ records: [item(2, 20)] })),
    );
    expect(world.telemetry.logs.map(({ message }) => message)).toContain(
      'the API did not return the record that stands at the cursor',
    );
  });

  test.each([
    [{ dedupe: 'request' as const, incremental: INCREMENTAL }, /items\.dedupe: must be "record"/],
    [
      { incremental: { ...INCREMENTAL, cursor: 'id', lookback: '5 minutes' } },
      /incremental: lookback needs a cursor that is a time/,
    ],
  ])('the configuration %j is refused', (config, message) => {
    expect(() => declareHttp(config)).toThrow(message);
  });
});
