import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createDynamoDbClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoWriteKeyStore } from '../../../shared/adapters/aws/dynamo-write-key-store.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { TransientError } from '../../../shared/domain/errors.ts';

test('noting a use is given up after a second when the table does not answer', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const dynamodb = createDynamoDbClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${String(port)}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const startMs = performance.now();
    const store = new DynamoWriteKeyStore({ dynamodb, table: 'access', clock: systemClock });
    await expect(store.noteUse('a', 1)).rejects.toBeInstanceOf(TransientError);
    expect(performance.now() - startMs).toBeGreaterThan(900);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  } finally {
    dynamodb.destroy();
    silent.closeAllConnections();
    silent.close();
  }
});
