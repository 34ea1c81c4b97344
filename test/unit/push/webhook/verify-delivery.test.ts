import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BlockedError, TransientError } from '../../../../shared/domain/errors.ts';
import type { ParameterStore } from '../../../../shared/ports/parameter-store.ts';
import {
  declareWebhook,
  GENERIC,
  PRESETS,
  SECRET,
  SIGNATURES,
  SIGNERS,
  WebhookWorld,
  WHSEC,
  type Preset,
  type SignatureInput,
} from '../../../support/webhooks.ts';

const BODY = '{"id":"evt_1","event_id":"Ev08MFMKH6","n":1}';
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const TIMED: readonly Preset[] = ['standard-webhooks', 'stripe', 'slack', 'hmac'];
const unauthorized = { problem: 'unauthorized' };

/** A world, a source of the preset, and a way to send what its service would. */
function open(preset: Preset, options: ConstructorParameters<typeof WebhookWorld>[0] = {}) {
  const world = new WebhookWorld(options);
  const source = declareWebhook(SIGNATURES[preset]);
  const sign = (body: string | Buffer = BODY, secret = WHSEC, id?: string) =>
    SIGNERS[preset]({ body, secret, atMs: world.clock.nowMs(), ...(id === undefined ? {} : { id }) });
  return { world, source, sign };
}

describe.each(PRESETS)('%s', (preset) => {
  test('a delivery that is signed as documented is verified', async () => {
    const { world, source, sign } = open(preset);
    const delivery = await world.verify(source, sign(), BODY);
    expect(delivery.document.toString()).toBe(BODY);
    expect(delivery.answer).toBeUndefined();
    expect(delivery.id).toBeDefined();
  });

  test('bytes are verified as they are, also when they are not UTF-8', async () => {
    const { world, source, sign } = open(preset);
    const body = Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]);
    expect((await world.verify(source, sign(body), body)).document).toEqual(body);
  });

  test('another secret, no header and an empty header are refused, with a challenge and without a hint of what is right', async () => {
    const { world, source, sign } = open(preset);
    const right = sign();
    const wrong = [
      sign(BODY, OTHER),
      ...Object.keys(right)
        .filter((name) => !name.endsWith('-delivery') && !name.includes('shopify-webhook-id'))
        .filter((name) => name !== 'x-shopify-event-id')
        .flatMap((name) => [
          { ...right, [name]: undefined },
          { ...right, [name]: ' ' },
        ]),
    ];
    for (const headers of wrong) {
      const refusal: unknown = await world.verify(source, headers, BODY).catch((error: unknown) => error);
      expect(refusal).toMatchObject(unauthorized);
      expect(refusal).toMatchObject({
        options: { headers: { 'www-authenticate': expect.stringContaining('Signature') as string } },
      });
      const { message } = refusal as Error;
      expect(message).not.toContain(SECRET);
      for (const value of Object.values(right)) expect(message).not.toContain(value);
    }
  });

  test('a header of absurd length is refused', async () => {
    const { world, source, sign } = open(preset);
    const right = sign();
    for (const [name, value] of Object.entries(right)) {
      if (name.includes('delivery') || name.includes('shopify-webhook-id') || name.includes('event-id'))
        continue;
      const headers = { ...right, [name]: value + 'a'.repeat(2_000) };
      await expect(world.verify(source, headers, BODY)).rejects.toMatchObject(unauthorized);
    }
  });

  test('one repetition is one delivery, another event is another one', async () => {
    const { world, source, sign } = open(preset);
    const first = await world.verify(source, sign(), BODY);
    world.clock.advance(60_000);
    expect((await world.verify(source, sign(), BODY)).id).toBe(first.id);
    const body = '{"id":"evt_2","event_id":"Ev09","n":1}';
    expect((await world.verify(source, sign(body, WHSEC, 'another'), body)).id).not.toBe(first.id);
  });
});

