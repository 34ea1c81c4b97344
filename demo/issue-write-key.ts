import { createDynamoDbClient, type ConnectOptions } from '../shared/adapters/aws/clients.ts';
import { DynamoWriteKeyStore } from '../shared/adapters/aws/dynamo-write-key-store.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { createWriteKey, hashWriteKey } from '../shared/domain/write-key.ts';

/** Makes a write key of a source and returns it; only its hash is stored. */
export async function issueWriteKey(
  connection: ConnectOptions,
  table: string,
  source: string,
): Promise<string> {
  const dynamodb = createDynamoDbClient(connection);
  try {
    const key = createWriteKey(source);
    const store = new DynamoWriteKeyStore({ dynamodb, table, clock: systemClock });
    await store.create({ hash: hashWriteKey(key), source, createdAtMs: systemClock.nowMs() });
    return key;
  } finally {
    dynamodb.destroy();
  }
}
