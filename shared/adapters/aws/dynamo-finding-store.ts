import { GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { WatchedSource } from '../../domain/watch/source-finding.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FindingStore } from '../../ports/finding-store.ts';
import { countExpiry } from './count-items.ts';
import { callAws } from './translate-error.ts';
import { findingsKey } from './watch-items.ts';

/** Findings in the ledger's table, see watch-items.ts: one item of a source, as JSON in one attribute. */
export class DynamoFindingStore implements FindingStore {
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

  async read(source: string): Promise<WatchedSource | undefined> {
    const { Item: item } = await callAws(this.#call('GetItem'), () =>
      this.#dynamodb.send(
        new GetItemCommand({ TableName: this.#table, Key: findingsKey(source), ConsistentRead: true }),
      ),
    );
    const text = item?.['watched']?.S;
    return text === undefined ? undefined : (JSON.parse(text) as WatchedSource);
  }

  async save(source: string, watched: WatchedSource): Promise<void> {
    await callAws(this.#call('PutItem'), () =>
      this.#dynamodb.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: {
            ...findingsKey(source),
            watched: { S: JSON.stringify(watched) },
            expiresAt: countExpiry(this.#clock.nowMs()),
          },
        }),
      ),
    );
  }

  #call(operation: string): { readonly operation: string; readonly resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}
