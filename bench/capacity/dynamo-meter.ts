import type {
  AttributeValue,
  BatchGetItemCommandInput,
  BatchGetItemCommandOutput,
  BatchWriteItemCommandInput,
  BatchWriteItemCommandOutput,
  DeleteItemCommandInput,
  DynamoDBClient,
  GetItemCommandInput,
  PutItemCommandInput,
  QueryCommandInput,
  QueryCommandOutput,
  TransactWriteItemsCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { isConditionFailure } from '../../shared/adapters/aws/condition-failure.ts';
import { applyUpdate } from './apply-update.ts';
import { itemBytes, type Item } from '../../shared/adapters/aws/item-size.ts';
import { dynamoReadUnits, dynamoWriteUnits } from '../../shared/domain/cost/metering.ts';

/** Names of a table's key attributes. */
export interface KeySchema {
  readonly partition: string;
  readonly sort?: string;
}

/** What was consumed of one table. */
export interface Consumed {
  /** Requests, repetitions by the SDK included; one that names several tables counts once for each. */
  calls: number;
  /** Write request units (WRU). */
  writeUnits: number;
  /** Read request units (RRU). */
  readUnits: number;
  /** Conditional writes whose condition was not met; they are billed like others. */
  conflicts: number;
}

/**
 * Counts the request units that calls of DynamoDB clients consume, by DynamoDB's documented rules, from the requests as
 * they are sent and the answers to them. It remembers every item that was written through it, because writes are billed
 * by the larger of the old and the new item, failed conditional ones too, and reads by whole items whatever they
 * project. So the tables must be empty at first, and all of their writers' clients attached.
 *
 * A cancelled transaction is counted as if it had succeeded.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-capacity-handling
 */
export class DynamoMeter {
  readonly #schemas: ReadonlyMap<string, KeySchema>;
  readonly #consumed = new Map<string, Consumed>();
  readonly #items = new Map<string, Item>();
  /** What waits for the size of an item that was seen before its writer had the answer. */
  readonly #waiting = new Map<string, ((bytes: number) => void)[]>();
  /** Calls under way may be unfinished when totals are asked for; what is wrong with them must not be lost. */
  #problem: unknown;

  /** @param tables key attributes by the table's name */
  constructor(tables: Readonly<Record<string, KeySchema>>) {
    this.#schemas = new Map(Object.entries(tables));
    for (const table of this.#schemas.keys()) {
      this.#consumed.set(table, { calls: 0, writeUnits: 0, readUnits: 0, conflicts: 0 });
    }
  }

  /** Meters a client from now on. */
  attach(client: DynamoDBClient): void {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const operation = context['commandName'] ?? '';
        try {
          const answer = await next(args);
          this.#meter(operation, args.input, answer.output, undefined);
          return answer;
        } catch (error) {
          this.#meter(operation, args.input, undefined, error);
          throw error;
        }
      },
      // Behind the SDK's retries: each attempt is billed.
      { step: 'finalizeRequest', name: 'headgateCapacity', priority: 'low' },
    );
  }

  /**
   * What was consumed of a table so far.
   *
   * @throws Error when a call could not be metered
   */
  consumed(table: string): Readonly<Consumed> {
    if (this.#problem !== undefined) throw new Error('a call was not metered', { cause: this.#problem });
    if (this.#waiting.size > 0) {
      throw new Error(`items were read that nobody wrote: ${[...this.#waiting.keys()].join(', ')}`);
    }
    return { ...this.#of(table) };
  }

  #meter(operation: string, input: unknown, output: unknown, error: unknown): void {
    try {
      this.#meterCall(operation, input, output, error);
    } catch (problem) {
      this.#problem ??= problem;
    }
  }

  #meterCall(operation: string, input: unknown, output: unknown, error: unknown): void {
    switch (operation) {
      case 'PutItemCommand': {
        const { TableName: table, Item: item } = input as PutItemCommandInput;
        this.#writeOne(this.#call(table), item, error, () => item);
        break;
      }
      case 'UpdateItemCommand': {
        const update = input as UpdateItemCommandInput;
        this.#writeOne(this.#call(update.TableName), update.Key, error, (old) => applyUpdate(old, update));
        break;
      }
      case 'DeleteItemCommand': {
        const { TableName: table, Key: key } = input as DeleteItemCommandInput;
        this.#writeOne(this.#call(table), key, error, () => undefined);
        break;
      }
      case 'TransactWriteItemsCommand':
        this.#transact(input as TransactWriteItemsCommandInput, error === undefined);
        break;
      case 'BatchWriteItemCommand':
        if (error === undefined) {
          this.#writeBatch(input as BatchWriteItemCommandInput, output as BatchWriteItemCommandOutput);
        }
        break;
      case 'GetItemCommand': {
        const {
          TableName: table,
          Key: key,
          ConsistentRead: isConsistent = false,
        } = input as GetItemCommandInput;
        const name = this.#call(table);
        if (error === undefined) this.#readItem(name, key ?? {}, isConsistent);
        break;
      }
      case 'BatchGetItemCommand':
        if (error === undefined) {
          this.#readBatch(input as BatchGetItemCommandInput, output as BatchGetItemCommandOutput);
        }
        break;
      case 'QueryCommand': {
        const query = input as QueryCommandInput;
        const name = this.#call(query.TableName);
        if (error === undefined) this.#query(name, query, output as QueryCommandOutput);
        break;
      }
      default:
        throw new RangeError(`the capacity meter does not know ${operation}`);
    }
  }

  /** A write of one item outside of a transaction. Refusals other than that of a condition are free. */
  #writeOne(
    table: string,
    keyed: Item | undefined,
    error: unknown,
    toNew: (old: Item | undefined) => Item | undefined,
  ): void {
    if (error === undefined) {
      this.#write(table, keyed ?? {}, toNew, false);
    } else if (isConditionFailure(error)) {
      const consumed = this.#of(table);
      consumed.conflicts++;
      const bill = (old: Item | undefined, oldBytes: number): void => {
        consumed.writeUnits += dynamoWriteUnits(Math.max(oldBytes, bytesOf(toNew(old))));
      };
      const key = this.#keyOf(table, keyed ?? {});
      const old = error.Item ?? this.#items.get(key);
      if (old === undefined)
        this.#whenWritten(key, (oldBytes) => {
          bill(this.#items.get(key), oldBytes);
        });
      else bill(old, itemBytes(old));
    }
  }

  #write(
    table: string,
    keyed: Item,
    toNew: (old: Item | undefined) => Item | undefined,
    isTransaction: boolean,
  ): void {
    const key = this.#keyOf(table, keyed);
    const old = this.#items.get(key);
    const written = toNew(old);
    this.#of(table).writeUnits += dynamoWriteUnits(Math.max(bytesOf(old), bytesOf(written)), isTransaction);
    if (written === undefined) {
      this.#items.delete(key);
      return;
    }
    this.#items.set(key, written);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const use of waiting) use(itemBytes(written));
  }

  #transact({ TransactItems: actions = [] }: TransactWriteItemsCommandInput, succeeded: boolean): void {
    const tables = new Set<string>();
    for (const { Put: put, Update: update, Delete: deletion, ConditionCheck: check } of actions) {
      const table = put?.TableName ?? update?.TableName ?? deletion?.TableName ?? check?.TableName ?? '';
      const keyed = put?.Item ?? update?.Key ?? deletion?.Key ?? check?.Key ?? {};
      const toNew = (old: Item | undefined): Item | undefined => {
        if (put !== undefined) return put.Item;
        if (update !== undefined) return applyUpdate(old, update);
        return deletion === undefined ? old : undefined;
      };
      tables.add(table);
      if (succeeded) {
        this.#write(table, keyed, toNew, true);
      } else {
        const old = this.#items.get(this.#keyOf(table, keyed));
        this.#of(table).writeUnits += dynamoWriteUnits(Math.max(bytesOf(old), bytesOf(toNew(old))), true);
      }
    }
    for (const table of tables) {
      this.#call(table);
      if (!succeeded) this.#of(table).conflicts++;
    }
  }

  #writeBatch(
    { RequestItems: requests = {} }: BatchWriteItemCommandInput,
    output: BatchWriteItemCommandOutput,
  ): void {
    for (const [table, writes] of Object.entries(requests)) {
      this.#call(table);
      if ((output.UnprocessedItems?.[table]?.length ?? 0) > 0) {
        throw new RangeError('the capacity meter does not know which items of a batch were not processed');
      }
      for (const { PutRequest: put, DeleteRequest: deletion } of writes) {
        this.#write(table, put?.Item ?? deletion?.Key ?? {}, () => put?.Item, false);
      }
    }
  }

  #readBatch(
    { RequestItems: requests = {} }: BatchGetItemCommandInput,
    output: BatchGetItemCommandOutput,
  ): void {
    for (const [table, { Keys: keys = [], ConsistentRead: isConsistent = false }] of Object.entries(
      requests,
    )) {
      this.#call(table);
      if ((output.UnprocessedKeys?.[table]?.Keys?.length ?? 0) > 0) {
        throw new RangeError('the capacity meter does not know which keys of a batch were not processed');
      }
      for (const key of keys) this.#readItem(table, key, isConsistent);
    }
  }

  #readItem(table: string, key: Item, isConsistent: boolean): void {
    const item = this.#items.get(this.#keyOf(table, key));
    this.#of(table).readUnits += dynamoReadUnits(bytesOf(item), isConsistent ? 'strong' : 'eventual');
  }

  /** The items of one page count together. */
  #query(table: string, query: QueryCommandInput, { Items: items = [] }: QueryCommandOutput): void {
    if (query.FilterExpression !== undefined || query.IndexName !== undefined) {
      throw new RangeError('the capacity meter does not know queries with filters or of indexes');
    }
    const schema = this.#schemaOf(table);
    const partition = partitionOf(query, schema.partition);
    let unknown = items.length;
    let bytes = 0;
    const count = (itemsBytes: number): void => {
      bytes += itemsBytes;
      if (unknown === 0)
        this.#of(table).readUnits += dynamoReadUnits(
          bytes,
          query.ConsistentRead === true ? 'strong' : 'eventual',
        );
    };
    if (items.length === 0) count(0);
    for (const item of items) {
      // A projection may leave the partition key out.
      const key = this.#keyOf(table, { [schema.partition]: partition, ...item });
      const known = this.#items.get(key);
      const use = (itemsBytes: number): void => {
        unknown--;
        count(itemsBytes);
      };
      if (known === undefined) this.#whenWritten(key, use);
      else use(itemBytes(known));
    }
  }

  #whenWritten(key: string, use: (bytes: number) => void): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [use]);
    else waiting.push(use);
  }

  /** Counts a call of a table. @returns its name */
  #call(table: string | undefined): string {
    const name = table ?? '';
    this.#of(name).calls++;
    return name;
  }

  #of(table: string): Consumed {
    const consumed = this.#consumed.get(table);
    if (consumed === undefined) throw new RangeError(`the capacity meter was not told of table ${table}`);
    return consumed;
  }

  #schemaOf(table: string): KeySchema {
    const schema = this.#schemas.get(table);
    if (schema === undefined) throw new RangeError(`the capacity meter was not told of table ${table}`);
    return schema;
  }

  #keyOf(table: string, item: Item): string {
    const { partition, sort } = this.#schemaOf(table);
    const parts = sort === undefined ? [partition] : [partition, sort];
    return JSON.stringify([table, ...parts.map((name) => keyText(name, item[name]))]);
  }
}

const bytesOf = (item: Item | undefined): number => (item === undefined ? 0 : itemBytes(item));

function keyText(name: string, value: AttributeValue | undefined): string {
  const text =
    value?.S ?? value?.N ?? (value?.B === undefined ? undefined : Buffer.from(value.B).toString('hex'));
  if (text === undefined)
    throw new RangeError(`the capacity meter needs the key attribute ${name} of every item`);
  return text;
}

/** The value that a query's condition asks of the partition key. */
function partitionOf(query: QueryCommandInput, partition: string): AttributeValue {
  for (const [, path = '', value = ''] of (query.KeyConditionExpression ?? '').matchAll(
    /(#?\w+)\s*=\s*(:\w+)/g,
  )) {
    const name = query.ExpressionAttributeNames?.[path] ?? path;
    const found = query.ExpressionAttributeValues?.[value];
    if (name === partition && found !== undefined) return found;
  }
  throw new RangeError('the capacity meter does not find the partition key in a query');
}