describe.each(TIMED)('the signed time of %s', (preset) => {
  test('may be five minutes off, before and after ours, and no more', async () => {
    const { world, source, sign } = open(preset);
    const headers = sign();
    world.clock.advance(300_000);
    await world.verify(source, headers, BODY);
    world.clock.advance(1);
    await expect(world.verify(source, headers, BODY)).rejects.toThrow(/signed 301 seconds ago; at most 300/);
    world.clock.advance(-600_001);
    await world.verify(source, headers, BODY);
    world.clock.advance(-1);
    await expect(world.verify(source, headers, BODY)).rejects.toThrow(/301 seconds from now/);
  });

  test('is checked before a secret is read', async () => {
    const { world, source, sign } = open(preset);
    const headers = sign();
    world.clock.advance(301_000);
    await expect(world.verify(source, headers, BODY)).rejects.toMatchObject(unauthorized);
    expect(world.reads).toEqual([]);
  });

  test.each(['', 'now', '1e9', '-1', '0x10', '1.5', '9'.repeat(30), '１７６７２２５６００'])(
    'cannot be %j',
    async (time) => {
      const { world, source, sign } = open(preset);
      const right = sign();
      const headers = Object.fromEntries(
        Object.entries(right).map(([name, value]) => {
          if (name === 'stripe-signature') return [name, value.replace(/t=\d+/, `t=${time}`)];
          return [name, name.includes('time') ? time : value];
        }),
      );
      await expect(world.verify(source, headers, BODY)).rejects.toMatchObject(unauthorized);
    },
  );
});

test('the tolerance is what the configuration says', async () => {
  const source = declareWebhook({ ...SIGNATURES.slack, tolerance: '1 hour' } as SignatureInput);
  const world = new WebhookWorld();
  const headers = SIGNERS.slack({ body: BODY, secret: WHSEC, atMs: world.clock.nowMs() });
  world.clock.advance(3_600_000);
  await world.verify(source, headers, BODY);
  world.clock.advance(1);
  await expect(world.verify(source, headers, BODY)).rejects.toMatchObject(unauthorized);
});

