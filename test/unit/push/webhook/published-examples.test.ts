import { expect, test } from 'vitest';
import { declareWebhook, SECRET, SIGNATURES, WebhookWorld } from '../../../support/webhooks.ts';

/*
 * What the services publish to test a verification with. A form without a payload is refused only after its signature
 * was found right, which is how the example of Slack shows.
 */

test('GitHub: secret, payload and signature of its documentation', async () => {
  const world = new WebhookWorld({ values: { [SECRET]: "It's a Secret to Everybody" } });
  const source = declareWebhook(SIGNATURES.github);
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const delivery = await world.verify(source, { 'x-hub-signature-256': signature }, 'Hello, World!');
  expect(delivery.document.toString()).toBe('Hello, World!');
  await expect(
    world.verify(source, { 'x-hub-signature-256': signature }, 'Hello, World?'),
  ).rejects.toMatchObject({ problem: 'unauthorized' });
});

test('Slack: secret, request and signature of its documentation', async () => {
  const values = { [SECRET]: '8f742231b10e8888abcd99yyyzzz85a5' };
  const world = new WebhookWorld({ values, startMs: 1_531_420_618_000 });
  const source = declareWebhook(SIGNATURES.slack);
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
    '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=' +
    '&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN' +
    '&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  await expect(world.verify(source, headers, body)).rejects.toMatchObject({
    problem: 'unsupported-media-type',
  });
  await expect(world.verify(source, headers, `${body}d`)).rejects.toMatchObject({ problem: 'unauthorized' });
});

test("Standard Webhooks: the example of the reference library's own test", async () => {
  const values = { [SECRET]: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
  const world = new WebhookWorld({ values, startMs: 1_614_265_330_000 });
  const source = declareWebhook(SIGNATURES['standard-webhooks']);
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  const body = '{"test": 2432232314}';
  expect((await world.verify(source, headers, body)).id).toBe('msg_p5jXN8AQM9LWM0D4loKWxJek');
  await expect(world.verify(source, headers, '{"test": 2432232315}')).rejects.toMatchObject({
    problem: 'unauthorized',
  });
});
