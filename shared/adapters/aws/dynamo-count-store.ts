import {
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  addCounts,
  COUNTS_PREFIX,
  NOTHING_SETTLED,
  SETTLED_NAMES,
  type HourCounts,
} from '../../domain/record-counts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CountStore } from '../../ports/count-store.ts';
import { isConditionFailure } from './condition-failure.ts';
import { acceptedKey, countExpiry, hourBounds, hourOfItem } from './count-items.ts';
import { callAws } from './translate-error.ts';

/** Counts in the ledger's table, see count-items.ts; what commits settle is written by `DynamoLedgerStore`. */
export class DynamoCountStore implements CountStore {
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

  async accept(source: string, hour: number, process: string, total: number): Promise<void> {
    await callAws(this.#call('UpdateItem'), async () => {
      try {
        await this.#dynamodb.send(
          new UpdateItemCommand({
            TableName: this.#table,
            Key: acceptedKey(source, hour, process),
            UpdateExpression: 'SET #accepted = :total, #expiresAt = :expiresAt',
            // A repetition of an earlier request must not take anything back.
            ConditionExpression: 'attribute_not_exists(#accepted) OR #accepted < :total',
            ExpressionAttributeNames: { '#accepted': 'accepted', '#expiresAt': 'expiresAt' },
            ExpressionAttributeValues: {
              ':total': { N: String(total) },
              ':expiresAt': countExpiry(this.#clock.nowMs()),
            },
          }),
        );
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
    });
  }

  async read(source: string, fromHour: number, toHour: number): Promise<readonly HourCounts[]> {
    const [first, last] = hourBounds(fromHour, toHour);
    const hours = new Map<number, HourCounts>();
    let after: Record<string, AttributeValue> | undefined;
    do {
      const { Items: items = [], LastEvaluatedKey: next } = await callAws(this.#call('Query'), () =>
        this.#dynamodb.send(
          new QueryCommand({
            TableName: this.#table,
            ConsistentRead: true,
            KeyConditionExpression: '#lane = :lane AND #entry BETWEEN :first AND :last',
            ExpressionAttributeNames: { '#lane': 'lane', '#entry': 'entry' },
            ExpressionAttributeValues: {
              ':lane': { S: COUNTS_PREFIX + source },
              ':first': { S: first },
              ':last': { S: last },
            },
            ...(after !== undefined && { ExclusiveStartKey: after }),
          }),
        ),
      );
      for (const item of items) addItem(hours, item);
      after = next;
    } while (after !== undefined);
    return [...hours.values()].filter(
      (counts) => counts.accepted !== 0 || SETTLED_NAMES.some((name) => counts[name] !== 0),
    );
  }

  #call(operation: string): { readonly operation: string; readonly resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

/** Items come in the order of their hours. */
function addItem(hours: Map<number, HourCounts>, item: Readonly<Record<string, AttributeValue>>): void {
  const hour = hourOfItem(item);
  const known = hours.get(hour) ?? { hour, accepted: 0, ...NOTHING_SETTLED };
  const numberOf = (name: string): number => Number(item[name]?.N ?? 0);
  const settled = Object.fromEntries(SETTLED_NAMES.map((name) => [name, numberOf(name)]));
  hours.set(hour, {
    ...addCounts(known, settled),
    hour,
    accepted: known.accepted + numberOf('accepted'),
  });
}
