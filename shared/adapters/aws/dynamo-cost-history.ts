import {
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../ports/clock.ts';
import type { CostHistory, HourCost } from '../../ports/cost-history.ts';
import { countExpiry } from './count-items.ts';
import { callAws } from './translate-error.ts';
import { costKey, hourOfCost } from './watch-items.ts';

/** Costs by the hour in the ledger's table, see watch-items.ts: an item per source and hour. */
export class DynamoCostHistory implements CostHistory {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(options: {
    readonly dynamodb: DynamoDBClient;
    readonly table: string;
    readonly clock: Pick<Clock, 'nowMs'>;
  }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
    this.#clock = options.clock;
  }

  async note(source: string, { hour, usd }: HourCost): Promise<void> {
    await callAws(this.#call('PutItem'), () =>
      this.#dynamodb.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: {
            ...costKey(source, hour),
            usd: { N: usd.toFixed(USD_DIGITS) },
            expiresAt: countExpiry(this.#clock.nowMs()),
          },
        }),
      ),
    );
  }

  async read(source: string, fromHour: number, toHour: number): Promise<readonly HourCost[]> {
    const [{ lane, entry: first }, { entry: last }] = [costKey(source, fromHour), costKey(source, toHour)];
    const costs: HourCost[] = [];
    let after: Record<string, AttributeValue> | undefined;
    do {
      const { Items: items = [], LastEvaluatedKey: next } = await callAws(this.#call('Query'), () =>
        this.#dynamodb.send(
          new QueryCommand({
            TableName: this.#table,
            ConsistentRead: true,
            KeyConditionExpression: '#lane = :lane AND #entry BETWEEN :first AND :last',
            ExpressionAttributeNames: { '#lane': 'lane', '#entry': 'entry' },
            ExpressionAttributeValues: { ':lane': lane, ':first': first, ':last': last },
            ...(after !== undefined && { ExclusiveStartKey: after }),
          }),
        ),
      );
      for (const item of items) costs.push({ hour: hourOfCost(item), usd: Number(item['usd']?.N) });
      after = next;
    } while (after !== undefined);
    return costs;
  }

  #call(operation: string): { readonly operation: string; readonly resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

/** Far below what anybody pays for, and never written with an exponent. */
const USD_DIGITS = 12;
