import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { DynamoClaimLog } from '../../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoWriteKeyStore } from '../../../shared/adapters/aws/dynamo-write-key-store.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { Intent } from '../../../shared/ports/ledger-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const dynamodb = mockClient(DynamoDBClient);

beforeEach(() => {
  dynamodb.reset();
  dynamodb.onAnyCommand().rejects(new Error('not stubbed'));
});

function refusal(name: string, more: object = {}): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 400 }, ...more });
}

function cancelled(...codes: string[]): Error {
  return refusal('TransactionCanceledException', { CancellationReasons: codes.map((Code) => ({ Code })) });
}

describe('claim log in DynamoDB', () => {
  const createLog = (): DynamoClaimLog =>
    new DynamoClaimLog({ dynamodb: new DynamoDBClient({}), table: 'claims' });

  test('reads are strongly consistent and follow every page', async () => {
    const item = (number: number): object => ({
      number: { N: String(number) },
      packed: { B: Buffer.of(number) },
    });
    dynamodb
      .on(QueryCommand)
      .resolvesOnce({
        Items: [item(4)],
        LastEvaluatedKey: { bucket: { S: 'b' }, number: { N: '4' } },
      } as object)
      // A page may be empty and still not be the last.
      .resolvesOnce({ Items: [], LastEvaluatedKey: { bucket: { S: 'b' }, number: { N: '4' } } })
      .resolvesOnce({ Items: [item(5)] } as object);
    const items = await createLog().read('b', 3);
    expect(items.map(({ number }) => number)).toEqual([4, 5]);
    const queries = dynamodb.commandCalls(QueryCommand).map(({ args: [{ input }] }) => input);
    expect(queries.map(({ ConsistentRead }) => ConsistentRead)).toEqual([true, true, true]);
    expect(queries[1]?.ExclusiveStartKey).toEqual({ bucket: { S: 'b' }, number: { N: '4' } });
  });

  test('an item expires after its window, never before', async () => {
    dynamodb.on(PutItemCommand).resolves({});
    const expiresAtMs = 1_704_067_200_001;
    await createLog().append('b', 1, { packed: Buffer.of(1), expiresAtMs, writer: 'w' });
    const expiresAt = dynamodb.commandCalls(PutItemCommand)[0]?.args[0].input.Item?.['expiresAt']?.N;
    expect(Number(expiresAt) * 1000).toBeGreaterThan(expiresAtMs);
    expect(Number(expiresAt) * 1000).toBeLessThan(expiresAtMs + 2 * DAY_MS);
  });

  test('claims that do not fit into an item are refused before they are sent', async () => {
    const append = createLog().append('b', 1, { packed: Buffer.alloc(400_000), expiresAtMs: 0, writer: 'w' });
    await expect(append).rejects.toMatchObject({ code: 'CLAIM_ITEM_TOO_LARGE' });
    expect(dynamodb.calls()).toHaveLength(0);
  });

  test('a throttled or denied append throws; it is never a conflict', async () => {
    const append = (): Promise<unknown> =>
      createLog().append('b', 1, { packed: Buffer.of(1), expiresAtMs: 0, writer: 'w' });
    dynamodb.on(PutItemCommand).rejects(refusal('ProvisionedThroughputExceededException'));
    await expect(append()).rejects.toBeInstanceOf(TransientError);
    dynamodb.on(PutItemCommand).rejects(refusal('AccessDeniedException'));
    await expect(append()).rejects.toBeInstanceOf(BlockedError);
  });

  test('a failed condition without the old item is a conflict', async () => {
    dynamodb.on(PutItemCommand).rejects(refusal('ConditionalCheckFailedException'));
    const item = { packed: Buffer.of(1), expiresAtMs: 0, writer: 'w' };
    expect(await createLog().append('b', 1, item)).toBe('conflict');
  });

  test('an item that is not ours blocks instead of being skipped', async () => {
    dynamodb.on(QueryCommand).resolves({ Items: [{ number: { N: '1' } }] });
    await expect(createLog().read('b', 0)).rejects.toMatchObject({ code: 'CLAIM_ITEM_FOREIGN' });
  });
});

