import {
  GetItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { MAX_ACTIVE_WRITE_KEYS, WRITE_KEY_USE_STEP_MS } from '../../domain/write-key.ts';
import { tooManyWriteKeys, writeKeyTaken } from '../../domain/write-key-refused.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NewWriteKey, WriteKey, WriteKeyStore } from '../../ports/write-key-store.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import { callAws, cancellationReasons } from './translate-error.ts';

/** A sender waits for it. */
const NOTE_USE_TIMEOUT_MS = 1_000;

/**
 * Write keys in a DynamoDB table with the partition key `hash` (string): an item for each key, and one for each source
 * (`source#<name>`) with the set of its active keys, which is what keeps their number within its bound. A revoked key
 * stays, so that it cannot be created again.
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
    return toActiveKey(await this.#get(hash));
  }

  async create(key: NewWriteKey): Promise<void> {
    const failed = await this.#transact([
      {
        Put: {
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
        },
      },
      {
        Update: {
          ...this.#activeKeysOf(key.source),
          UpdateExpression: 'ADD #active :key',
          ConditionExpression:
            'attribute_not_exists(#active) OR size(#active) < :most OR contains(#active, :hash)',
          ExpressionAttributeValues: {
            ':key': { SS: [key.hash] },
            ':hash': { S: key.hash },
            ':most': { N: String(MAX_ACTIVE_WRITE_KEYS) },
          },
        },
      },
    ]);
    if (failed[0] === true) throw writeKeyTaken();
    if (failed[1] === true) throw tooManyWriteKeys(key.source);
  }

  async list(source: string): Promise<readonly WriteKey[]> {
    const item = await this.#get(sourceItem(source));
    const keys = await Promise.all((item?.['active']?.SS ?? []).map((hash) => this.find(hash)));
    return keys.filter((key) => key !== undefined).sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  async revoke(source: string, hash: string): Promise<boolean> {
    const [isMissing] = await this.#transact([
      {
        Update: {
          TableName: this.#table,
          Key: { hash: { S: hash } },
          UpdateExpression: 'SET #revokedAtMs = if_not_exists(#revokedAtMs, :now)',
          ConditionExpression: '#source = :source',
          ExpressionAttributeNames: { '#revokedAtMs': 'revokedAtMs', '#source': 'source' },
          ExpressionAttributeValues: {
            ':now': { N: String(this.#clock.nowMs()) },
            ':source': { S: source },
          },
        },
      },
      {
        Update: {
          ...this.#activeKeysOf(source),
          UpdateExpression: 'DELETE #active :key',
          ExpressionAttributeValues: { ':key': { SS: [hash] } },
        },
      },
    ]);
    return isMissing !== true;
  }

  async noteUse(hash: string, usedAtMs: number): Promise<void> {
    await callAws(this.#call('UpdateItem'), async () => {
      try {
        await this.#dynamodb.send(
          new UpdateItemCommand({
            TableName: this.#table,
            Key: { hash: { S: hash } },
            // The push function may name these two attributes and no other, so that it cannot revoke or restore a key.
            UpdateExpression: 'SET #lastUsedAtMs = :now',
            ConditionExpression:
              'attribute_exists(#hash) AND (attribute_not_exists(#lastUsedAtMs) OR #lastUsedAtMs <= :due)',
            ExpressionAttributeNames: { '#hash': 'hash', '#lastUsedAtMs': 'lastUsedAtMs' },
            ExpressionAttributeValues: {
              ':now': { N: String(usedAtMs) },
              ':due': { N: String(usedAtMs - WRITE_KEY_USE_STEP_MS) },
            },
          }),
          { abortSignal: AbortSignal.timeout(NOTE_USE_TIMEOUT_MS) },
        );
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
    });
  }

  async #get(hash: string): Promise<StoredItem> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({ TableName: this.#table, Key: { hash: { S: hash } }, ConsistentRead: true }),
      ),
    );
    return item;
  }

  #activeKeysOf(source: string): {
    TableName: string;
    Key: Record<string, AttributeValue>;
    ExpressionAttributeNames: Record<string, string>;
  } {
    return {
      TableName: this.#table,
      Key: { hash: { S: sourceItem(source) } },
      ExpressionAttributeNames: { '#active': 'active' },
    };
  }

  /** @returns for each item whether its condition failed, in which case nothing was written; empty when all was */
  async #transact(items: TransactWriteItem[]): Promise<readonly boolean[]> {
    return await callAws(this.#call('TransactWriteItems'), async () => {
      try {
        await this.#dynamodb.send(new TransactWriteItemsCommand({ TransactItems: items }));
        return [];
      } catch (error) {
        const failed = cancellationReasons(error).map(({ Code: code }) => code === 'ConditionalCheckFailed');
        if (!failed.includes(true)) throw error;
        return failed;
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

/** Hashes are hexadecimal, so the item of a source is never taken for a key. */
function sourceItem(source: string): string {
  return `source#${source}`;
}

function toActiveKey(item: StoredItem): WriteKey | undefined {
  const hash = item?.['hash']?.S;
  const source = item?.['source']?.S;
  if (hash === undefined || source === undefined || item?.['revokedAtMs'] !== undefined) return undefined;
  const lastUsedAtMs = item?.['lastUsedAtMs']?.N;
  return {
    hash,
    source,
    createdAtMs: Number(item?.['createdAtMs']?.N),
    ...(lastUsedAtMs !== undefined && { lastUsedAtMs: Number(lastUsedAtMs) }),
  };
}
