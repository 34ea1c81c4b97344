import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { billedUsage, METERED_OPERATIONS } from '../../../shared/adapters/aws/billed-usage.ts';

const ADAPTERS = join(import.meta.dirname, '../../../shared/adapters/aws');

/** Adapters that only commands have, whose users pay, or the hourly watch, which costs the same whatever sources bring. */
const OF_NO_SOURCE = new Set([
  'athena-query-history.ts',
  'aws-account.ts',
  'cloudwatch-activity.ts',
  'event-bridge-findings.ts',
  'invoke-function.ts',
  'log-activity.ts',
  'query-logs.ts',
  'read-deployed-plan.ts',
  'describe-alarms.ts',
  'set-alarm-actions.ts',
  's3-object-versions.ts',
  'stack-output.ts',
]);

const failure = (name: string, httpStatusCode: number | undefined, more: object = {}): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode }, ...more });

test('every call that functions make has a rule', () => {
  const operations = readdirSync(ADAPTERS, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !OF_NO_SOURCE.has(entry.name))
    .flatMap(({ name }) => {
      const text = readFileSync(join(ADAPTERS, name), 'utf8');
      const sent = [...text.matchAll(/new (\w+)Command\(/g)].map(([, operation]) => operation);
      const paged = [...text.matchAll(/\bpaginate([A-Z]\w+)\(/g)].map(([, operation]) => operation);
      return [...sent, ...paged];
    });
  expect(operations.length).toBeGreaterThan(30);
  const unknown = operations.filter((name) => name !== undefined && !METERED_OPERATIONS.has(name));
  expect(unknown).toEqual([]);
});

describe('S3', () => {
  test('objects that are put and lists cost a PUT, objects and heads that are read a GET, deletions nothing', () => {
    const usageOf = (operation: string): object => billedUsage({ operation, input: {}, output: {} });
    expect(['PutObject', 'ListObjectsV2', 'GetObject', 'HeadObject', 'DeleteObjects'].map(usageOf)).toEqual([
      { s3Put: 1 },
      { s3Put: 1 },
      { s3Get: 1 },
      { s3Get: 1 },
      {},
    ]);
  });

  test.each([
    ['an object that is there already', failure('PreconditionFailed', 412), { s3Put: 1 }],
    ['no answer', failure('TimeoutError', undefined), { s3Put: 1 }],
    ['a busy service', failure('SlowDown', 503), {}],
    ['a refusal', failure('AccessDenied', 403), {}],
  ])('%s', (_name, error, expected) => {
    expect(billedUsage({ operation: 'PutObject', input: {}, error })).toEqual(expected);
  });
});

describe('Kinesis', () => {
  const entry = (bytes: number): object => ({ Data: new Uint8Array(bytes), PartitionKey: 'k' });
  /** Far enough from the limits of the unit, whether a KB is 1,000 or 1,024 bytes. */
  const input = { Records: [entry(10), entry(24_000), entry(26_000), entry(60_000)] };

  test('each entry is units of 25 KB of data and key', () => {
    const output = { Records: [{}, {}, {}, {}] };
    expect(billedUsage({ operation: 'PutRecords', input, output })).toEqual({
      kinesisPutUnit: 1 + 1 + 2 + 3,
    });
  });

  test('entries that were refused are not billed, and all are when there was no answer', () => {
    const output = { Records: [{}, { ErrorCode: 'Throttled' }, {}, { ErrorCode: 'Throttled' }] };
    expect(billedUsage({ operation: 'PutRecords', input, output })).toEqual({ kinesisPutUnit: 1 + 2 });
    const reset = failure('ECONNRESET', undefined);
    expect(billedUsage({ operation: 'PutRecords', input, error: reset })).toEqual({ kinesisPutUnit: 7 });
    const throttled = failure('ProvisionedThroughputExceededException', 400);
    expect(billedUsage({ operation: 'PutRecords', input, error: throttled })).toEqual({});
  });
});

describe('DynamoDB', () => {
  const item = (bytes: number): object => ({ k: { S: 'x'.repeat(bytes - 1) } });

  test('what it says that it consumed counts', () => {
    const capacity = (units: number): object => ({ CapacityUnits: units });
    expect(
      billedUsage({
        operation: 'PutItem',
        input: { Item: item(10) },
        output: { ConsumedCapacity: capacity(7) },
      }),
    ).toEqual({ dynamoWriteUnit: 7 });
    expect(
      billedUsage({
        operation: 'TransactWriteItems',
        input: {},
        output: { ConsumedCapacity: [capacity(2), capacity(4)] },
      }),
    ).toEqual({ dynamoWriteUnit: 6 });
    expect(
      billedUsage({ operation: 'Query', input: {}, output: { ConsumedCapacity: capacity(0.5) } }),
    ).toEqual({ dynamoReadUnit: 0.5 });
  });

  test('a write that was refused by its condition costs the larger of both items', () => {
    const input = { Item: item(1500) };
    const refused = failure('ConditionalCheckFailedException', 400);
    expect(billedUsage({ operation: 'PutItem', input, error: refused })).toEqual({ dynamoWriteUnit: 2 });
    const withOld = failure('ConditionalCheckFailedException', 400, { Item: item(5000) });
    expect(billedUsage({ operation: 'PutItem', input, error: withOld })).toEqual({ dynamoWriteUnit: 5 });
  });

  test('a transaction costs twice its items, done or cancelled; a throttled one costs nothing', () => {
    const input = { TransactItems: [{ Put: { Item: item(1500) } }, { Update: { Key: item(100) } }] };
    const cancelled = failure('TransactionCanceledException', 400);
    const operation = 'TransactWriteItems';
    expect(billedUsage({ operation, input, error: cancelled })).toEqual({ dynamoWriteUnit: 6 });
    expect(billedUsage({ operation, input, output: {} })).toEqual({ dynamoWriteUnit: 6 });
    expect(billedUsage({ operation, input, error: failure('ThrottlingException', 400) })).toEqual({});
  });
});

test('messages are billed by 64 KB, and decrypting a parameter as a request to the key', () => {
  const send = (bytes: number): object =>
    billedUsage({ operation: 'SendMessage', input: { MessageBody: 'x'.repeat(bytes) }, output: {} });
  expect([send(10), send(64 * 1024), send(64 * 1024 + 1)]).toEqual([
    { sqsRequest: 1 },
    { sqsRequest: 1 },
    { sqsRequest: 2 },
  ]);
  const parameter = (type: string): object =>
    billedUsage({ operation: 'GetParameter', input: {}, output: { Parameter: { Type: type } } });
  expect([parameter('SecureString'), parameter('String')]).toEqual([{ kmsRequest: 1 }, {}]);
});