describe('ledger in DynamoDB', () => {
  const COMMIT = { from: '1', to: '20', records: 3, keys: 1 };
  const createStore = (clock = new ManualClock({ jump: true, startMs: 0 })): DynamoLedgerStore =>
    new DynamoLedgerStore({ dynamodb: new DynamoDBClient({}), table: 'ledger', clock });

  test('the state is read strongly consistent', async () => {
    dynamodb.on(GetItemCommand).resolves({});
    await createStore().read('lane');
    expect(dynamodb.commandCalls(GetItemCommand)[0]?.args[0].input.ConsistentRead).toBe(true);
  });

  test('a commit of sequence numbers is one transaction of state and range, under a token of its contents', async () => {
    dynamodb.on(TransactWriteItemsCommand).resolves({});
    const commit = (version: number, writer: string): Promise<unknown> =>
      createStore().commit('lane', version, COMMIT, writer);
    expect(await commit(4, 'a')).toBe('ok');
    await commit(4, 'a');
    await commit(4, 'b');
    await commit(5, 'a');
    const inputs = dynamodb.commandCalls(TransactWriteItemsCommand).map(({ args: [{ input }] }) => input);
    const [update, put] = inputs[0]?.TransactItems ?? [];
    expect(update?.Update).toMatchObject({
      ConditionExpression: '#version = :expected',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    expect(put?.Put?.Item).toMatchObject({ from: { S: '1' }, to: { S: '20' } });
    const tokens = inputs.map(({ ClientRequestToken = '' }) => ClientRequestToken);
    expect(tokens[0]).toMatch(/^.{1,36}$/);
    expect(tokens[1]).toBe(tokens[0]);
    expect(new Set(tokens).size).toBe(3);
  });

  test('a range stays for more than a year, which is longer than a stream keeps records', async () => {
    dynamodb.on(TransactWriteItemsCommand).resolves({});
    await createStore(new ManualClock({ startMs: 1000 })).commit('lane', 0, COMMIT, 'w');
    const put = dynamodb.commandCalls(TransactWriteItemsCommand)[0]?.args[0].input.TransactItems?.[1]?.Put;
    expect(Number(put?.Item?.['expiresAt']?.N)).toBeGreaterThan((365 * DAY_MS) / 1000);
    expect(Number(put?.Item?.['expiresAt']?.N)).toBeLessThan((500 * DAY_MS) / 1000);
  });

  test('a commit of a cursor is one plain update', async () => {
    dynamodb.on(UpdateItemCommand).resolves({});
    expect(await createStore().commit('lane', 0, { ...COMMIT, from: '', to: '["x"]' }, 'w')).toBe('ok');
  });

  test('a failed condition decides, whatever else a transaction met', async () => {
    dynamodb
      .on(TransactWriteItemsCommand)
      .rejects(cancelled('ConditionalCheckFailed', 'TransactionConflict'));
    expect(await createStore().commit('lane', 0, COMMIT, 'w')).toBe('conflict');
  });

  test('a transaction that only met another one fails passingly; it is never a conflict', async () => {
    dynamodb.on(TransactWriteItemsCommand).rejects(cancelled('TransactionConflict', 'None'));
    await expect(createStore().commit('lane', 0, COMMIT, 'w')).rejects.toBeInstanceOf(TransientError);
    dynamodb.on(TransactWriteItemsCommand).rejects(refusal('TransactionInProgressException'));
    await expect(createStore().commit('lane', 0, COMMIT, 'w')).rejects.toBeInstanceOf(TransientError);
  });

  test('a throttled or denied write throws; it is never a conflict', async () => {
    dynamodb.on(TransactWriteItemsCommand).rejects(cancelled('ThrottlingError', 'None'));
    await expect(createStore().commit('lane', 0, COMMIT, 'w')).rejects.toBeInstanceOf(TransientError);
    dynamodb.on(UpdateItemCommand).rejects(refusal('AccessDeniedException'));
    await expect(createStore().abort('lane', 1, 'w')).rejects.toBeInstanceOf(BlockedError);
  });

  test('an intent is short in the table however many objects it has, up to a bound that is told', async () => {
    dynamodb.on(UpdateItemCommand).resolves({});
    const intent = (objects: Intent['objects']): Intent => ({
      from: '1',
      to: '2',
      objects,
      records: 1,
      configVersion: 'v',
      owner: 'o',
      leaseUntilMs: 1,
    });
    const key = (name: string): Intent['objects'][number] => ({ key: name, source: 'orders', zone: 'raw' });
    const alike = Array.from({ length: 10_000 }, (_, i) =>
      key(`raw/orders/dt=2024-01-01/shard-${String(i)}-v1.parquet`),
    );
    await createStore().announce('lane', 0, intent(alike), 'w');
    const stored =
      dynamodb.commandCalls(UpdateItemCommand)[0]?.args[0].input.ExpressionAttributeValues?.[':intent'];
    expect(stored?.B?.length).toBeLessThan(100 * 1024);
    const unlike = Array.from({ length: 10_000 }, () =>
      key(`raw/${crypto.randomUUID()}${crypto.randomUUID()}`),
    );
    await expect(createStore().announce('lane', 0, intent(unlike), 'w')).rejects.toMatchObject({
      code: 'INTENT_TOO_LARGE',
      message: expect.stringContaining('10000 objects') as unknown,
    });
    expect(dynamodb.commandCalls(UpdateItemCommand)).toHaveLength(1);
  });

  test('an intent that something else has changed blocks the lane instead of being ignored', async () => {
    dynamodb
      .on(GetItemCommand)
      .resolves({ Item: { version: { N: '3' }, intent: { B: Buffer.from('garbage') } } });
    await expect(createStore().read('lane')).rejects.toMatchObject({ code: 'LEDGER_UNREADABLE' });
  });
});

describe('write keys in DynamoDB', () => {
  const createStore = (): DynamoWriteKeyStore =>
    new DynamoWriteKeyStore({ dynamodb: new DynamoDBClient({}), table: 'access', clock: new ManualClock() });

  test('a revocation is seen at once: the key is read strongly consistent', async () => {
    dynamodb.on(GetItemCommand).resolves({});
    await createStore().find('abc');
    expect(dynamodb.commandCalls(GetItemCommand)[0]?.args[0].input.ConsistentRead).toBe(true);
  });

  test('a list follows every page of the index', async () => {
    const item = (hash: string, createdAtMs: number): Record<string, { S: string } | { N: string }> => ({
      hash: { S: hash },
      source: { S: 'orders' },
      createdAtMs: { N: String(createdAtMs) },
    });
    dynamodb
      .on(QueryCommand)
      .resolvesOnce({ Items: [item('b', 2)], LastEvaluatedKey: { hash: { S: 'b' } } })
      .resolvesOnce({ Items: [item('a', 1)] });
    expect((await createStore().list('orders')).map(({ hash }) => hash)).toEqual(['a', 'b']);
  });
});
