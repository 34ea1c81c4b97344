import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MemoryFrameBus } from '../../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryParameterStore } from '../../../../shared/adapters/memory/memory-parameter-store.ts';
import { TransientError } from '../../../../shared/domain/errors.ts';
import { readFrame } from '../../../../shared/domain/frame.ts';
import type { FrameBus } from '../../../../shared/ports/frame-bus.ts';
import { createPushWorld, HOOK_SECRET, type Answer, type PushWorld } from '../../../support/push-world.ts';
import { SIGNERS } from '../../../support/webhooks.ts';

const ROUTE = 'POST /v1/webhooks/{source}';
const problem = (name: string): string => `urn:headgate:problem:${name}`;

interface Sent {
  readonly body: string;
  readonly id?: string;
  readonly secret?: string;
  readonly source?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Delivers to the source `hooks` as a service would; nobody has a write key. */
async function deliver(world: PushWorld, { body, id, source = 'hooks', ...sent }: Sent): Promise<Answer> {
  const secret = sent.secret ?? HOOK_SECRET.value;
  const signed = SIGNERS['standard-webhooks']({ body, secret, atMs: world.clock.nowMs(), id });
  const headers = { authorization: undefined, ...signed, ...sent.headers };
  return await world.send({ source, route: ROUTE, body, headers });
}

describe('deliveries', () => {
  test('an object is a record, an array is several, a form holds one in its payload', async () => {
    const world = await createPushWorld();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await deliver(world, { id: '1', body: '{"id":"a"}' })).toMatchObject({
      status: 202,
      body: { accepted: 1 },
    });
    await deliver(world, { id: '2', body: '[{"id":"b"},{"id":"c"}]' });
    await deliver(world, { id: '3', body: 'payload=%7B%22id%22%3A%22d%22%7D', headers: form });
    expect(world.sent()).toEqual(['{"id":"a"}', '{"id":"b"}', '{"id":"c"}', '{"id":"d"}']);
  });

  test('a repeated one is answered as the first time and stored once, also when its body was built anew', async () => {
    const world = await createPushWorld();
    const first = await deliver(world, { id: 'msg_1', body: '{"id":"a","count":1}' });
    world.clock.advance(3_600_000);
    const again = await deliver(world, { id: 'msg_1', body: '{"id":"a","count":2}' });
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(world.sent()).toEqual(['{"id":"a","count":1}']);
    await deliver(world, { id: 'msg_2', body: '{"id":"a","count":1}' });
    expect(world.sent()).toHaveLength(2);
  });

  test('two attempts at the same time are one: the second is told to come again', async () => {
    const world = await createPushWorld();
    const answers = await Promise.all([1, 2].map(() => deliver(world, { id: 'm', body: '{"id":"a"}' })));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)?.headers['retry-after']).toBeDefined();
    expect(world.sent()).toHaveLength(1);
  });

  test('one that could not be stored is stored when it is repeated, under the same frame id', async () => {
    const inner = new MemoryFrameBus();
    let isDown = true;
    const tried: string[][] = [];
    const bus: FrameBus = {
      send: async (frames) => {
        tried.push(frames.map(({ bytes }) => readFrame(bytes).header.frameId));
        if (isDown) throw new TransientError('STREAM_DOWN', 'the stream does not answer');
        return await inner.send(frames);
      },
    };
    const world = await createPushWorld({ bus });
    expect((await deliver(world, { id: 'm', body: '{"id":"a"}' })).status).toBe(503);
    isDown = false;
    expect((await deliver(world, { id: 'm', body: '{"id":"a"}' })).status).toBe(202);
    expect(tried).toHaveLength(2);
    expect(tried[1]).toEqual(tried[0]);
  });

  test('a compressed body is verified as it was before', async () => {
    const world = await createPushWorld();
    const body = '{"id":"a"}';
    const signed = SIGNERS['standard-webhooks']({
      body,
      secret: HOOK_SECRET.value,
      atMs: world.clock.nowMs(),
    });
    const headers = { authorization: undefined, ...signed, 'content-encoding': 'gzip' };
    const answer = await world.send({ source: 'hooks', route: ROUTE, body: gzipSync(body), headers });
    expect(answer.status).toBe(202);
  });

  test('what is signed and is no JSON is 400, what violates the contract is kept in quarantine', async () => {
    const world = await createPushWorld();
    for (const body of ['', 'nonsense', '7', '{"id":', '[{"id":"a"},{]']) {
      const answer = await deliver(world, { id: `m${body}`, body });
      expect(answer, body).toMatchObject({ status: 400, body: { type: problem('malformed-body') } });
    }
    expect(world.sent()).toEqual([]);
    expect(await deliver(world, { id: 'q', body: '{"id":7}' })).toMatchObject({
      status: 202,
      body: { quarantined: 1 },
    });
  });

  test('a bomb is cut off before anything is verified', async () => {
    const world = await createPushWorld();
    const headers = { authorization: undefined, 'content-encoding': 'gzip' };
    const body = gzipSync(Buffer.alloc(60_000_000));
    expect((await world.send({ source: 'hooks', route: ROUTE, body, headers })).status).toBe(413);
  });
});

