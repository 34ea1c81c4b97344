import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthenticate } from '../../../lambdas/push/authenticate.ts';
import type { Sender } from '../../../lambdas/push/sender.ts';
import { createVerifyToken } from '../../../shared/adapters/jwt/create-verify-token.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryWriteKeyStore } from '../../../shared/adapters/memory/memory-write-key-store.ts';
import type { StoreCall } from '../../../shared/adapters/memory/turn.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { hashWriteKey, toWriteKey } from '../../../shared/domain/write-key.ts';
import type { VerifyToken } from '../../../shared/ports/verify-token.ts';
import { PushWorld } from '../../support/push-world.ts';
import { pushEvent, pushSource } from '../../support/push-source.ts';
import { ISSUER, signToken, TokenIssuer, type IssuerKey } from '../../support/token-issuer.ts';

const HOUR_MS = 3_600_000;
const orders = pushSource('orders', {});
const clicks = pushSource('clicks', {});
const tokens = pushSource('tokens', {
  auth: { type: 'jwt', issuer: ISSUER, audience: 'headgate', claims: { scope: 'ingest' } },
});
const signed = pushSource('signed', { auth: { type: 'iam' } });

const problem = (name: string, status?: RegExp): unknown =>
  expect.objectContaining({
    name: 'HttpProblem',
    problem: name,
    ...(status !== undefined && { message: expect.stringMatching(status) as string }),
  });
const challenged = (challenge: string): unknown =>
  expect.objectContaining({ options: { headers: { 'www-authenticate': challenge } } });

/** An instance of the function over a store of keys that others may share. */
class Instance {
  readonly clock: ManualClock;
  readonly telemetry = new MemoryTelemetry();
  readonly calls: StoreCall[];
  readonly keys: MemoryWriteKeyStore;
  readonly #authenticate;

  constructor(
    options: { readonly verifyToken?: VerifyToken; readonly other?: Instance; readonly broken?: string } = {},
  ) {
    this.clock = options.other?.clock ?? new ManualClock();
    this.calls = options.other?.calls ?? [];
    this.keys =
      options.other?.keys ??
      new MemoryWriteKeyStore({
        turn: {
          before: (call) => {
            this.calls.push(call);
            if (call.operation !== options.broken) return Promise.resolve();
            return Promise.reject(new TransientError('AWS_UNAVAILABLE', 'the table does not answer'));
          },
        },
      });
    this.#authenticate = createAuthenticate({
      keys: this.keys,
      clock: this.clock,
      telemetry: this.telemetry,
      verifyToken: options.verifyToken ?? (() => Promise.reject(new Error('no token is looked at'))),
    });
  }

  async createKey(source: string, number = 1): Promise<string> {
    const key = toWriteKey(source, new Uint8Array(32).fill(number));
    await this.keys.create({ hash: hashWriteKey(key), source, createdAtMs: this.clock.nowMs() });
    return key;
  }

  authenticate(
    source: ReturnType<typeof pushSource>,
    authorization?: string,
    authorizer?: unknown,
  ): Promise<Sender> {
    return this.#authenticate(source, pushEvent({ authorization }, authorizer));
  }

  noted(): number {
    return this.calls.filter(({ operation }) => operation === 'note-use').length;
  }
}

