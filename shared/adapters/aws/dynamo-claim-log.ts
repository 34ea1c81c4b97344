import { paginateQuery, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BlockedError } from '../../domain/errors.ts';
import type { ClaimItem, ClaimLog, NewClaimItem } from '../../ports/claim-log.ts';
import { isConditionFailure } from './condition-failure.ts';
import { callAws } from './translate-error.ts';

/** DynamoDB refuses items above 400 KB; the rest is for the names, the key and the other attributes. */
const MAX_PACKED_BYTES = 380 * 1024;
/**
 * Added to every expiry: a process that read an item may go on using what it read, so an item stays longer than any
 * function lives.
 */
const EXPIRY_MARGIN_MS = 24 * 60 * 60 * 1000;

/**
 * The claim log in a DynamoDB table: partition key `bucket` (string), sort key `number`, time to live on `expiresAt`
 * (seconds).
 */
export class DynamoClaimLog implements ClaimLog {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  async read(bucket: string, after: number): Promise<readonly ClaimItem[]> {
    return await callAws(this.#call('Query'), async () => {
      const items: ClaimItem[] = [];
      const pages = paginateQuery(
        { client: this.#dynamodb },
        {
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: '#bucket = :bucket AND #number > :after',
          ProjectionExpression: '#number, #packed, #expiresAt',
          ExpressionAttributeNames: {
            '#bucket': 'bucket',
            '#number': 'number',
            '#packed': 'packed',
            '#expiresAt': 'expiresAt',
          },
          ExpressionAttributeValues: { ':bucket': { S: bucket }, ':after': { N: String(after) } },
        },
      );
      for await (const page of pages) {
        for (const item of page.Items ?? []) {
          const packed = item['packed']?.B;
          if (packed === undefined) {
            throw new BlockedError(
              'CLAIM_ITEM_FOREIGN',
              `an item of claim bucket ${bucket} in table ${this.#table} has no attribute packed: it was not ` +
                'written by Headgate; remove it',
            );
          }
          const expiresAtMs = Number(item['expiresAt']?.N) * 1000 - EXPIRY_MARGIN_MS;
          items.push({ number: Number(item['number']?.N), packed, expiresAtMs });
        }
      }
      return items;
    });
  }

  async append(bucket: string, number: number, item: NewClaimItem): Promise<'ok' | 'conflict'> {
    if (item.packed.length > MAX_PACKED_BYTES) {
      throw new BlockedError(
        'CLAIM_ITEM_TOO_LARGE',
        `${String(item.packed.length)} bytes of claims do not fit into one item of at most ` +
          `${String(MAX_PACKED_BYTES)} bytes; claim fewer records at once`,
      );
    }
    const expiresAtSeconds = Math.ceil((item.expiresAtMs + EXPIRY_MARGIN_MS) / 1000);
    return await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              bucket: { S: bucket },
              number: { N: String(number) },
              packed: { B: item.packed },
              writer: { S: item.writer },
              expiresAt: { N: String(expiresAtSeconds) },
            },
            ConditionExpression: 'attribute_not_exists(#bucket)',
            ExpressionAttributeNames: { '#bucket': 'bucket' },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return 'ok';
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        // Ours: the SDK repeated a call whose response was lost.
        return error.Item?.['writer']?.S === item.writer ? 'ok' : 'conflict';
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}
