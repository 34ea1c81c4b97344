import { UpdateItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LRUCache } from 'lru-cache';
import {
  isSlotAlive,
  slotOf,
  type Announcement,
  type Demand,
  type QuotaStore,
} from '../../ports/quota-store.ts';
import { callAws } from './translate-error.ts';

/** A bucket that nobody has announced in for this long may be deleted; what it held has lapsed long before. */
const KEPT_MS = 10 * 60_000;
const MAX_REMEMBERED_BUCKETS = 2_000;

const UNITS = ['requests', 'bytes'] as const satisfies readonly (keyof Demand)[];
/** Attributes that hold sums: unit and slot. */
const SUM = /^(requests|bytes)@(\d+)$/;

/**
 * Announced demand in the claims table: one item per bucket, partition key `quota#<bucket>`, sort key 0. It holds one
 * sum per unit and slot (`requests@352998241`), to which announcements are added, so that the item stays below 1 KB and
 * an announcement is one unconditional write of one unit that also answers the total.
 *
 * Make its client with QUOTA_TIMEOUTS: additions must not be repeated.
 */
export class DynamoQuotaStore implements QuotaStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  /** Sums that had lapsed when a bucket was last seen: the next write removes them. */
  readonly #lapsed = new LRUCache<string, readonly string[]>({ max: MAX_REMEMBERED_BUCKETS });

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  async announce(
    bucket: string,
    announcement: Announcement,
    { replaces, nowMs }: { readonly replaces: Announcement | undefined; readonly nowMs: number },
  ): Promise<Demand> {
    const added = new Map<string, number>();
    const add = ({ demand }: Announcement, slot: number, sign: 1 | -1): void => {
      for (const unit of UNITS) {
        const name = `${unit}@${String(slot)}`;
        added.set(name, (added.get(name) ?? 0) + sign * demand[unit]);
      }
    };
    add(announcement, slotOf(announcement), 1);
    if (replaces !== undefined && isSlotAlive(slotOf(replaces), nowMs)) add(replaces, slotOf(replaces), -1);
    const removed = this.#lapsed.get(bucket) ?? [];
    const additions = [...added];
    const removal =
      removed.length === 0 ? '' : ` REMOVE ${removed.map((_, i) => `#r${String(i)}`).join(', ')}`;
    const answer = await callAws({ operation: 'UpdateItem', resource: `table ${this.#table}` }, () =>
      this.#dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: { bucket: { S: `quota#${bucket}` }, number: { N: '0' } },
          UpdateExpression:
            `ADD ${additions.map((_, i) => `#a${String(i)} :a${String(i)}`).join(', ')} ` +
            `SET #expiresAt = :expiresAt${removal}`,
          ExpressionAttributeNames: {
            '#expiresAt': 'expiresAt',
            ...Object.fromEntries(additions.map(([name], i) => [`#a${String(i)}`, name])),
            ...Object.fromEntries(removed.map((name, i) => [`#r${String(i)}`, name])),
          },
          ExpressionAttributeValues: {
            ':expiresAt': { N: String(Math.ceil((announcement.expiresAtMs + KEPT_MS) / 1000)) },
            ...Object.fromEntries(
              additions.map(([, value], i) => [
                `:a${String(i)}`,
                { N: String(value) } satisfies AttributeValue,
              ]),
            ),
          },
          ReturnValues: 'ALL_NEW',
        }),
      ),
    );
    const total = { requests: 0, bytes: 0 };
    const lapsed: string[] = [];
    for (const [name, value] of Object.entries(answer.Attributes ?? {})) {
      const [, unit, slot] = SUM.exec(name) ?? [];
      if (unit === undefined) continue;
      if (!isSlotAlive(Number(slot), nowMs)) lapsed.push(name);
      else total[unit as keyof Demand] += Number(value.N);
    }
    this.#lapsed.set(bucket, lapsed);
    return total;
  }
}
