import { randomUUID } from 'node:crypto';
import {
  BatchGetItemCommand,
  paginateQuery,
  PutItemCommand,
  TransactWriteItemsCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  MAX_INLINE_CLAIM_BYTES,
  type ClaimLog,
  type LogEntry,
  type NewLogEntry,
  type StoredClaims,
} from '../../ports/claim-log.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import type { S3ClaimObjects } from './s3-claim-objects.ts';
import { callAws, cancellationReasons } from './translate-error.ts';

/** DynamoDB refuses items above 400 KB; the rest is for the names, the key and the other attributes. */
const MAX_PACKED_BYTES = 380 * 1024;
/** Keys of one BatchGetItem. */
const MAX_BATCH_KEYS = 100;
const PARALLEL_BATCHES = 4;
/** Objects of claims that are read at once. */
const PARALLEL_OBJECTS = 16;
/**
 * Claims of this size go into an object where there is a bucket: a PUT costs as much as 8 KB of an item. Where others
 * append as well each of them has to read it, and they read a hundred items with one call, but an object with each: so
 * only what is large goes there then.
 */
const MIN_OBJECT_BYTES = { alone: 9 * 1024, among: 128 * 1024 } as const;
/** What the ids of claims in an object begin with. */
const OBJECT_ID = 's3:';
/** What the partition keys of stored claims begin with. */
const CONTENT_PREFIX = 'claims#';
/** Items of one batch's claims that are written at once. */
const PARALLEL_PUTS = 16;
/**
 * Added to every expiry: a process that read an entry may go on using what it read, so an entry stays longer than any
 * function lives. What an entry refers to stays longer still.
 */
const EXPIRY_MARGIN_MS = 24 * 60 * 60 * 1000;

/** What an entry of kind `claims` is read from. */
interface EntryItem {
  readonly number: number;
  readonly writer: string;
  readonly expiresAtMs: number;
  /** Claims in the entry, or the keys of the items that hold them. */
  readonly content: Uint8Array | readonly ContentKey[];
}

interface ContentKey {
  readonly bucket: string;
  readonly number: number;
}

/**
 * The claim log in a DynamoDB table: partition key `bucket` (string), sort key `number`, time to live on `expiresAt`
 * (seconds). Stored claims are items 1 to n of a partition key `claims#<id>` of their own, so that neither their size
 * nor their rate burdens the bucket, or where they are large an object, which costs a tenth; keys that are claimed one by one are items 0 of `<bucket>#<key>`.
 */
export class DynamoClaimLog implements ClaimLog {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Clock;
  readonly #objects: S3ClaimObjects | undefined;

  constructor(options: {
    readonly dynamodb: DynamoDBClient;
    readonly table: string;
    readonly clock: Clock;
    /** Where large claims go; without it they are items of the table. */
    readonly objects?: S3ClaimObjects;
  }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
    this.#clock = options.clock;
    this.#objects = options.objects;
  }

  async read(bucket: string, after: number): Promise<readonly LogEntry[]> {
    const found = await this.#query(bucket, after);
    const keys = found.flatMap((entry) =>
      entry.kind === 'closed' || entry.content instanceof Uint8Array ? [] : entry.content,
    );
    const contents = await this.#readContents(keys);
    return found.map((entry): LogEntry => {
      if (entry.kind === 'closed') return entry;
      const { number, writer, expiresAtMs, content } = entry;
      const packed = content instanceof Uint8Array ? [content] : this.#take(entry, content, contents);
      return { kind: 'claims', number, writer, expiresAtMs, packed };
    });
  }

