import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { createDynamoDbClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { rangeLogProperty } from '../../property/ledger/range-log.suite.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

const TABLE = 'ledger';
let emulator: BareEmulator;
let dynamodb: DynamoDBClient;

beforeAll(async () => {
  emulator = await startBareEmulator();
  dynamodb = createDynamoDbClient(emulator.connection);
  await dynamodb.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [
        { AttributeName: 'lane', KeyType: 'HASH' },
        { AttributeName: 'entry', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'lane', AttributeType: 'S' },
        { AttributeName: 'entry', AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
});

afterAll(async () => {
  dynamodb.destroy();
  await emulator.stop();
});

rangeLogProperty(() => new DynamoLedgerStore({ dynamodb, table: TABLE, clock: systemClock }), 60);
