import { describe, expect, test } from 'vitest';
import { DynamoWriteKeyStore } from '../../../shared/adapters/aws/dynamo-write-key-store.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { hashWriteKey, toWriteKey } from '../../../shared/domain/write-key.ts';
import { useCloud } from '../../support/cloud.ts';

const { cloud, clients } = useCloud({ config: 'test/fixtures/senders.config.ts' });

async function push(source: string, authorization?: string): Promise<Response> {
  return await fetch(`${cloud().output('ApiUrl')}/v1/sources/${source}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
    body: '{"id":"a"}',
  });
}

describe('senders of the deployed API', () => {
  test('use two keys while one replaces the other, which show when they were used', async () => {
    const store = new DynamoWriteKeyStore({
      dynamodb: clients().dynamodb,
      table: cloud().output('AccessTableName'),
      clock: systemClock,
    });
    const [old = '', fresh = '', third = ''] = [1, 2, 3].map((n) =>
      toWriteKey('keyed', new Uint8Array(32).fill(n)),
    );
    const create = (key: string, createdAtMs: number): Promise<void> =>
      store.create({ hash: hashWriteKey(key), source: 'keyed', createdAtMs });
    await create(old, 1);
    await create(fresh, 2);
    await expect(create(third, 3)).rejects.toMatchObject({ code: 'TOO_MANY_WRITE_KEYS' });
    const beforeMs = Date.now();
    for (const authorization of [`Bearer ${old}`, `Basic ${btoa(`${old}:`)}`]) {
      expect((await push('keyed', authorization)).status).toBe(202);
    }
    expect((await push('keyed', `Bearer ${third}`)).status).toBe(401);
    const [first, second] = await store.list('keyed');
    expect(first?.lastUsedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(second?.lastUsedAtMs).toBeUndefined();
    await store.revoke('keyed', hashWriteKey(old));
    expect((await push('keyed', `Bearer ${fresh}`)).status).toBe(202);
    expect((await push('tokens', `Bearer ${fresh}`)).status).toBe(401);
  });

  test('with tokens are asked to come again while the issuer cannot be reached', async () => {
    const none = await push('tokens');
    expect(none.status).toBe(401);
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="headgate"');
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'RS256', kid: 'k' })}.${part({ sub: 'shop' })}.AAAA`;
    const response = await push('tokens', `Bearer ${token}`);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.text()).not.toContain('127.0.0.1');
  });

  // The emulator takes any signature of a known access key; API Gateway verifies it.
  test('who sign are let in where the source demands it, and there alone', async () => {
    for (const source of ['signed', '%73igned', '%2573igned', 'keyed%2F..%2Fsigned']) {
      expect([401, 403, 404], source).toContain((await push(source)).status);
    }
    const scope = '20260301/us-east-1/execute-api/aws4_request';
    const signature = `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
    expect((await push('signed', signature)).status).toBe(202);
    expect((await push('keyed', signature)).status).toBe(401);
  });
});
