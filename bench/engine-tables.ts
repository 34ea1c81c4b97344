import { randomUUID } from 'node:crypto';
import { CreateTableCommand, type DynamoDBClient, type ScalarAttributeType } from '@aws-sdk/client-dynamodb';

/** Names of the tables of one engine. */
export interface EngineTables {
  readonly claims: string;
  readonly ledger: string;
}

/** Key attributes of the tables, as in the storage stack. */
export const ENGINE_KEYS = {
  claims: { partition: 'bucket', sort: 'number' },
  ledger: { partition: 'lane', sort: 'entry' },
} as const;

const SORT_TYPES = { claims: 'N', ledger: 'S' } as const;

/** Creates tables that nobody else uses. */
export async function createEngineTables(dynamodb: DynamoDBClient): Promise<EngineTables> {
  const suffix = randomUUID();
  const create = async (table: keyof EngineTables): Promise<string> => {
    const name = `bench-${table}-${suffix}`;
    const { partition, sort } = ENGINE_KEYS[table];
    const attributes: readonly [string, ScalarAttributeType][] = [
      [partition, 'S'],
      [sort, SORT_TYPES[table]],
    ];
    await dynamodb.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: attributes.map(([AttributeName, AttributeType]) => ({
          AttributeName,
          AttributeType,
        })),
        KeySchema: [
          { AttributeName: partition, KeyType: 'HASH' },
          { AttributeName: sort, KeyType: 'RANGE' },
        ],
      }),
    );
    return name;
  };
  return { claims: await create('claims'), ledger: await create('ledger') };
}
