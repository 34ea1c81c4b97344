import type {
  AttributeValue,
  BatchGetItemCommandOutput,
  ConsumedCapacity,
  GetItemCommandInput,
  GetItemCommandOutput,
  PutItemCommandInput,
  QueryCommandInput,
  QueryCommandOutput,
  TransactWriteItemsCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { PutRecordsCommandInput, PutRecordsCommandOutput } from '@aws-sdk/client-kinesis';
import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { GetParameterCommandOutput } from '@aws-sdk/client-ssm';
import {
  dynamoReadUnits,
  dynamoWriteUnits,
  kinesisPutUnits,
  sqsRequests,
} from '../../domain/cost/metering.ts';
import type { MeteredAmounts } from '../../domain/cost/metered-prices.ts';
import { itemBytes, type Item } from './item-size.ts';
import { isNamed } from './translate-error.ts';

/** One attempt of a call, and what came of it. */
export interface Attempt {
  /** Name of the API: `PutObject`. */
  readonly operation: string;
  readonly input: unknown;
  /** The answer, if it was one of success. */
  readonly output?: unknown;
  readonly error?: unknown;
}

/** What an attempt is billed as when the service has done what was asked, or may have done it. */
type Rule = (input: never, output: never) => MeteredAmounts;

const FREE: MeteredAmounts = {};
const free: Rule = () => FREE;

const s3Put: Rule = () => ({ s3Put: 1 });
const s3Get: Rule = () => ({ s3Get: 1 });

/** Calls that are made by functions; what is not here is not billed. */
const RULES: Readonly<Record<string, Rule>> = {
  PutObject: s3Put,
  ListObjectsV2: s3Put,
  GetObject: s3Get,
  HeadObject: s3Get,
  DeleteObjects: free,

  PutRecords: ({ Records: records = [] }: PutRecordsCommandInput, output?: PutRecordsCommandOutput) => ({
    kinesisPutUnit: records.reduce((sum, { Data: data, PartitionKey: key = '' }, i) => {
      // Entries that were refused are not on the stream; without an answer all of them may be.
      if (output?.Records?.[i]?.ErrorCode !== undefined) return sum;
      return sum + kinesisPutUnits((data?.length ?? 0) + key.length);
    }, 0),
  }),

  PutItem: ({ Item: item = {} }: PutItemCommandInput, output?: Consumer) =>
    written(output, () => dynamoWriteUnits(itemBytes(item))),
  UpdateItem: (input: UpdateItemCommandInput, output?: Consumer) =>
    written(output, () => dynamoWriteUnits(updateBytes(input))),
  DeleteItem: (_input: unknown, output?: Consumer) => written(output, () => dynamoWriteUnits(0)),
  TransactWriteItems: ({ TransactItems: actions = [] }: TransactWriteItemsCommandInput, output?: Consumers) =>
    written(output, () =>
      actions.reduce((sum, { Put: put, Update: update }) => {
        const bytes = put?.Item !== undefined ? itemBytes(put.Item) : update ? updateBytes(update) : 0;
        return sum + dynamoWriteUnits(bytes, true);
      }, 0),
    ),
  GetItem: ({ ConsistentRead: isStrong }: GetItemCommandInput, output?: GetItemCommandOutput) =>
    read(output, () => readUnits(output?.Item === undefined ? [] : [output.Item], isStrong)),
  Query: ({ ConsistentRead: isStrong }: QueryCommandInput, output?: QueryCommandOutput) =>
    read(output, () => readUnits(output?.Items ?? [], isStrong)),
  BatchGetItem: (_input: unknown, output?: BatchGetItemCommandOutput) =>
    read(output, () =>
      Object.values(output?.Responses ?? {})
        .flat()
        .reduce((sum, item) => sum + readUnits([item], true), 0),
    ),

  SendMessage: ({ MessageBody: body = '' }: SendMessageCommandInput) => ({
    sqsRequest: sqsRequests(Buffer.byteLength(body)),
  }),
  ChangeMessageVisibility: () => ({ sqsRequest: 1 }),

  // Parameters are free; a secret one is decrypted with a key.
  GetParameter: (_input: unknown, output?: GetParameterCommandOutput) =>
    output?.Parameter?.Type === 'SecureString' ? { kmsRequest: 1 } : FREE,
  GetSchedule: free,
  UpdateSchedule: free,
};

/** Names of the calls whose bill is known. */
export const METERED_OPERATIONS: ReadonlySet<string> = new Set(Object.keys(RULES));

/**
 * What one attempt of a call is billed as: the attempt, not the call, as every repetition is billed again. What a service
 * refuses because it is busy or fails itself is free, a condition that is not met is not. An attempt that was not
 * answered may have been served, and counts as served.
 */
export function billedUsage({ operation, input, output, error }: Attempt): MeteredAmounts {
  const rule = RULES[operation];
  if (rule === undefined || (error !== undefined && isFree(operation, error))) return FREE;
  const usage = rule(input as never, output as never);
  const { Item: old } = (error ?? {}) as { readonly Item?: Item };
  if (old === undefined) return usage;
  // The item whose condition was not met is billed when it is larger than the one that was to replace it.
  return { dynamoWriteUnit: Math.max(usage.dynamoWriteUnit ?? 0, dynamoWriteUnits(itemBytes(old))) };
}

/** Whether an attempt that failed is not billed. */
function isFree(operation: string, error: unknown): boolean {
  const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata
    ?.httpStatusCode;
  if (status === undefined) return false;
  if (S3_OPERATIONS.has(operation)) return status >= 500 || status === 403;
  return !CONDITION_FAILURES.some((name) => isNamed(error, name));
}

const S3_OPERATIONS: ReadonlySet<string> = new Set(
  Object.entries(RULES)
    .filter(([, rule]) => rule === s3Put || rule === s3Get)
    .map(([operation]) => operation),
);
const CONDITION_FAILURES = ['ConditionalCheckFailedException', 'TransactionCanceledException'];

/** An answer of DynamoDB that was asked what it consumed. */
interface Consumer {
  readonly ConsumedCapacity?: ConsumedCapacity | undefined;
}
interface Consumers {
  readonly ConsumedCapacity?: readonly ConsumedCapacity[] | undefined;
}

const written = (output: Consumer | Consumers | undefined, otherwise: () => number): MeteredAmounts => ({
  dynamoWriteUnit: consumedOf(output) ?? otherwise(),
});

const read = (output: Consumer | Consumers | undefined, otherwise: () => number): MeteredAmounts => ({
  dynamoReadUnit: consumedOf(output) ?? otherwise(),
});

/** What DynamoDB says that a call consumed. */
function consumedOf(output: Consumer | Consumers | undefined): number | undefined {
  const capacity = output?.ConsumedCapacity;
  if (capacity === undefined) return undefined;
  const all = Array.isArray(capacity)
    ? (capacity as readonly ConsumedCapacity[])
    : [capacity as ConsumedCapacity];
  return all.reduce((sum, { CapacityUnits: units = 0 }) => sum + units, 0);
}

/** Read units of items that are read together, from those that came back. */
function readUnits(items: readonly Item[], isStrong = false): number {
  const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
  return dynamoReadUnits(bytes, isStrong ? 'strong' : 'eventual');
}

interface UpdateInput {
  readonly Key?: Record<string, AttributeValue> | undefined;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
}

/** What an update says about an item's size: the whole of it is billed, and not all of it is sent. */
function updateBytes({ Key: key = {}, ExpressionAttributeValues: values = {} }: UpdateInput): number {
  return itemBytes(key) + itemBytes(values);
}
