import { hash } from 'node:crypto';
import { GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { NO_TOKENS, type StoredTokens, type TokenState, type TokenStore } from '../../ports/token-store.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import { callAws } from './translate-error.ts';

const ENTRY = 'tokens';

/**
 * Tokens in the ledger table: partition key `lane` = `tokens/<source>`, sort key `entry` = `tokens`. Nothing else of that
 * table begins with `tokens/`, and only the function that pulls needs these items. What they hold is encrypted before it
 * comes here, with a key that only that function can read.
 */
export class DynamoTokenStore implements TokenStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  async read(source: string): Promise<StoredTokens> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({ TableName: this.#table, Key: keyOf(source), ConsistentRead: true }),
      ),
    );
    return toTokens(item);
  }

  async write(source: string, expectedVersion: number, tokens: TokenState): Promise<'ok' | 'conflict'> {
    const { origin, sealed, lease } = tokens;
    // A repetition of this very write finds its own mark.
    const mark = hash('sha256', JSON.stringify([expectedVersion, origin, sealed, lease]), 'base64url');
    return await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              ...keyOf(source),
              version: { N: String(expectedVersion + 1) },
              newest: { S: mark },
              origin: { S: origin },
              sealed: { S: sealed },
              ...(lease !== undefined && {
                leaseOwner: { S: lease.owner },
                leaseUntilMs: { N: String(lease.untilMs) },
              }),
            },
            ConditionExpression:
              expectedVersion === 0 ? 'attribute_not_exists(#version)' : '#version = :expected',
            ExpressionAttributeNames: { '#version': 'version' },
            ...(expectedVersion > 0 && {
              ExpressionAttributeValues: { ':expected': { N: String(expectedVersion) } },
            }),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return 'ok';
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        return error.Item?.['newest']?.S === mark ? 'ok' : 'conflict';
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

function keyOf(source: string): { lane: { S: string }; entry: { S: string } } {
  return { lane: { S: `tokens/${source}` }, entry: { S: ENTRY } };
}

function toTokens(item: StoredItem): StoredTokens {
  if (item === undefined) return NO_TOKENS;
  const owner = item['leaseOwner']?.S;
  return {
    version: Number(item['version']?.N ?? 0),
    origin: item['origin']?.S ?? '',
    sealed: item['sealed']?.S ?? '',
    lease: owner === undefined ? undefined : { owner, untilMs: Number(item['leaseUntilMs']?.N ?? 0) },
  };
}
