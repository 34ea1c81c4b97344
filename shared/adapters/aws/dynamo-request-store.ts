import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  DeleteItemCommand,
  paginateQuery,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { BlockedError } from '../../domain/errors.ts';
import type { BeginResult, RequestClaim, RequestStore, StoredAnswer } from '../../ports/request-store.ts';
import { isConditionFailure, type StoredItem } from './condition-failure.ts';
import { callAws } from './translate-error.ts';

/** DynamoDB refuses items above 400 KB; a longer (compressed) body is kept in several items. */
const MAX_PART_BYTES = 350 * 1024;
/** Bound of one answer when it is read back; the longest that API Gateway passes on is 10 MB. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** This attempt is the current one and has not been completed. */
const STILL_OURS = '#attempt = :attempt AND attribute_not_exists(#statusCode)';

/**
 * Requests in the claims table: partition key `request#<source>#<SHA-256 of the key>`, sort key 0. Parts of a long
 * answer stand under `<that>#<attempt>`, sort keys from 1, so that attempts do not overwrite each other's.
 */
export class DynamoRequestStore implements RequestStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(options: { readonly dynamodb: DynamoDBClient; readonly table: string }) {
    this.#dynamodb = options.dynamodb;
    this.#table = options.table;
  }

  async begin(request: RequestClaim): Promise<BeginResult> {
    const old = await this.#put(request);
    if (old === 'written') return { status: 'new' };
    if (old?.['payloadHash']?.S !== request.payloadHash) return { status: 'other-payload' };
    const statusCode = old['statusCode']?.N;
    if (statusCode === undefined) return { status: 'in-progress' };
    const bytes = await this.#readBody(request, old);
    const body = zstdDecompressSync(bytes, { maxOutputLength: MAX_BODY_BYTES }).toString();
    return { status: 'done', answer: { statusCode: Number(statusCode), body } };
  }

  async complete(request: RequestClaim, answer: StoredAnswer): Promise<void> {
    const bytes = zstdCompressSync(answer.body);
    const parts = Math.ceil(bytes.length / MAX_PART_BYTES);
    if (parts > 1) await this.#writeParts(request, bytes, parts);
    await this.#ifStillOurs('UpdateItem', () =>
      this.#dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyOf(request),
          UpdateExpression: 'SET #statusCode = :statusCode, #body = :body',
          ConditionExpression: STILL_OURS,
          ExpressionAttributeNames: { '#attempt': 'attempt', '#statusCode': 'statusCode', '#body': 'body' },
          ExpressionAttributeValues: {
            ':attempt': { S: request.attempt },
            ':statusCode': { N: String(answer.statusCode) },
            ':body': parts > 1 ? { N: String(parts) } : { B: bytes },
          },
        }),
      ),
    );
  }

  async release(request: RequestClaim): Promise<void> {
    await this.#ifStillOurs('DeleteItem', () =>
      this.#dynamodb.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: keyOf(request),
          ConditionExpression: STILL_OURS,
          ExpressionAttributeNames: { '#attempt': 'attempt', '#statusCode': 'statusCode' },
          ExpressionAttributeValues: { ':attempt': { S: request.attempt } },
        }),
      ),
    );
  }

  /** Writes the claim unless another one stands there that counts; then it returns that one. */
  async #put(request: RequestClaim): Promise<'written' | StoredItem> {
    return await callAws(this.#call('PutItem'), async () => {
      try {
        await this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              ...keyOf(request),
              payloadHash: { S: request.payloadHash },
              attempt: { S: request.attempt },
              leaseUntilMs: { N: String(request.leaseUntilMs) },
              expiresAtMs: { N: String(request.expiresAtMs) },
              expiresAt: expiryOf(request),
            },
            // Free: never seen, or forgotten by now. Taken over: same request, not completed, and either this very
            // attempt (the SDK repeats a call whose response was lost) or one whose lease has run out.
            ConditionExpression:
              'attribute_not_exists(#bucket) OR #expiresAtMs <= :now OR (#payloadHash = :payloadHash AND ' +
              'attribute_not_exists(#statusCode) AND (#attempt = :attempt OR #leaseUntilMs <= :now))',
            ExpressionAttributeNames: {
              '#bucket': 'bucket',
              '#expiresAtMs': 'expiresAtMs',
              '#payloadHash': 'payloadHash',
              '#statusCode': 'statusCode',
              '#attempt': 'attempt',
              '#leaseUntilMs': 'leaseUntilMs',
            },
            ExpressionAttributeValues: {
              ':now': { N: String(request.nowMs) },
              ':payloadHash': { S: request.payloadHash },
              ':attempt': { S: request.attempt },
            },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return 'written';
      } catch (error) {
        if (isConditionFailure(error)) return error.Item;
        throw error;
      }
    });
  }

  async #writeParts(request: RequestClaim, bytes: Uint8Array, parts: number): Promise<void> {
    for (let part = 1; part <= parts; part++) {
      await callAws(this.#call('PutItem'), () =>
        this.#dynamodb.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              bucket: { S: partsBucket(request, request.attempt) },
              number: { N: String(part) },
              body: { B: bytes.subarray((part - 1) * MAX_PART_BYTES, part * MAX_PART_BYTES) },
              expiresAt: expiryOf(request),
            },
          }),
        ),
      );
    }
  }

  async #readBody(request: RequestClaim, old: NonNullable<StoredItem>): Promise<Uint8Array> {
    const body = old['body'];
    if (body?.B !== undefined) return body.B;
    const parts = await callAws(this.#call('Query'), async () => {
      const found: Uint8Array[] = [];
      const pages = paginateQuery(
        { client: this.#dynamodb },
        {
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: '#bucket = :bucket',
          ExpressionAttributeNames: { '#bucket': 'bucket' },
          ExpressionAttributeValues: { ':bucket': { S: partsBucket(request, old['attempt']?.S ?? '') } },
        },
      );
      for await (const page of pages) {
        for (const item of page.Items ?? []) if (item['body']?.B !== undefined) found.push(item['body'].B);
      }
      return found;
    });
    if (parts.length !== Number(body?.N)) {
      throw new BlockedError(
        'ANSWER_INCOMPLETE',
        `the stored answer of a request of source ${request.source} in table ${this.#table} has ` +
          `${String(parts.length)} of ${body?.N ?? 'unknown'} parts; repeat the request with a new Idempotency-Key`,
      );
    }
    return Buffer.concat(parts);
  }

  /** A write that changes nothing when another attempt has taken over or the request is completed. */
  async #ifStillOurs(operation: string, write: () => Promise<unknown>): Promise<void> {
    await callAws(this.#call(operation), async () => {
      try {
        await write();
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
    });
  }

  #call(operation: string): { operation: string; resource: string } {
    return { operation, resource: `table ${this.#table}` };
  }
}

function bucketOf({ source, idempotencyKey }: RequestClaim): string {
  return `request#${source}#${createHash('sha256').update(idempotencyKey).digest('hex')}`;
}

function partsBucket(request: RequestClaim, attempt: string): string {
  return `${bucketOf(request)}#${attempt}`;
}

function keyOf(request: RequestClaim): Record<string, AttributeValue> {
  return { bucket: { S: bucketOf(request) }, number: { N: '0' } };
}

function expiryOf({ expiresAtMs }: RequestClaim): AttributeValue {
  return { N: String(Math.ceil(expiresAtMs / 1000)) };
}
