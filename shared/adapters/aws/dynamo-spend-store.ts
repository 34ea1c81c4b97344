import {
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { AddedSpend, MonthSpend, SpendStore } from '../../ports/spend-store.ts';
import { callAws } from './translate-error.ts';

/** Sums are kept for people to look at for so long after they were last added to. */
const KEPT_SECONDS = 62 * 86_400;

type Key = Record<string, AttributeValue>;

/**
 * What sources have cost, in the claims table: one item per source and month, partition key `budget#<source>`, sort key
 * the month as a number (202612).
 *
 * Make its client with QUOTA_TIMEOUTS: additions must not be repeated.
 */
export class DynamoSpendStore implements SpendStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  /** Eventually consistent, which is half the price: it is looked at once a minute. */
  async read(source: string, month: number): Promise<MonthSpend> {
    const key = keyOf(source, month);
    const { Items: items } = await callAws(this.#call('Query'), () =>
      this.#dynamodb.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: '#bucket = :bucket AND #number = :number',
          ExpressionAttributeNames: { '#bucket': 'bucket', '#number': 'number' },
          ExpressionAttributeValues: { ':bucket': key['bucket'], ':number': key['number'] } as Key,
        }),
      ),
    );
    return toSpend(items?.[0]);
  }

  async add(source: string, month: number, { usd, landedAtMs }: AddedSpend): Promise<MonthSpend> {
    const { Attributes: item } = await callAws(this.#call('UpdateItem'), () =>
      this.#dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyOf(source, month),
          UpdateExpression:
            'ADD #usd :usd SET #expiresAt = :expiresAt' +
            (landedAtMs === undefined ? '' : ', #landedAtMs = :landedAtMs'),
          ExpressionAttributeNames: {
            '#usd': 'usd',
            '#expiresAt': 'expiresAt',
            ...(landedAtMs !== undefined && { '#landedAtMs': 'landedAtMs' }),
          },
          ExpressionAttributeValues: {
            ':usd': { N: toDecimal(usd) },
            ':expiresAt': { N: String(expiryOf(month)) },
            ...(landedAtMs !== undefined && { ':landedAtMs': { N: String(landedAtMs) } }),
          },
          ReturnValues: 'ALL_NEW',
        }),
      ),
    );
    return toSpend(item);
  }

  async setSlowed(source: string, month: number, sinceMs: number | undefined): Promise<void> {
    const change =
      sinceMs === undefined
        ? { UpdateExpression: 'REMOVE #since' }
        : {
            UpdateExpression: 'SET #since = if_not_exists(#since, :since)',
            ExpressionAttributeValues: { ':since': { N: String(sinceMs) } },
          };
    await callAws(this.#call('UpdateItem'), () =>
      this.#dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyOf(source, month),
          ExpressionAttributeNames: { '#since': 'slowedSinceMs' },
          ...change,
        }),
      ),
    );
  }

  #call(operation: string): { readonly operation: string; readonly resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

const keyOf = (source: string, month: number): Key => ({
  bucket: { S: `budget#${source}` },
  number: { N: String(month) },
});

/** DynamoDB adds exactly, and knows no more than 38 digits. */
const toDecimal = (usd: number): string => usd.toFixed(12);

const expiryOf = (month: number): number =>
  Date.UTC(Math.floor(month / 100), month % 100) / 1000 + KEPT_SECONDS;

function toSpend(item: Key | undefined): MonthSpend {
  const numberOf = (name: string): number | undefined => {
    const text = item?.[name]?.N;
    return text === undefined ? undefined : Number(text);
  };
  return {
    usd: numberOf('usd') ?? 0,
    slowedSinceMs: numberOf('slowedSinceMs'),
    landedAtMs: numberOf('landedAtMs'),
  };
}