describe('write keys', () => {
  test('a sender is known by the id of its key, which does not tell the key', async () => {
    const instance = new Instance();
    const key = await instance.createKey('orders');
    const sender = await instance.authenticate(orders, `Bearer ${key}`);
    expect(sender).toEqual({ id: `key:${hashWriteKey(key).slice(0, 12)}` });
    expect(await instance.authenticate(orders, `Basic ${btoa(`${key}:`)}`)).toEqual(sender);
  });

  test('both active keys of a source are accepted, and of a revoked one nothing after a minute', async () => {
    const instance = new Instance();
    const [old, fresh] = [await instance.createKey('orders', 1), await instance.createKey('orders', 2)];
    const ids = [old, fresh].map(async (key) => (await instance.authenticate(orders, `Bearer ${key}`)).id);
    expect(new Set(await Promise.all(ids)).size).toBe(2);
    await instance.keys.revoke('orders', hashWriteKey(old));
    instance.clock.advance(60_001);
    await expect(instance.authenticate(orders, `Bearer ${old}`)).rejects.toEqual(problem('unauthorized'));
    await instance.authenticate(orders, `Bearer ${fresh}`);
  });

  test('a key is looked up once a minute', async () => {
    const instance = new Instance();
    const key = await instance.createKey('orders');
    const found = (): number => instance.calls.filter(({ operation }) => operation === 'find').length;
    for (let second = 0; second < 60; second++) {
      await instance.authenticate(orders, `Bearer ${key}`);
      instance.clock.advance(1_000);
    }
    expect(found()).toBe(1);
    instance.clock.advance(1);
    await instance.authenticate(orders, `Bearer ${key}`);
    expect(found()).toBe(2);
  });

  test('the key of another source is forbidden, and that is no use of it', async () => {
    const instance = new Instance();
    const key = await instance.createKey('clicks');
    await expect(instance.authenticate(orders, `Bearer ${key}`)).rejects.toEqual(
      problem('forbidden', /use a key of source "orders"/),
    );
    expect(instance.noted()).toBe(0);
    await instance.authenticate(clicks, `Bearer ${key}`);
    expect((await instance.keys.list('clicks'))[0]?.lastUsedAtMs).toBe(instance.clock.nowMs());
  });

  test('no key is a challenge for both ways to send one', async () => {
    const instance = new Instance();
    await expect(instance.authenticate(orders)).rejects.toEqual(
      challenged('Bearer realm="headgate", Basic realm="headgate"'),
    );
  });

  test('the use of a key is noted once an hour, however many instances see it', async () => {
    const first = new Instance();
    const second = new Instance({ other: first });
    const key = await first.createKey('orders');
    const startMs = first.clock.nowMs();
    for (let minute = 0; minute < 150; minute++) {
      for (const instance of [first, second, first]) await instance.authenticate(orders, `Bearer ${key}`);
      first.clock.advance(60_000);
    }
    // At 0, 60 and 120 minutes, when both instances look the key up again and one sees the note of the other.
    expect(first.noted()).toBe(3);
    expect((await first.keys.list('orders'))[0]?.lastUsedAtMs).toBe(startMs + 2 * HOUR_MS);
  });

  test('a use that cannot be noted harms nobody, is logged without the key and tried again a minute later', async () => {
    const instance = new Instance({ broken: 'note-use' });
    const key = await instance.createKey('orders');
    for (let second = 0; second < 120; second++) {
      await instance.authenticate(orders, `Bearer ${key}`);
      instance.clock.advance(1_000);
    }
    expect(instance.noted()).toBe(2);
    expect(instance.telemetry.logs).toHaveLength(2);
    expect(instance.telemetry.logs[0]).toMatchObject({
      level: 'warn',
      fields: { source: 'orders', key: hashWriteKey(key).slice(0, 12) },
    });
    expect(JSON.stringify(instance.telemetry.logs)).not.toContain(key);
  });

  test('a store that does not answer is a passing failure, never a sender and never a refusal', async () => {
    const instance = new Instance({ broken: 'find' });
    const key = await instance.createKey('orders');
    await expect(instance.authenticate(orders, `Bearer ${key}`)).rejects.toBeInstanceOf(TransientError);
  });
});

describe('tokens', () => {
  let issuer: TokenIssuer;
  let signer: IssuerKey;
  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    signer = await issuer.addKey('RS256');
  });
  afterAll(async () => {
    await issuer.close();
  });

  const claims = (instance: Instance, changed: object = {}): Record<string, unknown> => ({
    iss: ISSUER,
    aud: 'headgate',
    sub: 'shop',
    scope: 'openid ingest',
    exp: instance.clock.nowMs() / 1000 + 600,
    ...changed,
  });

  function start(): Instance {
    const clock = new ManualClock();
    return new Instance({ verifyToken: createVerifyToken({ clock, fetch: issuer.fetch }) });
  }

  test('a sender is known by issuer and subject, whatever else is in its tokens', async () => {
    const instance = start();
    const idOf = async (changed: object): Promise<string> => {
      const token = await signToken(signer, claims(instance, changed));
      return (await instance.authenticate(tokens, `bearer ${token}`)).id;
    };
    const id = await idOf({});
    expect(id).toMatch(/^sub:[\da-f]{32}$/);
    expect(await idOf({ jti: 'another', exp: instance.clock.nowMs() / 1000 + 60 })).toBe(id);
    expect(await idOf({ sub: 'another' })).not.toBe(id);
  });

  test('no token is a challenge without an error, a wrong one names invalid_token', async () => {
    const instance = start();
    await expect(instance.authenticate(tokens)).rejects.toEqual(challenged('Bearer realm="headgate"'));
    for (const token of ['nonsense', await signToken(signer, claims(instance, { aud: 'elsewhere' }))]) {
      const refusal = instance.authenticate(tokens, `Bearer ${token}`);
      await expect(refusal).rejects.toEqual(problem('unauthorized', /^the token is not accepted: /));
      await expect(refusal).rejects.toEqual(challenged('Bearer realm="headgate", error="invalid_token"'));
    }
  });

  test('a token without a claim that the source asks for is forbidden, and the claim is named', async () => {
    const instance = start();
    const refusal = instance.authenticate(
      tokens,
      `Bearer ${await signToken(signer, claims(instance, { scope: 'openid' }))}`,
    );
    await expect(refusal).rejects.toEqual(problem('forbidden', /"scope"/));
    await expect(refusal).rejects.toEqual(challenged('Bearer realm="headgate", error="insufficient_scope"'));
  });

  test('a write key is no token, a token is no write key, and neither is looked at by the other', async () => {
    const instance = start();
    const key = await instance.createKey('tokens');
    await expect(instance.authenticate(tokens, `Bearer ${key}`)).rejects.toEqual(problem('unauthorized'));
    const token = await signToken(signer, claims(instance));
    await expect(instance.authenticate(orders, `Bearer ${token}`)).rejects.toEqual(problem('unauthorized'));
    for (const other of [`Basic ${token}`, `Basic ${btoa(token)}`, `Token ${token}`, token]) {
      await expect(instance.authenticate(tokens, other)).rejects.toEqual(problem('unauthorized'));
    }
    expect(instance.calls.map(({ operation }) => operation)).toEqual(['create']);
  });

  test('while the issuer does not answer, the sender is asked to wait, and told nothing of why', async () => {
    const instance = new Instance({
      verifyToken: () =>
        Promise.resolve({
          status: 'undecided',
          reason: 'login.example.com answered 500',
          retryAfterMs: 9_500,
        }),
    });
    const refusal = await instance.authenticate(tokens, 'Bearer a.b.c').catch((error: unknown) => error);
    expect(refusal).toEqual(problem('temporary-reduced-capacity'));
    expect(refusal).toMatchObject({ options: { headers: { 'retry-after': '10' } } });
    expect(String(refusal)).not.toContain('500');
    expect(instance.telemetry.logs).toMatchObject([
      { level: 'error', fields: { source: 'tokens', reason: 'login.example.com answered 500' } },
    ]);
    expect(instance.telemetry.total('Errors', 'tokens')).toBe(1);
    expect(JSON.stringify(instance.telemetry.logs)).not.toContain('a.b.c');
  });
});

