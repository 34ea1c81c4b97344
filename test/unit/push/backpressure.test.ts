import { expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { GLANCE_TIMEOUTS } from '../../../shared/domain/backoff.ts';
import { readFrame } from '../../../shared/domain/frame.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import type { FrameBus } from '../../../shared/ports/frame-bus.ts';
import { createPushWorld, HOOK_SECRET, type PushWorld } from '../../support/push-world.ts';

const CAPACITY = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity';

/** A stream that refuses everything while it is told to. */
class Valve implements FrameBus {
  isClosed = false;
  readonly #bus = new MemoryFrameBus({ refuse: () => (this.isClosed ? 'throttled' : undefined) });

  send: FrameBus['send'] = (frames) => this.#bus.send(frames);

  frames: MemoryFrameBus['frames'] = (shardId) => this.#bus.frames(shardId);
}

/** Lets the consumer land everything that the stream holds. */
async function land(world: PushWorld, valve: Valve): Promise<void> {
  for (const { shardId, sequenceNumber } of valve.frames()) {
    const lane = `kinesis/ingest/${shardId}`;
    const { position, version } = await world.ledger.read(lane);
    if (position !== undefined && BigInt(position) >= BigInt(sequenceNumber)) continue;
    const commit = { from: sequenceNumber, to: sequenceNumber, records: 1, keys: 1 };
    await world.ledger.commit(lane, version, commit, sequenceNumber);
  }
}

/** Sends to a source that is never refused until the watch has found that nothing lands. */
async function fallBehind(world: PushWorld, seconds: number): Promise<void> {
  for (let i = 0; i * 10 < seconds; i++) {
    expect((await world.send({ body: `{"id":"${String(i)}"}` })).status).toBe(202);
    await world.clock.sleep(10_000);
  }
}

test('a frame that the stream refuses is answered 503 with the time that the stream needs', async () => {
  const valve = new Valve();
  const world = await createPushWorld({ bus: valve });
  valve.isClosed = true;
  const first = await world.send({ body: '{"id":"a"}' });
  expect(first).toMatchObject({ status: 503, body: { type: CAPACITY } });
  expect(first.headers['retry-after']).toBe('1');
  // Nothing gets through for ever longer: so does the time that is asked for.
  await world.clock.sleep(16_000);
  const later = await world.send({ body: '{"id":"a"}' });
  expect(Number(later.headers['retry-after'])).toBeGreaterThanOrEqual(8);
  valve.isClosed = false;
  expect((await world.send({ body: '{"id":"a"}' })).status).toBe(202);
});

test('a source that may spill keeps what the stream refuses in the landing zone, and says that it is late', async () => {
  const valve = new Valve();
  const world = await createPushWorld({ bus: valve });
  expect((await world.send({ source: 'spilling', body: '{"id":"a"}' })).body).not.toHaveProperty('delayed');
  valve.isClosed = true;
  const answer = await world.send({ source: 'spilling', body: '{"id":"b"}' });
  expect(answer).toMatchObject({ status: 202, body: { accepted: 1, delayed: true } });
  const [name = ''] = world.landing.names('spilling');
  const frame = readFrame((await world.landing.read('spilling', name)) ?? new Uint8Array());
  expect(frame.payload.toString()).toBe('{"id":"b"}');
  expect(world.telemetry.total('RequestsSpilled', 'spilling')).toBe(1);
});

test('a source of the landing lane needs no stream, and its records are not late', async () => {
  const valve = new Valve();
  valve.isClosed = true;
  const world = await createPushWorld({ bus: valve });
  const answer = await world.send({ source: 'batched', body: '{"id":"a"}', query: { wait: 'true' } });
  expect(answer.status).toBe(202);
  expect(answer.body).not.toHaveProperty('delayed');
  expect(world.landing.names('batched')).toHaveLength(1);
});

test('when nothing lands, low priority is refused (or spills) and the rest is not, until it has landed', async () => {
  const valve = new Valve();
  const world = await createPushWorld({ bus: valve });
  await fallBehind(world, 90);
  await world.send({ body: '{"id":"x"}' });
  const shed = await world.send({ source: 'minor', body: '{"id":"a"}' });
  expect(shed).toMatchObject({ status: 503, body: { type: CAPACITY } });
  expect(Number(shed.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect((await world.send({ body: '{"id":"y"}' })).status).toBe(202);
  const spilled = await world.send({ source: 'spilling', body: '{"id":"z"}' });
  expect(spilled).toMatchObject({ status: 202, body: { delayed: true } });
  await land(world, valve);
  await world.clock.sleep(10_000);
  await world.send({ body: '{"id":"z"}' });
  expect((await world.send({ source: 'minor', body: '{"id":"a"}' })).status).toBe(202);
});

test('?wait answers 200 once the records have landed, and 202 when time is up before', async () => {
  const valve = new Valve();
  const world = await createPushWorld({ bus: valve });
  const body = '{"id":"a"}';
  expect((await world.send({ body, query: { wait: '' } })).status).toBe(202);
  const startMs = world.clock.nowMs();
  const waiting = world.send({ body, query: { wait: 'true' } });
  while (valve.frames().length < 2) await Promise.resolve();
  await land(world, valve);
  expect((await waiting).status).toBe(200);
  expect(world.clock.nowMs() - startMs).toBeLessThan(2_000);
});

test('a request that waits is answered within its time, however slow the reads of its last round are', async () => {
  for (let remainingMs = 22_000; remainingMs <= 25_000; remainingMs += 100) {
    const valve = new Valve();
    const world = await createPushWorld({ bus: valve });
    const startMs = world.clock.nowMs();
    const slowly = async <Result>(read: () => Promise<Result>): Promise<Result> => {
      await world.clock.sleep(GLANCE_TIMEOUTS.callMs);
      return await read();
    };
    const { ledger } = world;
    const [read, ranges] = [ledger.read.bind(ledger), ledger.rangesOverlapping.bind(ledger)];
    ledger.rangesOverlapping = (lane, from, to) => slowly(() => ranges(lane, from, to));
    // The lane is ceded near the end: the round that finds it reads its position, its ranges and those of its replays.
    ledger.read = async (lane) => {
      const [frame] = valve.frames();
      const isLate = world.clock.nowMs() - startMs > remainingMs - 4_000;
      if (isLate && frame !== undefined) await ledger.cede(lane, 0, frame.sequenceNumber, 'operator');
      return await slowly(() => read(lane));
    };
    const answer = await world.send({ body: '{"id":"a"}', query: { wait: 'true' }, remainingMs });
    expect(answer.status).toBe(202);
    expect(world.clock.nowMs() - startMs).toBeLessThanOrEqual(remainingMs - 500);
  }
});

test('a request that waits is remembered before it waits, and its repetition is answered at once', async () => {
  const world = await createPushWorld();
  const request = { body: '{"id":"a"}', query: { wait: 'true' }, headers: { 'idempotency-key': '"1"' } };
  const waiting = world.send(request);
  const startMs = world.clock.nowMs();
  await waiting;
  const again = await world.send(request);
  expect(again).toMatchObject({ status: 202, headers: { 'idempotent-replayed': 'true' } });
  expect(world.clock.nowMs() - startMs).toBeLessThan(25_000);
});

test('a delivery of a webhook is stored once under its id, and one with a wrong signature not at all', async () => {
  const world = await createPushWorld();
  const body = '{"id":"a"}';
  const at = new Date(world.clock.nowMs());
  const headers = {
    authorization: undefined,
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(HOOK_SECRET.value).sign('msg_1', at, body),
  };
  const delivery = { source: 'hooks', route: 'POST /v1/webhooks/{source}', body, headers };
  expect((await world.send(delivery)).status).toBe(202);
  expect(await world.send(delivery)).toMatchObject({
    status: 202,
    headers: { 'idempotent-replayed': 'true' },
  });
  expect(world.sent()).toEqual([body]);
  expect(await world.send({ ...delivery, body: '{"id":"b"}' })).toMatchObject({ status: 401 });
  expect(await world.send({ ...delivery, source: 'orders' })).toMatchObject({ status: 404 });
  expect(await world.send({ source: 'hooks', body })).toMatchObject({ status: 404 });
  expect(world.sent()).toEqual([body]);
});