describe('what identifies a delivery', () => {
  test('Stripe: the id of the event, however its body was rebuilt', async () => {
    const { world, source, sign } = open('stripe');
    for (const body of ['{"id":"evt_1","pending_webhooks":2}', '{"id":"evt_1","pending_webhooks":1}']) {
      expect((await world.verify(source, sign(body), body)).id).toBe('evt_1');
    }
  });

  test('Slack: event_id', async () => {
    const { world, source, sign } = open('slack');
    expect((await world.verify(source, sign(), BODY)).id).toBe('Ev08MFMKH6');
  });

  test('Standard Webhooks: webhook-id, whatever the body says', async () => {
    const { world, source, sign } = open('standard-webhooks');
    for (const body of [BODY, '{}']) {
      expect((await world.verify(source, sign(body, WHSEC, 'msg_7'), body)).id).toBe('msg_7');
    }
  });

  test.each(['github', 'shopify'] as const)(
    '%s: its id together with the body, because the id is not signed',
    async (preset) => {
      const { world, source, sign } = open(preset);
      const idOf = async (body: string, id: string) =>
        (await world.verify(source, sign(body, WHSEC, id), body)).id;
      const first = await idOf('{"a":1}', 'one');
      expect(first).toMatch(/^sha256:[\da-f]{64}$/);
      expect(await idOf('{"a":1}', 'one')).toBe(first);
      expect(await idOf('{"a":2}', 'one')).not.toBe(first);
      expect(await idOf('{"a":1}', 'two')).not.toBe(first);
    },
  );

  test.each(['github', 'shopify'] as const)('%s: without its id header there is no id', async (preset) => {
    const { world, source, sign } = open(preset);
    const headers = { ...sign(), 'x-github-delivery': undefined, 'x-shopify-webhook-id': undefined };
    expect((await world.verify(source, headers, BODY)).id).toBeUndefined();
  });

  test('Shopify Events: the same headers without X-', async () => {
    const { world, source, sign } = open('shopify');
    const headers = Object.fromEntries(
      Object.entries(sign()).map(([name, value]) => [name.replace('x-', ''), value]),
    );
    expect((await world.verify(source, headers, BODY)).id).toMatch(/^sha256:/);
  });

  test.each([
    ['no JSON', 'nonsense'],
    ['an array', '[{"id":"evt_1"}]'],
    ['a number beyond 2^53', '{"id":9007199254740993}'],
    ['an object', '{"id":{}}'],
    ['an empty text', '{"id":""}'],
    ['a name of Object.prototype', '{"a":1}'],
  ])('a body whose id is %s has none', async (_name, body) => {
    const { world, source, sign } = open('stripe');
    expect((await world.verify(source, sign(body), body)).id).toBeUndefined();
  });

  test('an id that is long or not ASCII is hashed, so that every id has at most 255 ASCII characters', async () => {
    const { world, source, sign } = open('stripe');
    const ids = new Set<string>();
    for (const id of ['x'.repeat(256), 'x'.repeat(257), 'ä', 'a\nb', 'a\u0000']) {
      const body = JSON.stringify({ id });
      const found = (await world.verify(source, sign(body), body)).id ?? '';
      expect(found).toMatch(/^[ -~]{1,255}$/);
      ids.add(found);
    }
    expect(ids.size).toBe(5);
  });

  test('hmac: a signed id alone, one that is not signed with the body, or a field of the body', async () => {
    const world = new WebhookWorld();
    const secrets = [{ parameter: SECRET }];
    const header = 'X-Sign';
    const sign = (body: string) => createHmac('sha256', WHSEC).update(body).digest('hex');
    const unsigned = declareWebhook({ preset: 'hmac', secrets, header, idHeader: 'X-Id' });
    const inBody = declareWebhook({ preset: 'hmac', secrets, header, idField: 'event.id' });
    const idOf = async (source: typeof unsigned, body: string) =>
      (await world.verify(source, { 'x-sign': sign(body), 'x-id': 'a' }, body)).id;
    expect(await idOf(unsigned, '1')).not.toBe(await idOf(unsigned, '2'));
    expect(await idOf(inBody, '{"event":{"id":17}}')).toBe('17');
    expect(await idOf(inBody, '{"event":17}')).toBeUndefined();
  });
});

describe('a generic HMAC', () => {
  const secrets = [{ parameter: SECRET }];
  const secret = Buffer.from('00ff10a0', 'hex');

  test.each(['sha1', 'sha256', 'sha512'] as const)(
    '%s is verified, in hex and both kinds of base64',
    async (algorithm) => {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        for (const [secretEncoding, value] of [
          ['hex', '00FF10a0'],
          ['base64', secret.toString('base64')],
        ] as const) {
          const world = new WebhookWorld({ values: { [SECRET]: value } });
          const source = declareWebhook({
            preset: 'hmac',
            secrets,
            header: 'X-Sign',
            algorithm,
            encoding,
            secretEncoding,
            prefix: 's=',
          });
          const signature = createHmac(algorithm, secret).update(BODY).digest(encoding);
          await world.verify(source, { 'x-sign': `s=${signature}` }, BODY);
          await world.verify(source, { 'x-sign': `s=AAAA,s=${signature}` }, BODY);
          for (const wrong of [
            signature,
            `s=${signature}=`,
            `s=${signature.slice(0, -1)}`,
            's=',
            `S=${signature}`,
          ]) {
            await expect(world.verify(source, { 'x-sign': wrong }, BODY)).rejects.toMatchObject(unauthorized);
          }
        }
      }
    },
  );

  test('hex is taken in upper case as well', async () => {
    const world = new WebhookWorld();
    const source = declareWebhook({ preset: 'hmac', secrets, header: 'X-Sign' });
    const signature = createHmac('sha256', WHSEC).update(BODY).digest('hex').toUpperCase();
    await world.verify(source, { 'x-sign': signature }, BODY);
  });

  test('a time as ISO 8601', async () => {
    const world = new WebhookWorld();
    const source = declareWebhook({
      ...GENERIC,
      secrets,
      signed: '{timestamp}.{body}',
      timestampFormat: 'iso-8601',
    });
    const verify = (time: string) => {
      const signature = createHmac('sha256', WHSEC).update(`${time}.${BODY}`).digest('base64');
      return world.verify(source, { 'x-sign': `sig=${signature}`, 'x-time': time }, BODY);
    };
    await verify(new Date(world.clock.nowMs()).toISOString());
    await expect(verify('2026-01-01')).rejects.toMatchObject(unauthorized);
    await expect(verify('2025-12-31T23:54:59Z')).rejects.toMatchObject(unauthorized);
  });

  test('text around the places is signed as it is, names of Object.prototype too', async () => {
    const world = new WebhookWorld();
    const source = declareWebhook({
      preset: 'hmac',
      secrets,
      header: 'X-Sign',
      signed: 'constructor{body}$&{body}',
    });
    const signature = createHmac('sha256', WHSEC).update(`constructor${BODY}$&${BODY}`).digest('hex');
    await world.verify(source, { 'x-sign': signature }, BODY);
  });
});

