import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDynamoDbClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoQuotaStore } from '../../../shared/adapters/aws/dynamo-quota-store.ts';
import { QUOTA_TIMEOUTS } from '../../../shared/domain/backoff.ts';
import { TransientError } from '../../../shared/domain/errors.ts';

const NOW_MS = 1_800_000_000_000;
const announcement = { demand: { requests: 2.5, bytes: 10 }, expiresAtMs: NOW_MS + 12_000 };

describe('quota store in DynamoDB', () => {
  const dynamodb = mockClient(DynamoDBClient);
  beforeEach(() => {
    dynamodb.reset();
    dynamodb.onAnyCommand().rejects(new Error('not stubbed'));
  });
  afterEach(() => {
    dynamodb.restore();
  });

  test('an announcement is one write, kept for minutes only, and sums that lapsed are removed by the next', async () => {
    const lapsed = `requests@${String(NOW_MS / 5_000)}`;
    dynamodb.on(UpdateItemCommand).resolves({
      Attributes: {
        bucket: { S: 'quota#orders' },
        number: { N: '0' },
        expiresAt: { N: '1' },
        [lapsed]: { N: '99' },
        [`requests@${String(NOW_MS / 5_000 + 1)}`]: { N: '4' },
        [`bytes@${String(NOW_MS / 5_000 + 3)}`]: { N: '10' },
      },
    });
    const store = new DynamoQuotaStore({ dynamodb: new DynamoDBClient({}), table: 'claims' });
    const options = { replaces: undefined, nowMs: NOW_MS };
    expect(await store.announce('orders', announcement, options)).toEqual({ requests: 4, bytes: 10 });
    await store.announce('orders', announcement, options);
    const [first, second] = dynamodb.commandCalls(UpdateItemCommand).map(({ args: [{ input }] }) => input);
    expect(first?.Key).toEqual({ bucket: { S: 'quota#orders' }, number: { N: '0' } });
    expect(Number(first?.ExpressionAttributeValues?.[':expiresAt']?.N)).toBeLessThan(NOW_MS / 1_000 + 3_600);
    expect(first?.UpdateExpression).not.toContain('REMOVE');
    expect(second?.UpdateExpression).toMatch(/ REMOVE #r0$/);
    expect(second?.ExpressionAttributeNames?.['#r0']).toBe(lapsed);
  });
});

test('a table that does not answer fails one attempt within 300 ms or so', async () => {
  let requests = 0;
  const server = createServer(() => {
    requests += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dynamodb = createDynamoDbClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${String(port)}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    timeouts: QUOTA_TIMEOUTS,
  });
  const store = new DynamoQuotaStore({ dynamodb, table: 'claims' });
  const startMs = performance.now();
  const call = store.announce('orders', announcement, { replaces: undefined, nowMs: NOW_MS });
  await expect(call).rejects.toBeInstanceOf(TransientError);
  expect(performance.now() - startMs).toBeLessThan(1_000);
  expect(requests).toBe(1);
  dynamodb.destroy();
  server.closeAllConnections();
  server.close();
});
