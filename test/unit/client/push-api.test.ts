import { describe, expect, test } from 'vitest';
import type { ClientOptions } from '../../../clients/typescript/src/client-options.ts';
import type { Client } from '../../../clients/typescript/src/client.ts';
import { createClient } from '../../../clients/typescript/src/create-client.ts';
import { DeliveryError } from '../../../clients/typescript/src/delivery-error.ts';
import type { RecordResult } from '../../../clients/typescript/src/record-result.ts';
import type { RequestEvent } from '../../../clients/typescript/src/request-event.ts';
import { toWriteKey } from '../../../shared/domain/write-key.ts';
import { createPushWorld, type PushWorld } from '../../support/push-world.ts';

/*
 * The client reads what the real handler answers: the two are written apart, and this holds them together.
 */

/** A `fetch` whose server is the push handler. */
function fetchFrom(world: PushWorld): typeof fetch {
  return async (url, init) => {
    const source =
      /sources\/([^/]+)\/records$/.exec(url instanceof Request ? url.url : String(url))?.[1] ?? '';
    const { status, headers, body } = await world.send({
      source,
      body: init?.body as Uint8Array,
      headers: init?.headers as Record<string, string>,
    });
    return Response.json(body, { status, headers: headers as Record<string, string> });
  };
}

function clientOf(
  world: PushWorld,
  source: string,
  changes: Partial<ClientOptions> = {},
): { client: Client; events: RequestEvent[] } {
  const events: RequestEvent[] = [];
  const client = createClient({
    url: 'http://127.0.0.1',
    source,
    key: toWriteKey(source, new Uint8Array(32).fill(1)),
    fetch: fetchFrom(world),
    onRequest: (event) => events.push(event),
    ...changes,
  });
  return { client, events };
}

async function resultsOf(sent: Promise<readonly RecordResult[]>): Promise<readonly RecordResult[]> {
  return sent.catch((error: unknown) => {
    if (error instanceof DeliveryError) return error.results;
    throw error;
  });
}

const orders = (count: number): { id: string }[] =>
  Array.from({ length: count }, (_, n) => ({ id: `A-${String(n)}` }));

describe('the client and the push handler', () => {
  test('agree on what became of each record', async () => {
    const world = await createPushWorld();
    const { client, events } = clientOf(world, 'orders');
    const results = await resultsOf(
      client.send([{ id: 'a', note: 'x'.repeat(600) }, { id: 1 }, '{"id":"b"', { id: 'c' }, { id: 'c' }]),
    );
    expect(results).toMatchObject([
      { status: 'accepted' },
      { status: 'quarantined', error: { field: 'id', rule: 'type' } },
      { status: 'rejected', error: { rule: 'json' } },
      { status: 'accepted' },
      { status: 'duplicate' },
    ]);
    expect(events).toHaveLength(1);
    expect(events[0]?.sentBytes).toBeLessThan(events[0]?.rawBytes ?? 0);
  });

  test('agree when every record is rejected', async () => {
    const { client, events } = clientOf(await createPushWorld(), 'strict');
    const results = await resultsOf(client.send([{ id: 1 }, { id: 2 }]));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(events).toMatchObject([{ httpStatus: 422, outcome: 'answered' }]);
  });

  test('agree on a request that was answered before', async () => {
    const world = await createPushWorld();
    const { client, events } = clientOf(world, 'orders');
    for (let time = 0; time < 2; time++) await client.send(orders(3), { idempotencyKey: 'job-1' });
    expect(events.map(({ isReplay }) => isReplay)).toEqual([false, true]);
    expect(world.sent()).toHaveLength(3);
    const [result] = await resultsOf(client.send(orders(4), { idempotencyKey: 'job-1' }));
    expect(result).toMatchObject({ failure: { code: 'refused', problem: 'idempotency-key-reused' } });
  });

  test('find the parts in which a request that is too large may come', async () => {
    const world = await createPushWorld();
    const { client } = clientOf(world, 'tiny');
    const results = await client.send(orders(25));
    expect(results.map(({ status }) => status)).toEqual(orders(25).map(() => 'accepted'));
    expect(world.sent()).toEqual(orders(25).map((record) => JSON.stringify(record)));
  });

  test('agree that a wrong key is refused for good', async () => {
    const { client, events } = clientOf(await createPushWorld(), 'orders', { key: 'hg_wrong' });
    const [result] = await resultsOf(client.send({ id: 'a' }));
    expect(result).toMatchObject({
      failure: { code: 'refused', httpStatus: 401, problem: 'unauthorized', mayBeStored: false },
    });
    expect(events).toHaveLength(1);
  });
});
