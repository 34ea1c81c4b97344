import {
  GetItemCommand,
  PutItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  INITIAL_CONTROL,
  type PullControl,
  type PullControlState,
  type PullControlStore,
} from '../../ports/pull-control.ts';
import { isConditionFailure } from './condition-failure.ts';
import { callAws } from './translate-error.ts';

const ENTRY = 'state';

/**
 * What is known of pulled sources, in the ledger table: partition key `control/<source>`, which is no lane's, sort key
 * `state`; the control as JSON in one attribute. It is small: one write unit.
 */
export class DynamoPullControlStore implements PullControlStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  async read(source: string): Promise<PullControl> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({ TableName: this.#table, Key: keyOf(source), ConsistentRead: true }),
      ),
    );
    if (item === undefined) return INITIAL_CONTROL;
    const stored = JSON.parse(item['control']?.S ?? '{}') as Partial<PullControlState>;
    return { ...INITIAL_CONTROL, ...stored, version: Number(item['version']?.N ?? 0) };
  }

  async write(
    source: string,
    expectedVersion: number,
    control: PullControlState,
    writer: string,
  ): Promise<'ok' | 'conflict'> {
    const isNew = expectedVersion === 0;
    // The version is an attribute of its own, and not part of the text.
    const { paused, failures, lastRun, polling, emptyRuns, running, isWoken } = control;
    const text = JSON.stringify({ paused, failures, lastRun, polling, emptyRuns, running, isWoken });
    return await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              ...keyOf(source),
              version: { N: String(expectedVersion + 1) },
              control: { S: text },
              newest: { S: writer },
            },
            ConditionExpression: isNew ? 'attribute_not_exists(#version)' : '#version = :expected',
            ExpressionAttributeNames: { '#version': 'version' },
            ...(!isNew && { ExpressionAttributeValues: { ':expected': { N: String(expectedVersion) } } }),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return 'ok';
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        return error.Item?.['newest']?.S === writer ? 'ok' : 'conflict';
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

function keyOf(source: string): Record<string, AttributeValue> {
  return { lane: { S: `control/${source}` }, entry: { S: ENTRY } };
}