describe('signed requests', () => {
  const iam = (userArn: unknown): unknown => ({ iam: { accountId: '123456789012', userArn } });

  test.each([
    ['arn:aws:iam::123456789012:user/apps/shop', 'iam:arn:aws:iam::123456789012:user/apps/shop'],
    ['arn:aws:sts::123456789012:assumed-role/shop/i-0abc', 'iam:arn:aws:sts::123456789012:assumed-role/shop'],
    [
      'arn:aws-cn:sts::123456789012:assumed-role/shop/a/b',
      'iam:arn:aws-cn:sts::123456789012:assumed-role/shop',
    ],
    ['arn:aws:sts::123456789012:federated-user/shop', 'iam:arn:aws:sts::123456789012:federated-user/shop'],
  ])('%s is one sender, the sessions of a role together', async (userArn, id) => {
    expect(await new Instance().authenticate(signed, undefined, iam(userArn))).toEqual({ id });
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['another authorizer', { jwt: { claims: { sub: 'x' } } }],
    ['no principal', iam(undefined)],
    ['an empty principal', iam('')],
    ['a principal that is no text', iam(5)],
  ])('a request with %s from API Gateway is refused', async (_name, authorizer) => {
    const refusal = new Instance().authenticate(signed, 'AWS4-HMAC-SHA256 Credential=AKIA', authorizer);
    await expect(refusal).rejects.toEqual(problem('unauthorized', /execute-api/));
    await expect(refusal).rejects.toEqual(challenged('AWS4-HMAC-SHA256'));
  });

  test('a signature opens no source that takes keys or tokens', async () => {
    const instance = new Instance({
      verifyToken: () => Promise.resolve({ status: 'invalid', problem: 'it is none' }),
    });
    const authorizer = iam('arn:aws:iam::123456789012:user/shop');
    for (const source of [orders, tokens]) {
      await expect(
        instance.authenticate(source, 'AWS4-HMAC-SHA256 Credential=AKIA', authorizer),
      ).rejects.toEqual(problem('unauthorized'));
    }
  });
});

test('the API lets each source in by its own way, on the routes that API Gateway gives it', async () => {
  const world = new PushWorld({
    verifyToken: (_, token) =>
      Promise.resolve(
        token === 'good'
          ? { status: 'valid', issuer: ISSUER, subject: 'shop' }
          : { status: 'invalid', problem: 'it is none' },
      ),
  });
  const body = '{"id":"a"}';
  const bearer = (token: string): object => ({
    source: 'tokens',
    body,
    headers: { authorization: `Bearer ${token}` },
  });
  expect((await world.send(bearer('bad'))).status).toBe(401);
  expect((await world.send(bearer('good'))).status).toBe(202);
  const open = { source: 'signed', body };
  expect((await world.send(open)).status).toBe(401);
  const own = { ...open, route: 'POST /v1/sources/signed/records' };
  expect((await world.send(own)).status).toBe(401);
  const authorizer = { iam: { userArn: 'arn:aws:iam::123456789012:user/shop' } };
  expect((await world.send({ ...own, authorizer })).status).toBe(202);
  expect(world.sent()).toHaveLength(2);
});