test('Stripe: any of several v1 may fit; v0 never does, and two times are none', async () => {
  const { world, source, sign } = open('stripe');
  const right = sign()['stripe-signature'] ?? '';
  const [time = '', v1 = ''] = right.split(',');
  const wrong = `v1=${'0'.repeat(64)}`;
  for (const header of [`${time},${wrong},${v1}`, `${time},${v1},${wrong}`, `${v1}, ${time}`]) {
    expect((await world.verify(source, { 'stripe-signature': header }, BODY)).id).toBe('evt_1');
  }
  for (const header of [
    `${time},${v1.replace('v1', 'v0')}`,
    `${time},${time},${v1}`,
    `${right},${right}`,
    time,
    v1,
    `${time},v1=`,
  ]) {
    const sent = world.verify(source, { 'stripe-signature': header }, BODY);
    await expect(sent).rejects.toMatchObject(unauthorized);
  }
});

describe('handshakes', () => {
  const challenge = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';
  const handshake = JSON.stringify({ token: 't', challenge, type: 'url_verification' });

  test('Slack gets its challenge back, if it has signed it', async () => {
    const { world, source, sign } = open('slack');
    const { answer } = await world.verify(source, sign(handshake), handshake);
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(answer?.body ?? '')).toEqual({ challenge });
    const forged = world.verify(source, sign(handshake, OTHER), handshake);
    await expect(forged).rejects.toMatchObject(unauthorized);
  });

  test.each([
    '{"type":"url_verification"}',
    '{"type":"url_verification","challenge":{}}',
    '{"type":"event_callback","challenge":"x"}',
    '{"challenge":"x"}',
    '[]',
    'null',
    '7',
    'x',
  ])('%s is none', async (body) => {
    const { world, source, sign } = open('slack');
    expect((await world.verify(source, sign(body), body)).answer).toBeUndefined();
  });

  test('what is one to Slack is an event to the others', async () => {
    const { world, source, sign } = open('stripe');
    expect((await world.verify(source, sign(handshake), handshake)).answer).toBeUndefined();
  });
});

