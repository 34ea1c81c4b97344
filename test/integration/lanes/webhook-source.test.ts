import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { Webhook } from 'standardwebhooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { useCloud } from '../../support/cloud.ts';
import { lakeRows } from '../../support/lake-rows.ts';

const { cloud, clients } = useCloud({ config: 'test/fixtures/webhook-source.config.ts' });

const OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEW = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

async function setSecret(value: string): Promise<void> {
  await clients().ssm.send(
    new PutParameterCommand({
      Name: '/hooked/contacts/secret',
      Type: 'SecureString',
      Value: value,
      Overwrite: true,
    }),
  );
}

/** Sends what the reference library has signed. */
async function deliver(
  secret: string,
  id: string,
  body: string,
  { source = 'contacts', headers = {} }: { source?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const now = new Date();
  return await fetch(`${cloud().output('ApiUrl')}/v1/webhooks/${source}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, now, body),
      ...headers,
    },
    body,
  });
}

describe('deliveries that the reference library has signed', () => {
  beforeAll(() => setSecret(OLD));

  test('land once each, however often they come', async () => {
    expect((await deliver(OLD, 'msg_1', '{"type":"a","n":1}')).status).toBe(202);
    const again = await deliver(OLD, 'msg_1', '{"type":"a","n":2}');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect((await deliver(OLD, 'msg_2', '{"type":"ü😀","n":3}')).status).toBe(202);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = await deliver(OLD, 'msg_3', 'payload=%7B%22type%22%3A%22b%22%2C%22n%22%3A4%7D', { headers });
    expect(form.status).toBe(202);

    await cloud().poller.drained();
    const rows = await lakeRows(clients().s3, cloud().output('LakeBucketName'), 'raw/contacts/');
    expect(rows.map(({ row }) => [row['type'], row['n']]).toSorted()).toEqual([
      ['a', 1n],
      ['b', 4n],
      ['ü😀', 3n],
    ]);
  });

  test('are verified with a new secret at once, and no longer with the old one', async () => {
    await setSecret(NEW);
    expect((await deliver(NEW, 'msg_4', '{"type":"c"}')).status).toBe(202);
    const refused = await deliver(OLD, 'msg_5', '{"type":"c"}');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Signature');
  });

  test('are to come again where no secret is set, which is for the operator to know', async () => {
    const response = await deliver(OLD, 'msg_6', '{"type":"a"}', { source: 'leads' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await response.text()).not.toContain('/hooked');
  });
});
