import { randomBytes } from 'node:crypto';
import { createDynamoDbClient, type ConnectOptions } from '../shared/adapters/aws/clients.ts';
import { DynamoWriteKeyStore } from '../shared/adapters/aws/dynamo-write-key-store.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { hashWriteKey, toWriteKey, WRITE_KEY_RANDOM_BYTES } from '../shared/domain/write-key.ts';

/** Makes a write key of a source and returns it; only its hash is stored. */
export async function issueWriteKey(
  connection: ConnectOptions,
  table: string,
  source: string,
): Promise<string> {
  const dynamodb = createDynamoDbClient(connection);
  try {
    const key = toWriteKey(source, randomBytes(WRITE_KEY_RANDOM_BYTES));
    const store = new DynamoWriteKeyStore({ dynamodb, table, clock: systemClock });
    await store.create({ hash: hashWriteKey(key), source, createdAtMs: systemClock.nowMs() });
    return key;
  } finally {
    dynamodb.destroy();
  }
}