describe('who may deliver', () => {
  test('who does not sign, or with another secret, is 401 and stores nothing; a write key does not help', async () => {
    const world = await createPushWorld();
    const key = await world.createKey('hooks', 9);
    const body = '{"id":"a"}';
    const none = {
      'webhook-id': undefined,
      'webhook-timestamp': undefined,
      'webhook-signature': undefined,
    };
    for (const sent of [
      { body, headers: none },
      { body, headers: { ...none, authorization: `Bearer ${key}` } },
      { body, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
      { body, headers: { ...none, 'content-type': 'text/plain' } },
    ]) {
      const answer = await deliver(world, sent);
      expect(answer).toMatchObject({ status: 401, body: { type: problem('unauthorized') } });
      expect(answer.headers['www-authenticate']).toContain('Signature');
    }
    expect(world.sent()).toEqual([]);
    expect(world.telemetry.total('RecordsReceived', 'hooks')).toBe(0);
  });

  test('each type of source has its own address', async () => {
    const world = await createPushWorld();
    const body = '{"id":"a"}';
    for (const source of ['orders', 'feed', 'nothing', '__proto__']) {
      expect(await deliver(world, { body, source })).toMatchObject({
        status: 404,
        body: { type: problem('unknown-source') },
      });
    }
    const key = await world.createKey('hooks', 9);
    const headers = { authorization: `Bearer ${key}` };
    for (const verb of ['records', 'validate']) {
      const route = `POST /v1/sources/{source}/${verb}`;
      expect((await world.send({ source: 'hooks', route, body, headers })).status).toBe(404);
    }
  });

  test('a secret that is not set is 503: the sender comes again, and learns nothing of our parameters', async () => {
    const world = await createPushWorld({ parameters: new MemoryParameterStore() });
    const answer = await deliver(world, { body: '{"id":"a"}' });
    expect(answer.status).toBe(503);
    expect(answer.body.type).toContain('temporary-reduced-capacity');
    expect(answer.headers['retry-after']).toBeDefined();
    expect(JSON.stringify(answer)).not.toContain(HOOK_SECRET.parameter);
    expect(JSON.stringify(world.telemetry.logs)).toContain(HOOK_SECRET.parameter);
    expect(world.telemetry.total('Errors', 'hooks')).toBe(1);
  });

  test('no answer and no log repeats a secret or a signature', async () => {
    const world = await createPushWorld();
    const body = '{"id":"a"}';
    const answers = [
      await deliver(world, { body }),
      await deliver(world, { body, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
    ];
    const text = JSON.stringify([answers, world.telemetry.logs]);
    for (const secret of [HOOK_SECRET.value, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']) {
      const signed = SIGNERS['standard-webhooks']({ body, secret, atMs: world.clock.nowMs() });
      expect(text).not.toContain(secret.replace('whsec_', ''));
      expect(text).not.toContain(signed['webhook-signature']?.slice(3));
    }
  });
});
