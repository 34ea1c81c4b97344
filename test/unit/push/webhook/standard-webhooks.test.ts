import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  createKeyPair,
  declareWebhook,
  SECRET,
  SIGNATURES,
  signAsymmetric,
  WebhookWorld,
  WHSEC,
} from '../../../support/webhooks.ts';

const BODY = '{"type":"contact.created","data":{"name":"Ünal 😀"}}';
const OTHER_SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const source = declareWebhook(SIGNATURES['standard-webhooks']);
const TWO = ['/hooks/old', '/hooks/new'] as const;
const withTwoSecrets = declareWebhook({
  preset: 'standard-webhooks',
  secrets: TWO.map((parameter) => ({ parameter })),
});

/** Headers as the reference library makes them. */
function headersOf(world: WebhookWorld, secret: string, id = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', body = BODY) {
  const now = new Date(world.clock.nowMs());
  return {
    'webhook-id': id,
    'webhook-timestamp': String(now.getTime() / 1000),
    'webhook-signature': new Webhook(secret).sign(id, now, body),
  };
}

describe('what the reference library signs', () => {
  test.each([WHSEC, WHSEC.replace('whsec_', ''), OTHER_SECRET])('is verified under %s', async (secret) => {
    const world = new WebhookWorld({ values: { [SECRET]: secret } });
    const delivery = await world.verify(source, headersOf(world, secret), BODY);
    expect(delivery).toMatchObject({ id: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', answer: undefined });
    expect(delivery.document.toString()).toBe(BODY);
  });

  test('is verified when the body is empty: that it holds no record is found later', async () => {
    const world = new WebhookWorld();
    const delivery = await world.verify(source, headersOf(world, WHSEC, 'm', ''), '');
    expect(delivery.document).toHaveLength(0);
  });

  test('is refused under another secret', async () => {
    const world = new WebhookWorld();
    const sent = world.verify(source, headersOf(world, OTHER_SECRET), BODY);
    await expect(sent).rejects.toMatchObject({ problem: 'unauthorized' });
  });

  test('a library of ours and theirs agree about what they refuse: time, body, id', async () => {
    const startMs = Date.now();
    const world = new WebhookWorld({ startMs: startMs - (startMs % 1000) });
    const right = headersOf(world, WHSEC);
    const timestamp = Number(right['webhook-timestamp']);
    const cases: readonly [typeof right, string][] = [
      [right, BODY],
      [right, `${BODY} `],
      [{ ...right, 'webhook-id': 'msg_other' }, BODY],
      [{ ...right, 'webhook-timestamp': String(timestamp + 1) }, BODY],
      [{ ...right, 'webhook-timestamp': String(timestamp - 3600) }, BODY],
      [{ ...right, 'webhook-signature': right['webhook-signature'].replace('v1,', 'v2,') }, BODY],
      [{ ...right, 'webhook-signature': `v1,AAAA ${right['webhook-signature']}` }, BODY],
      [{ ...right, 'webhook-signature': '' }, BODY],
    ];
    for (const [headers, body] of cases) {
      const isOurs = await world.verify(source, headers, body).then(
        () => true,
        () => false,
      );
      let isTheirs = true;
      try {
        new Webhook(WHSEC).verify(body, headers);
      } catch {
        isTheirs = false;
      }
      expect(isOurs, JSON.stringify(headers)).toBe(isTheirs);
    }
  });
});

describe('several signatures and secrets', () => {
  test('any signature may fit any secret', async () => {
    const world = new WebhookWorld({ values: { [TWO[0]]: WHSEC, [TWO[1]]: OTHER_SECRET } });
    const foreign = headersOf(world, 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')['webhook-signature'];
    for (const secret of [WHSEC, OTHER_SECRET]) {
      const right = headersOf(world, secret);
      for (const list of [
        [right['webhook-signature'], foreign],
        [foreign, right['webhook-signature']],
      ]) {
        const headers = { ...right, 'webhook-signature': list.join(' ') };
        expect((await world.verify(withTwoSecrets, headers, BODY)).id).toBe(right['webhook-id']);
      }
    }
  });

  test('two headers that API Gateway has joined to one are refused', async () => {
    const world = new WebhookWorld();
    const right = headersOf(world, WHSEC);
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const) {
      const headers = { ...right, [name]: `${right[name]},${right[name]}` };
      await expect(world.verify(source, headers, BODY)).rejects.toMatchObject({ problem: 'unauthorized' });
    }
  });

  test('names of headers are taken in any case', async () => {
    const world = new WebhookWorld();
    const headers = Object.fromEntries(
      Object.entries(headersOf(world, WHSEC)).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect((await world.verify(source, headers, BODY)).id).toBeDefined();
  });

  test('the older names of the headers mean the same', async () => {
    const world = new WebhookWorld();
    const headers = Object.fromEntries(
      Object.entries(headersOf(world, WHSEC)).map(([name, value]) => [
        name.replace('webhook-', 'svix-'),
        value,
      ]),
    );
    expect((await world.verify(source, headers, BODY)).id).toBe('msg_2KWPBgLlAfxdpx2AI54pPJ85f4W');
  });

  test('new names and old ones are not mixed', async () => {
    const world = new WebhookWorld();
    const right = headersOf(world, WHSEC);
    const headers = { ...right, 'webhook-id': undefined, 'svix-id': right['webhook-id'] };
    await expect(world.verify(source, headers, BODY)).rejects.toMatchObject({ problem: 'unauthorized' });
  });
});

describe('asymmetric signatures', () => {
  const { publicKey, privateKey } = createKeyPair();

  test('v1a is verified with the public key, alone and among others', async () => {
    const world = new WebhookWorld({ values: { [SECRET]: publicKey } });
    const right = headersOf(world, WHSEC);
    const signature = signAsymmetric(privateKey, {
      body: BODY,
      atMs: world.clock.nowMs(),
      id: right['webhook-id'],
    });
    for (const list of [signature, `${right['webhook-signature']} ${signature}`]) {
      const delivery = await world.verify(source, { ...right, 'webhook-signature': list }, BODY);
      expect(delivery.id).toBe(right['webhook-id']);
    }
    const changed = world.verify(source, { ...right, 'webhook-signature': signature }, `${BODY} `);
    await expect(changed).rejects.toMatchObject({ problem: 'unauthorized' });
  });

  test('nobody can sign with what is public: the public key is never the key of an HMAC', async () => {
    const world = new WebhookWorld({ values: { [SECRET]: publicKey } });
    for (const secret of [publicKey.replace('whpk_', 'whsec_'), publicKey.replace('whpk_', '')]) {
      const headers = headersOf(world, secret);
      await expect(world.verify(source, headers, BODY)).rejects.toMatchObject({ problem: 'unauthorized' });
    }
  });

  test('a signature of one kind does not pass as the other', async () => {
    const world = new WebhookWorld({ values: { [TWO[0]]: publicKey, [TWO[1]]: WHSEC } });
    const right = headersOf(world, WHSEC);
    const asymmetric = signAsymmetric(privateKey, {
      body: BODY,
      atMs: world.clock.nowMs(),
      id: right['webhook-id'],
    });
    for (const signature of [
      right['webhook-signature'].replace('v1,', 'v1a,'),
      asymmetric.replace('v1a,', 'v1,'),
    ]) {
      const headers = { ...right, 'webhook-signature': signature };
      await expect(world.verify(withTwoSecrets, headers, BODY)).rejects.toMatchObject({
        problem: 'unauthorized',
      });
    }
  });
});