describe('documents', () => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

  test('the payload of a form is the document, in its own bytes', async () => {
    const { world, source, sign } = open('github');
    for (const [form, document] of [
      ['payload=%7B%22a%22%3A%22x%2By+%C3%A4%22%7D', '{"a":"x+y ä"}'],
      ['x=1&payload={"a":1}&y=2', '{"a":1}'],
      ['payload=', ''],
    ] as const) {
      const delivery = await world.verify(source, { ...FORM, ...sign(form) }, form);
      expect(delivery.document.toString()).toBe(document);
    }
    const invalid = 'payload=%ff%zz';
    const delivery = await world.verify(source, { ...FORM, ...sign(invalid) }, invalid);
    expect(delivery.document).toEqual(Buffer.from([0xff, 0x25, 0x7a, 0x7a]));
  });

  test('any JSON type is taken, in UTF-8', async () => {
    const { world, source, sign } = open('github');
    for (const type of [
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
      'application/cloudevents+json',
      'application/vnd.acme.event-v1+json',
    ]) {
      const delivery = await world.verify(source, { ...sign(), 'content-type': type }, BODY);
      expect(delivery.document.toString()).toBe(BODY);
    }
  });

  test.each([
    [undefined, BODY],
    ['text/plain', BODY],
    ['application/xml', BODY],
    ['application/jsonx', BODY],
    ['application/json; charset=latin1', BODY],
    [FORM['content-type'], 'command=%2Fx'],
    [FORM['content-type'], 'xpayload={}'],
  ])('%s with %s is 415 to who signed it, and 401 to who did not', async (type, body) => {
    const { world, source, sign } = open('github');
    const headers = { 'content-type': type };
    const signed = world.verify(source, { ...sign(body), ...headers }, body);
    await expect(signed).rejects.toMatchObject({ problem: 'unsupported-media-type' });
    await expect(world.verify(source, headers, body)).rejects.toMatchObject(unauthorized);
  });
});