  async store(packed: readonly Uint8Array[], expiresAtMs: number, isAlone = false): Promise<StoredClaims> {
    for (const part of packed) requireFits(part);
    const id = randomUUID();
    const bytes = packed.reduce((sum, part) => sum + part.length, 0);
    if (this.#objects !== undefined && bytes >= MIN_OBJECT_BYTES[isAlone ? 'alone' : 'among']) {
      const keptMs = expiresAtMs + 2 * EXPIRY_MARGIN_MS - this.#clock.nowMs();
      return {
        kind: 'stored',
        id: OBJECT_ID + (await this.#objects.put(id, packed, keptMs)),
        items: packed.length,
      };
    }
    const [first] = packed;
    const isSmall = isAlone || bytes <= MAX_INLINE_CLAIM_BYTES;
    if (packed.length === 1 && first !== undefined && isSmall) return { kind: 'inline', packed: first };
    const expiresAt = toSeconds(expiresAtMs + 2 * EXPIRY_MARGIN_MS);
    await forEachLimited(contentKeys(id, packed.length), PARALLEL_PUTS, async ({ bucket, number }) => {
      await callAws(this.#call('PutItem'), () =>
        this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              bucket: { S: bucket },
              number: { N: String(number) },
              packed: { B: packed[number - 1] ?? new Uint8Array() },
              expiresAt,
            },
          }),
        ),
      );
    });
    return { kind: 'stored', id, items: packed.length };
  }

  async append(bucket: string, number: number, entry: NewLogEntry): Promise<'ok' | 'conflict'> {
    const put = {
      TableName: this.#table,
      Item: {
        bucket: { S: bucket },
        number: { N: String(number) },
        writer: { S: entry.writer },
        ...(entry.kind === 'closed' ? { closed: { BOOL: true } } : claimsAttributes(entry)),
      },
      ConditionExpression: 'attribute_not_exists(#bucket)',
      ExpressionAttributeNames: { '#bucket': 'bucket' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } as const;
    // Ours: the SDK repeated a call whose response was lost.
    const outcomeOf = (old: StoredItem): 'ok' | 'conflict' =>
      old?.['writer']?.S === entry.writer ? 'ok' : 'conflict';
    const { follows } = entry;
    if (follows === undefined) {
      return await callAws(this.#call('PutItem'), async () => {
        try {
          await this.#dynamodb.send(new PutItemCommand(put));
          return 'ok';
        } catch (error) {
          if (isConditionFailure(error)) return outcomeOf(error.Item);
          throw error;
        }
      });
    }
    return await callAws(this.#call('TransactWriteItems'), async () => {
      try {
        const check = {
          TableName: this.#table,
          Key: { bucket: { S: bucket }, number: { N: String(number - 1) } },
          ConditionExpression: '#writer = :writer',
          ExpressionAttributeNames: { '#writer': 'writer' },
          ExpressionAttributeValues: { ':writer': { S: follows } },
        };
        await this.#dynamodb.send(
          new TransactWriteItemsCommand({
            TransactItems: [{ ConditionCheck: check }, { Put: put }],
            ClientRequestToken: entry.writer.slice(0, 36),
          }),
        );
        return 'ok';
      } catch (error) {
        const [checked, stored] = cancellationReasons(error);
        if (stored?.Code === 'ConditionalCheckFailed') return outcomeOf(stored.Item);
        // Also when another transaction is under way: whoever reads again finds what it left, or its own claims.
        const codes = [checked?.Code, stored?.Code];
        if (codes.some((code) => code === 'ConditionalCheckFailed' || code === 'TransactionConflict')) {
          return 'conflict';
        }
        throw error;
      }
    });
  }

  async claimKey(bucket: string, key: string, packed: Uint8Array, expiresAtMs: number): Promise<Uint8Array> {
    return await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              bucket: { S: `${bucket}#${key}` },
              number: { N: '0' },
              packed: { B: packed },
              expiresAt: toSeconds(expiresAtMs + EXPIRY_MARGIN_MS),
            },
            ConditionExpression: 'attribute_not_exists(#bucket)',
            ExpressionAttributeNames: { '#bucket': 'bucket' },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return packed;
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        return error.Item?.['packed']?.B ?? this.#foreign(bucket);
      }
    });
  }

  async #query(
    bucket: string,
    after: number,
  ): Promise<(({ readonly kind: 'claims' } & EntryItem) | (LogEntry & { readonly kind: 'closed' }))[]> {
    return await callAws(this.#call('Query'), async () => {
      const entries = [];
      const pages = paginateQuery(
        { client: this.#dynamodb },
        {
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: '#bucket = :bucket AND #number > :after',
          ExpressionAttributeNames: { '#bucket': 'bucket', '#number': 'number' },
          ExpressionAttributeValues: { ':bucket': { S: bucket }, ':after': { N: String(after) } },
        },
      );
      for await (const page of pages) {
        for (const item of page.Items ?? []) {
          const number = Number(item['number']?.N);
          const writer = item['writer']?.S ?? this.#foreign(bucket);
          if (item['closed']?.BOOL === true) {
            entries.push({ kind: 'closed' as const, number, writer });
            continue;
          }
          const id = item['claims']?.S;
          const content =
            id === undefined
              ? (item['packed']?.B ?? this.#foreign(bucket))
              : contentKeys(id, Number(item['items']?.N));
          const expiresAtMs = Number(item['expiresAt']?.N) * 1000 - EXPIRY_MARGIN_MS;
          entries.push({ kind: 'claims' as const, number, writer, expiresAtMs, content });
        }
      }
      return entries;
    });
  }

  /**
   * Stored claims by key. They never change, so one that an eventually consistent read (half the price) shows is right;
   * what it does not show yet is read again.
   */
  async #readContents(keys: readonly ContentKey[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const contents = new Map<string, Uint8Array>();
    await this.#readObjects(keys, contents);
    const inTable = keys.filter((key) => objectIdOf(key) === undefined);
    for (const consistent of [false, true]) {
      const missing = inTable.filter((key) => !contents.has(nameOf(key)));
      const batches = Array.from({ length: Math.ceil(missing.length / MAX_BATCH_KEYS) }, (_, i) =>
        missing.slice(i * MAX_BATCH_KEYS, (i + 1) * MAX_BATCH_KEYS),
      );
      await forEachLimited(batches, PARALLEL_BATCHES, (batch) =>
        this.#readBatch(batch, consistent, contents),
      );
    }
    return contents;
  }

  async #readObjects(keys: readonly ContentKey[], contents: Map<string, Uint8Array>): Promise<void> {
    const first = keys.filter((key) => key.number === 1 && objectIdOf(key) !== undefined);
    await forEachLimited(first, PARALLEL_OBJECTS, async ({ bucket }) => {
      if (this.#objects === undefined) {
        throw new BlockedError(
          'CLAIM_OBJECTS_UNKNOWN',
          `claims of table ${this.#table} are in a bucket that is not known here; use the version that wrote them`,
        );
      }
      const parts = await this.#objects.read(objectIdOf({ bucket }) ?? '');
      for (const [i, part] of (parts ?? []).entries()) contents.set(nameOf({ bucket, number: i + 1 }), part);
    });
  }

  async #readBatch(
    keys: readonly ContentKey[],
    consistent: boolean,
    contents: Map<string, Uint8Array>,
  ): Promise<void> {
    let pending: Record<string, AttributeValue>[] = keys.map(({ bucket, number }) => ({
      bucket: { S: bucket },
      number: { N: String(number) },
    }));
    // An answer holds at most 16 MB; what did not fit is asked for again.
    while (pending.length > 0) {
      const before = pending.length;
      const { Responses, UnprocessedKeys } = await callAws(this.#call('BatchGetItem'), () =>
        this.#dynamodb.send(
          new BatchGetItemCommand({
            RequestItems: { [this.#table]: { Keys: pending, ConsistentRead: consistent } },
          }),
        ),
      );
      for (const item of Responses?.[this.#table] ?? []) {
        const key = { bucket: item['bucket']?.S ?? '', number: Number(item['number']?.N) };
        const packed = item['packed']?.B;
        if (packed !== undefined) contents.set(nameOf(key), packed);
      }
      pending = UnprocessedKeys?.[this.#table]?.Keys ?? [];
      if (pending.length === before) {
        throw new TransientError(
          'CLAIMS_THROTTLED',
          `table ${this.#table} answered none of ${String(before)} keys`,
        );
      }
    }
  }

  #take(
    { number, expiresAtMs }: EntryItem,
    keys: readonly ContentKey[],
    contents: ReadonlyMap<string, Uint8Array>,
  ): Uint8Array[] {
    return keys.flatMap((key) => {
      const packed = contents.get(nameOf(key));
      if (packed !== undefined) return [packed];
      // Past its time DynamoDB removes items in no particular order.
      if (expiresAtMs < this.#clock.nowMs()) return [];
      throw new BlockedError(
        'CLAIMS_MISSING',
        `entry ${String(number)} of a claim bucket in table ${this.#table} refers to item ${nameOf(key)}, which is ` +
          'gone before its time; restore the table to a point in time when it was there',
      );
    });
  }

  #foreign(bucket: string): never {
    throw new BlockedError(
      'CLAIM_ITEM_FOREIGN',
      `an item of claim bucket ${bucket} in table ${this.#table} was not written by Headgate; remove it`,
    );
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

function claimsAttributes({
  claims,
  expiresAtMs,
}: NewLogEntry & { readonly kind: 'claims' }): Record<string, AttributeValue> {
  const expiresAt = toSeconds(expiresAtMs + EXPIRY_MARGIN_MS);
  if (claims.kind === 'stored') {
    return { claims: { S: claims.id }, items: { N: String(claims.items) }, expiresAt };
  }
  return { packed: { B: claims.packed }, expiresAt };
}

const contentKeys = (id: string, items: number): ContentKey[] =>
  Array.from({ length: items }, (_, i) => ({ bucket: CONTENT_PREFIX + id, number: i + 1 }));

/** The id of the object that holds what a key stands for; undefined for an item of the table. */
function objectIdOf({ bucket }: Pick<ContentKey, 'bucket'>): string | undefined {
  const id = bucket.slice(CONTENT_PREFIX.length);
  return id.startsWith(OBJECT_ID) ? id.slice(OBJECT_ID.length) : undefined;
}

const nameOf = ({ bucket, number }: ContentKey): string => `${bucket}/${String(number)}`;

const toSeconds = (ms: number): AttributeValue => ({ N: String(Math.ceil(ms / 1000)) });

function requireFits(packed: Uint8Array): void {
  if (packed.length <= MAX_PACKED_BYTES) return;
  throw new BlockedError(
    'CLAIM_ITEM_TOO_LARGE',
    `${String(packed.length)} bytes of claims do not fit into one item of at most ${String(MAX_PACKED_BYTES)} bytes; ` +
      'claim fewer records at once',
  );
}
