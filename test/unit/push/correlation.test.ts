import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../lambdas/stream/create-handler.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { recordIdentity } from '../../../shared/domain/identity.ts';
import { createPushWorld, PushWorld, type PushRequestOptions } from '../../support/push-world.ts';
import { contextOf, createStreamWorld, kinesisRecord } from '../../support/stream-world.ts';

const TRACED = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };

interface StoredLine {
  readonly requestId: string;
  readonly frameId: string;
  readonly frames: number;
  readonly places: readonly { readonly lane: string; readonly position: string }[];
}

const storedLines = (world: PushWorld): StoredLine[] =>
  world.telemetry.logs
    .filter(({ message }) => message === 'records stored')
    .map(({ fields }) => fields as unknown as StoredLine);

describe('from a request to the file of its records and back', () => {
  test('the line of a request names the places of its frames, which the rows have in _id and commits in their keys', async () => {
    const bus = new MemoryFrameBus({ stream: 'clicks-stream' });
    const world = await createPushWorld({ bus });
    const answer = await world.send({ body: '[{"id":"a"},{"id":"b"}]', headers: TRACED });
    const requestId = answer.headers['x-request-id'];
    const [line] = storedLines(world);
    expect(line).toMatchObject({ requestId, traceId: TRACED.traceparent.slice(3, 35), frames: 1 });
    const [place] = line?.places ?? [];

    const consumer = createStreamWorld();
    const deps = { ...consumer.deps, sources: world.sources, sourceOfStream: {} };
    const Records = bus.frames().map(({ sequenceNumber, bytes }) => kinesisRecord(sequenceNumber, bytes));
    await createHandler(deps)({ Records }, contextOf(60_000, 'consumer'));
    const origin = `${place?.lane ?? ''}/${place?.position ?? ''}`;
    expect(consumer.rowIds()).toEqual([recordIdentity(origin, 0), recordIdentity(origin, 1)]);
    const [file] = consumer.lake.list('raw/');
    expect(consumer.telemetry.logs).toMatchObject([
      {
        level: 'info',
        message: 'committed',
        fields: {
          invocationId: 'consumer',
          ledgerLane: place?.lane,
          from: place?.position,
          to: place?.position,
          entries: 1,
          records: 2,
          files: 1,
          keys: [file?.key],
        },
      },
    ]);
  });

  test('a request that is repeated under its Idempotency-Key has the frame id of the first one', async () => {
    const world = await createPushWorld();
    const request = { body: '{"id":"a"}', headers: { ...TRACED, 'idempotency-key': 'k' } };
    await world.send(request);
    await world.send(request);
    const ids = world.telemetry.logs.map(({ message, fields }) => [message, fields['frameId']]);
    const frameId = storedLines(world)[0]?.frameId;
    expect(ids).toEqual([
      ['records stored', frameId],
      ['request answered without storing anything', frameId],
    ]);
    expect(world.frameIds()).toEqual([`${frameId ?? ''}-0`]);
  });
});

describe('which requests get a line', () => {
  const SOURCE = {
    type: 'push' as const,
    freshness: '30 seconds',
    volume: { gbPerDay: 1 },
    key: ['id'],
    contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
  };

  async function linesAt(share: number, request: PushRequestOptions): Promise<number> {
    const world = new PushWorld({ config: { logs: { share }, sources: { orders: SOURCE } } });
    await world.createKey('orders');
    await world.send(request);
    return storedLines(world).length;
  }

  test('their share says: none of 0, each of 1', async () => {
    expect(await linesAt(0, { body: '{"id":"a"}' })).toBe(0);
    expect(await linesAt(1, { body: '{"id":"a"}' })).toBe(1);
  });

  test('those that their sender traces always do', async () => {
    expect(await linesAt(0, { body: '{"id":"a"}', headers: TRACED })).toBe(1);
  });
});

test('each answer of the function says what its request is known by, failures included', async () => {
  const world = await createPushWorld({ bus: { send: () => Promise.reject(new Error('a bug')) } });
  const failed = await world.send({ body: '{"id":"a"}' });
  expect(failed.headers['x-request-id']).toBe('request-1');
  expect(world.telemetry.logs).toMatchObject([
    { level: 'error', fields: { requestId: 'request-1', invocationId: 'request-1' } },
  ]);
  expect((await world.send({ body: '{' })).headers['x-request-id']).toBe('request-1');
  expect((await world.send({ headers: { authorization: undefined } })).headers['x-request-id']).toBe(
    'request-1',
  );
});