describe('secrets', () => {
  const TWO = ['/hooks/old', '/hooks/new'] as const;
  const source = declareWebhook({ preset: 'github', secrets: TWO.map((parameter) => ({ parameter })) });
  const send = (world: WebhookWorld, secret: string) =>
    world.verify(source, SIGNERS.github({ body: BODY, secret, atMs: 0 }), BODY);

  test('a rotated secret is seen at once, the old one is refused, and nothing is deployed', async () => {
    const values = new Map([[SECRET, 'old']]);
    const world = new WebhookWorld({ store: (clock) => cachingStore(values, () => clock.nowMs()) });
    const one = declareWebhook(SIGNATURES.github);
    const verify = (secret: string) =>
      world.verify(one, SIGNERS.github({ body: BODY, secret, atMs: 0 }), BODY);
    await verify('old');
    values.set(SECRET, 'new');
    await verify('old');
    await verify('new');
    await expect(verify('old')).rejects.toMatchObject(unauthorized);
  });

  test('a flood of wrong signatures reads the secrets again once in half a minute', async () => {
    const world = new WebhookWorld({ values: { [TWO[0]]: 'a', [TWO[1]]: 'b' } });
    let refused = 0;
    for (let i = 0; i < 50; i++) await send(world, 'wrong').catch(() => refused++);
    expect(refused).toBe(50);
    const forced = world.reads.length - 50 * TWO.length;
    expect(forced).toBe(TWO.length);
    world.clock.advance(30_000);
    await expect(send(world, 'wrong')).rejects.toMatchObject(unauthorized);
    expect(world.reads.length - 51 * TWO.length).toBe(2 * TWO.length);
  });

  test('a missing parameter is ours to mend: the sender is told to come again, the operator which it is', async () => {
    const world = new WebhookWorld({ values: {} });
    const refusal: unknown = await send(world, 'a').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BlockedError);
    expect(refusal).toMatchObject({ code: 'PARAMETER_MISSING' });
    expect((refusal as Error).message).toContain(TWO[0]);
  });

  test('it is asked for once in half a minute, and found once it is set', async () => {
    const world = new WebhookWorld({ values: {} });
    for (let i = 0; i < 20; i++) await send(world, 'a').catch(() => undefined);
    expect(world.reads).toEqual([...TWO]);
    world.values.set(TWO[0], 'a');
    await expect(send(world, 'a')).rejects.toBeInstanceOf(BlockedError);
    world.clock.advance(30_000);
    await send(world, 'a');
  });

  test('a secret that is missing blocks nobody who signs with the other one, and is logged', async () => {
    const world = new WebhookWorld({ values: { [TWO[1]]: 'b' } });
    await send(world, 'b');
    expect(world.telemetry.logs).toHaveLength(1);
    expect(world.telemetry.logs[0]).toMatchObject({ level: 'error', fields: { source: 'hook' } });
    expect(JSON.stringify(world.telemetry.logs)).toContain(TWO[0]);
    // Whether the missing one would have fitted cannot be told.
    await expect(send(world, 'wrong')).rejects.toBeInstanceOf(BlockedError);
  });

  test('a store that does not answer is no reason to refuse: the sender comes again', async () => {
    let isDown = true;
    const world = new WebhookWorld({
      store: () => ({
        get: () =>
          isDown
            ? Promise.reject(new TransientError('THROTTLED', 'GetParameter was throttled'))
            : Promise.resolve('a'),
      }),
    });
    await expect(send(world, 'a')).rejects.toBeInstanceOf(TransientError);
    isDown = false;
    await expect(send(world, 'a')).rejects.toBeInstanceOf(TransientError);
    world.clock.advance(2_000);
    await send(world, 'a');
  });

  test('a line end after the secret is not part of it', async () => {
    const world = new WebhookWorld({ values: { [TWO[0]]: 'a\n', [TWO[1]]: 'b\r\n' } });
    await send(world, 'a');
    await send(world, 'b');
  });

  test.each([
    ['github', ''],
    ['github', '\n'],
    ['github', '  '],
    ['standard-webhooks', 'whsec_'],
    ['standard-webhooks', 'whsec_not base64!'],
    ['standard-webhooks', 'whsec_YWJj='],
    ['standard-webhooks', 'whsk_YWJj'],
    ['standard-webhooks', 'whpk_YWJj'],
    ['standard-webhooks', ''],
  ] as const)('%s cannot use %j, which no message repeats', async (preset, value) => {
    const { world, source: other } = open(preset, { values: { [SECRET]: value } });
    // Whoever knows that the key is empty could sign with it.
    const headers = SIGNERS[preset]({ body: BODY, secret: value, atMs: world.clock.nowMs() });
    const refusal: unknown = await world.verify(other, headers, BODY).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BlockedError);
    expect(refusal).toMatchObject({ code: 'SECRET_UNUSABLE' });
    const { message } = refusal as Error;
    expect(message).toContain(SECRET);
    expect(message).toContain('--overwrite');
    if (value.includes('YWJj')) expect(message).not.toContain('YWJj');
  });

  test.each([
    ['hex', 'xyz'],
    ['hex', 'abc'],
    ['base64', '%%%'],
  ] as const)(
    'a secret that is not %s, as it should be, is named to the operator',
    async (secretEncoding, value) => {
      const world = new WebhookWorld({ values: { [SECRET]: value } });
      const one = declareWebhook({
        preset: 'hmac',
        secrets: [{ parameter: SECRET }],
        header: 'X-Sign',
        secretEncoding,
      });
      const sent = world.verify(one, { 'x-sign': 'aa' }, BODY);
      await expect(sent).rejects.toMatchObject({ code: 'SECRET_UNUSABLE' });
    },
  );
});

/** A store that keeps what it read until somebody asks for something newer. */
function cachingStore(values: ReadonlyMap<string, string>, nowMs: () => number): ParameterStore {
  const cache = new Map<string, { value: string; readAtMs: number }>();
  return {
    get: (name, { maxAgeMs = Infinity } = {}) => {
      const cached = cache.get(name);
      if (cached !== undefined && nowMs() - cached.readAtMs < maxAgeMs) return Promise.resolve(cached.value);
      const value = values.get(name) ?? '';
      cache.set(name, { value, readAtMs: nowMs() });
      return Promise.resolve(value);
    },
  };
}
