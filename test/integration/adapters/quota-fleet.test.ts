import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDynamoDbClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoQuotaStore } from '../../../shared/adapters/aws/dynamo-quota-store.ts';
import { declareLimited } from '../../support/declare-limited.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';
import { runFleet } from '../../support/quota-fleet.ts';

const LIMIT = 100;
let emulator: BareEmulator;
let dynamodb: DynamoDBClient;

beforeAll(async () => {
  emulator = await startBareEmulator();
  dynamodb = createDynamoDbClient(emulator.connection);
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'claims',
      KeySchema: [
        { AttributeName: 'bucket', KeyType: 'HASH' },
        { AttributeName: 'number', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'bucket', AttributeType: 'S' },
        { AttributeName: 'number', AttributeType: 'N' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
});

afterAll(async () => {
  dynamodb.destroy();
  await emulator.stop();
});

test('a fleet that shares its limit through DynamoDB admits it within a tenth, and what is below it', async () => {
  const load = {
    store: new DynamoQuotaStore({ dynamodb, table: 'claims' }),
    seed: 4,
    seconds: 90,
    instances: () => 4,
  };
  const above = await runFleet({
    ...load,
    source: declareLimited({ requestsPerSecond: LIMIT }, 'above'),
    requestsPerSecond: () => 2 * LIMIT,
  });
  const admitted = above.filter((request) => request.admitted && request.second >= 30).length;
  expect(admitted).toBeGreaterThan(0.9 * LIMIT * 60);
  expect(admitted).toBeLessThan(1.1 * LIMIT * 60);
  const below = await runFleet({
    ...load,
    source: declareLimited({ requestsPerSecond: LIMIT }, 'below'),
    requestsPerSecond: () => 0.7 * LIMIT,
  });
  expect(below.filter((request) => !request.admitted).length).toBeLessThan(below.length / 1_000);
});
