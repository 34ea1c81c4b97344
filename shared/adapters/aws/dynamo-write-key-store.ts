import {
  GetItemCommand,
  paginateQuery,
  PutItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { writeKeyTaken } from '../../domain/write-key-taken.ts';
import type { Clock } from '../../ports/clock.ts';
import type { WriteKey, WriteKeyStore } from '../../ports/write-key-store.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import { callAws } from './translate-error.ts';

const BY_SOURCE_INDEX = 'bySource';

/**
 * Write keys in a DynamoDB table: partition key `hash` (string), index `bySource` on `source` (string) with all
 * attributes. A revoked key stays, so that it cannot be created again.
 */
export class DynamoWriteKeyStore implements WriteKeyStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string; readonly clock: Clock }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
    this.#clock = options.clock;
  }

  async find(hash: string): Promise<WriteKey | undefined> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({ TableName: this.#table, Key: { hash: { S: hash } }, ConsistentRead: true }),
      ),
    );
    return toActiveKey(item);
  }

  async create(key: WriteKey): Promise<void> {
    await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              hash: { S: key.hash },
              source: { S: key.source },
              createdAtMs: { N: String(key.createdAtMs) },
            },
            // The second part is this very key, when the SDK repeats a call whose response was lost.
            ConditionExpression:
              'attribute_not_exists(#hash) OR ' +
              '(#source = :source AND #createdAtMs = :createdAtMs AND attribute_not_exists(#revokedAtMs))',
            ExpressionAttributeNames: {
              '#hash': 'hash',
              '#source': 'source',
              '#createdAtMs': 'createdAtMs',
              '#revokedAtMs': 'revokedAtMs',
            },
            ExpressionAttributeValues: {
              ':source': { S: key.source },
              ':createdAtMs': { N: String(key.createdAtMs) },
            },
          }),
        );
      } catch (error) {
        if (isConditionFailure(error)) throw writeKeyTaken();
        throw error;
      }
    });
  }

  async list(source: string): Promise<readonly WriteKey[]> {
    return await callAws(this.#call('Query'), async () => {
      const keys: WriteKey[] = [];
      const pages = paginateQuery(
        { client: this.#dynamodb },
        {
          TableName: this.#table,
          IndexName: BY_SOURCE_INDEX,
          KeyConditionExpression: '#source = :source',
          ExpressionAttributeNames: { '#source': 'source' },
          ExpressionAttributeValues: { ':source': { S: source } },
        },
      );
      for await (const page of pages) {
        for (const item of page.Items ?? []) {
          const key = toActiveKey(item);
          if (key !== undefined) keys.push(key);
        }
      }
      return keys.sort((a, b) => a.createdAtMs - b.createdAtMs);
    });
  }

  async revoke(source: string, hash: string): Promise<boolean> {
    return await callAws(this.#call('UpdateItem'), async () => {
      try {
        await this.#dynamodb.send(
          new UpdateItemCommand({
            TableName: this.#table,
            Key: { hash: { S: hash } },
            UpdateExpression: 'SET #revokedAtMs = if_not_exists(#revokedAtMs, :now)',
            ConditionExpression: '#source = :source',
            ExpressionAttributeNames: { '#revokedAtMs': 'revokedAtMs', '#source': 'source' },
            ExpressionAttributeValues: {
              ':now': { N: String(this.#clock.nowMs()) },
              ':source': { S: source },
            },
          }),
        );
        return true;
      } catch (error) {
        if (isConditionFailure(error)) return false;
        throw error;
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

function toActiveKey(item: StoredItem): WriteKey | undefined {
  const hash = item?.['hash']?.S;
  const source = item?.['source']?.S;
  if (hash === undefined || source === undefined || item?.['revokedAtMs'] !== undefined) return undefined;
  return { hash, source, createdAtMs: Number(item?.['createdAtMs']?.N) };
}
