import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { createEngineTables } from '../../../bench/engine-tables.ts';
import { createDynamoDbClient } from '../../../shared/adapters/aws/clients.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { systemClock } from '../../../shared/adapters/aws/system-clock.ts';
import { rangeLogProperty } from '../../property/ledger/range-log.suite.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

let emulator: BareEmulator;
let dynamodb: DynamoDBClient;
let table: string;

beforeAll(async () => {
  emulator = await startBareEmulator();
  dynamodb = createDynamoDbClient(emulator.connection);
  ({ ledger: table } = await createEngineTables(dynamodb));
});

afterAll(async () => {
  dynamodb.destroy();
  await emulator.stop();
});

rangeLogProperty(() => new DynamoLedgerStore({ dynamodb, table, clock: systemClock }), 60);
