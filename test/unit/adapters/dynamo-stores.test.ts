import { setImmediate } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type BatchGetItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { DynamoClaimLog } from '../../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoWriteKeyStore } from '../../../shared/adapters/aws/dynamo-write-key-store.ts';
import type { S3ClaimObjects } from '../../../shared/adapters/aws/s3-claim-objects.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';
import type { LogEntry, NewLogEntry } from '../../../shared/ports/claim-log.ts';
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
  const NOW_MS = 1_704_067_200_001;
  const createLog = (): DynamoClaimLog =>
    new DynamoClaimLog({
      dynamodb: new DynamoDBClient({}),
      table: 'claims',
      clock: new ManualClock({ startMs: NOW_MS }),
    });
  const seconds = (ms: number): { N: string } => ({ N: String(ms / 1000) });
  const inline = (number: number): Record<string, AttributeValue> => ({
    bucket: { S: 'b' },
    number: { N: String(number) },
    writer: { S: 'w' },
    packed: { B: Buffer.of(number) },
    expiresAt: seconds(1_800_000_000_000),
  });
  /** An entry that refers to stored claims. */
  const reference = (
    number: number,
    items: number,
    expiresAtMs = 1_800_000_000_000,
  ): Record<string, AttributeValue> => ({
    bucket: { S: 'b' },
    number: { N: String(number) },
    writer: { S: 'w' },
    claims: { S: `id${String(number)}` },
    items: { N: String(items) },
    expiresAt: seconds(expiresAtMs),
  });
  const content = (id: string, number: number, byte: number): Record<string, AttributeValue> => ({
    bucket: { S: `claims#${id}` },
    number: { N: String(number) },
    packed: { B: Buffer.of(byte) },
  });
  const entry = (packed: Buffer, expiresAtMs = NOW_MS): NewLogEntry => ({
    kind: 'claims',
    claims: { kind: 'inline', packed },
    expiresAtMs,
    writer: 'w',
  });
  const packedIn = (entries: readonly LogEntry[]): number[][] =>
    entries.map((one) => (one.kind === 'claims' ? one.packed.flatMap((part) => [...part]) : []));

  test('reads are strongly consistent and follow every page', async () => {
    const LastEvaluatedKey = { bucket: { S: 'b' }, number: { N: '4' } };
    dynamodb
      .on(QueryCommand)
      .resolvesOnce({ Items: [inline(4)], LastEvaluatedKey })
      // A page may be empty and still not be the last.
      .resolvesOnce({ Items: [], LastEvaluatedKey })
      .resolvesOnce({ Items: [inline(5)] });
    const entries = await createLog().read('b', 3);
    expect(entries.map(({ number }) => number)).toEqual([4, 5]);
    const queries = dynamodb.commandCalls(QueryCommand).map(({ args: [{ input }] }) => input);
    expect(queries.map(({ ConsistentRead }) => ConsistentRead)).toEqual([true, true, true]);
    expect(queries[1]?.ExclusiveStartKey).toEqual(LastEvaluatedKey);
  });

  test('stored claims are read at half the price first; what that does not show is read strongly consistent', async () => {
    dynamodb.on(QueryCommand).resolves({ Items: [reference(1, 2), inline(2), reference(3, 1)] });
    dynamodb
      .on(BatchGetItemCommand)
      .resolvesOnce({ Responses: { claims: [content('id3', 1, 31), content('id1', 2, 12)] } })
      .resolvesOnce({ Responses: { claims: [content('id1', 1, 11)] } });
    expect(packedIn(await createLog().read('b', 0))).toEqual([[11, 12], [2], [31]]);
    const reads = dynamodb
      .commandCalls(BatchGetItemCommand)
      .map(({ args: [{ input }] }) => input.RequestItems?.['claims']);
    expect(reads.map((read) => [read?.ConsistentRead, read?.Keys?.length])).toEqual([
      [false, 3],
      [true, 1],
    ]);
  });

  test('keys that an answer had no room for are asked for again, and a table that answers none is passing', async () => {
    dynamodb.on(QueryCommand).resolves({ Items: [reference(1, 2)] });
    const rest = { claims: { Keys: [{ bucket: { S: 'claims#id1' }, number: { N: '2' } }] } };
    dynamodb
      .on(BatchGetItemCommand)
      .resolvesOnce({ Responses: { claims: [content('id1', 1, 1)] }, UnprocessedKeys: rest })
      .resolvesOnce({ Responses: { claims: [content('id1', 2, 2)] } });
    expect(packedIn(await createLog().read('b', 0))).toEqual([[1, 2]]);
    dynamodb.on(BatchGetItemCommand).callsFake(({ RequestItems }: BatchGetItemCommandInput) => ({
      UnprocessedKeys: RequestItems,
    }));
    await expect(createLog().read('b', 0)).rejects.toBeInstanceOf(TransientError);
  });

  test('claims that are gone before their time block; after it they count for nothing', async () => {
    dynamodb.on(BatchGetItemCommand).resolves({ Responses: { claims: [] } });
    dynamodb.on(QueryCommand).resolves({ Items: [reference(1, 1)] });
    await expect(createLog().read('b', 0)).rejects.toMatchObject({ code: 'CLAIMS_MISSING' });
    dynamodb.on(QueryCommand).resolves({ Items: [reference(1, 1, NOW_MS + DAY_MS - 2_001), inline(2)] });
    expect(packedIn(await createLog().read('b', 0))).toEqual([[], [2]]);
  });

  test('an entry expires after its window, never before, and what it refers to later still', async () => {
    dynamodb.on(PutItemCommand).resolves({});
    await createLog().append('b', 1, entry(Buffer.of(1)));
    await createLog().store([Buffer.alloc(5_000)], NOW_MS);
    const [ofEntry, ofContent] = dynamodb
      .commandCalls(PutItemCommand)
      .map(({ args: [{ input }] }) => Number(input.Item?.['expiresAt']?.N) * 1000);
    expect(ofEntry).toBeGreaterThan(NOW_MS);
    expect(ofEntry).toBeLessThan(NOW_MS + 2 * DAY_MS);
    expect(ofContent).toBeGreaterThanOrEqual((ofEntry ?? Infinity) + DAY_MS);
  });

  test('small claims are not stored apart', async () => {
    expect(await createLog().store([Buffer.of(1)], 0)).toMatchObject({ kind: 'inline' });
    expect(dynamodb.calls()).toHaveLength(0);
  });

  test('claims of a large batch are written few at a time', async () => {
    let running = 0;
    let most = 0;
    dynamodb.on(PutItemCommand).callsFake(async () => {
      most = Math.max(most, ++running);
      await setImmediate();
      running--;
      return {};
    });
    const parts = Array.from({ length: 100 }, (_, at) => Buffer.alloc(1_000, at));
    expect(await createLog().store(parts, 0)).toMatchObject({ kind: 'stored', items: 100 });
    expect(most).toBe(16);
    const written = dynamodb.commandCalls(PutItemCommand).map(({ args: [{ input }] }) => input.Item);
    expect(written.map((item) => [Number(item?.['number']?.N), item?.['packed']?.B])).toEqual(
      parts.map((part, at) => [at + 1, part]),
    );
  });

  describe('with a bucket for large claims', () => {
    const objects = {
      put: (token: string) => Promise.resolve(`11/${token}`),
      read: (id: string) =>
        Promise.resolve(id === '11/gone' ? undefined : [Buffer.from([7]), Buffer.from([8])]),
    } as unknown as S3ClaimObjects;
    const createWithObjects = (): DynamoClaimLog =>
      new DynamoClaimLog({
        dynamodb: new DynamoDBClient({}),
        table: 'claims',
        clock: new ManualClock({ startMs: NOW_MS }),
        objects,
      });

    test.each([
      [9 * 1024 - 1, true, 'inline'],
      [9 * 1024, true, 's3'],
      [128 * 1024 - 1, false, 'table'],
      [128 * 1024, false, 's3'],
    ] as const)('%i bytes, alone: %s, go to: %s', async (bytes, isAlone, place) => {
      dynamodb.on(PutItemCommand).resolves({});
      const stored = await createWithObjects().store([Buffer.alloc(bytes)], NOW_MS + 7 * DAY_MS, isAlone);
      const id = stored.kind === 'stored' ? stored.id : '';
      expect(stored.kind === 'inline' ? 'inline' : id.startsWith('s3:') ? 's3' : 'table').toBe(place);
      expect(dynamodb.calls()).toHaveLength(place === 'table' ? 1 : 0);
    });

    test('an entry that refers to an object is read with its parts; one that is gone before its time is an error', async () => {
      const toObject = (id: string): Record<string, AttributeValue> => ({
        bucket: { S: 'b' },
        number: { N: '1' },
        writer: { S: 'w' },
        claims: { S: id },
        items: { N: '2' },
        expiresAt: { N: String((NOW_MS + 3 * DAY_MS) / 1000) },
      });
      dynamodb.on(QueryCommand).resolves({ Items: [toObject('s3:11/there')] });
      expect(packedIn(await createWithObjects().read('b', 0))).toEqual([[7, 8]]);
      dynamodb.on(QueryCommand).resolves({ Items: [toObject('s3:11/gone')] });
      await expect(createWithObjects().read('b', 0)).rejects.toMatchObject({ code: 'CLAIMS_MISSING' });
      await expect(createLog().read('b', 0)).rejects.toMatchObject({ code: 'CLAIM_OBJECTS_UNKNOWN' });
    });
  });

  test('claims that do not fit into an item are refused before they are sent', async () => {
    const store = createLog().store([Buffer.alloc(400_000)], 0);
    await expect(store).rejects.toMatchObject({ code: 'CLAIM_ITEM_TOO_LARGE' });
    expect(dynamodb.calls()).toHaveLength(0);
  });

  test('a throttled or denied append throws; it is never a conflict', async () => {
    const append = (): Promise<unknown> => createLog().append('b', 1, entry(Buffer.of(1)));
    dynamodb.on(PutItemCommand).rejects(refusal('ProvisionedThroughputExceededException'));
    await expect(append()).rejects.toBeInstanceOf(TransientError);
    dynamodb.on(PutItemCommand).rejects(refusal('AccessDeniedException'));
    await expect(append()).rejects.toBeInstanceOf(BlockedError);
  });

  test('a failed condition without the old item is a conflict', async () => {
    dynamodb.on(PutItemCommand).rejects(refusal('ConditionalCheckFailedException'));
    expect(await createLog().append('b', 1, entry(Buffer.of(1)))).toBe('conflict');
  });

  test('an append that must follow an entry is a transaction; what it met decides', async () => {
    const follow = (): Promise<unknown> =>
      createLog().append('b', 2, { ...entry(Buffer.of(1)), follows: 'f' });
    dynamodb.on(TransactWriteItemsCommand).resolves({});
    expect(await follow()).toBe('ok');
    const [check] = dynamodb.commandCalls(TransactWriteItemsCommand)[0]?.args[0].input.TransactItems ?? [];
    expect(check?.ConditionCheck?.Key).toEqual({ bucket: { S: 'b' }, number: { N: '1' } });
    for (const codes of [
      ['ConditionalCheckFailed', 'None'],
      ['None', 'ConditionalCheckFailed'],
      ['None', 'TransactionConflict'],
    ]) {
      dynamodb.on(TransactWriteItemsCommand).rejects(cancelled(...codes));
      expect(await follow()).toBe('conflict');
    }
    const ours = refusal('TransactionCanceledException', {
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { writer: { S: 'w' } } },
      ],
    });
    dynamodb.on(TransactWriteItemsCommand).rejects(ours);
    expect(await follow()).toBe('ok');
    dynamodb.on(TransactWriteItemsCommand).rejects(cancelled('None', 'ThrottlingError'));
    await expect(follow()).rejects.toBeInstanceOf(TransientError);
  });

  test('an item that is not ours blocks instead of being skipped', async () => {
    dynamodb.on(QueryCommand).resolves({ Items: [{ number: { N: '1' } }] });
    await expect(createLog().read('b', 0)).rejects.toMatchObject({ code: 'CLAIM_ITEM_FOREIGN' });
    dynamodb.on(PutItemCommand).rejects(refusal('ConditionalCheckFailedException', { Item: {} }));
    await expect(createLog().claimKey('b', 'k', Buffer.of(1), 0)).rejects.toMatchObject({
      code: 'CLAIM_ITEM_FOREIGN',
    });
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

  test('a list is read strongly consistent, and leaves out a key that was revoked meanwhile', async () => {
    dynamodb
      .on(GetItemCommand)
      .resolves({})
      .on(GetItemCommand, { Key: { hash: { S: 'source#orders' } } })
      .resolves({ Item: { hash: { S: 'source#orders' }, active: { SS: ['a', 'b'] } } })
      .on(GetItemCommand, { Key: { hash: { S: 'a' } } })
      .resolves({ Item: { hash: { S: 'a' }, source: { S: 'orders' }, createdAtMs: { N: '1' } } });
    expect(await createStore().list('orders')).toEqual([{ hash: 'a', source: 'orders', createdAtMs: 1 }]);
    const reads = dynamodb.commandCalls(GetItemCommand).map(({ args: [{ input }] }) => input.ConsistentRead);
    expect(reads).toEqual([true, true, true]);
  });

  test('a creation or revocation that only met another one fails passingly; it is never a refusal', async () => {
    dynamodb.on(TransactWriteItemsCommand).rejects(cancelled('None', 'TransactionConflict'));
    const key = { hash: 'a', source: 'orders', createdAtMs: 1 };
    await expect(createStore().create(key)).rejects.toBeInstanceOf(TransientError);
    await expect(createStore().revoke('orders', 'a')).rejects.toBeInstanceOf(TransientError);
  });

  test('a key that is taken is told before the bound of the source', async () => {
    dynamodb
      .on(TransactWriteItemsCommand)
      .rejects(cancelled('ConditionalCheckFailed', 'ConditionalCheckFailed'));
    const key = { hash: 'a', source: 'orders', createdAtMs: 1 };
    await expect(createStore().create(key)).rejects.toMatchObject({ code: 'WRITE_KEY_TAKEN' });
  });

  test('noting a use names the two attributes that the function may name, and asks for none back', async () => {
    dynamodb.on(UpdateItemCommand).resolves({});
    await createStore().noteUse('a', 7_200_000);
    const input = dynamodb.commandCalls(UpdateItemCommand)[0]?.args[0].input;
    expect(Object.values(input?.ExpressionAttributeNames ?? {}).sort()).toEqual(['hash', 'lastUsedAtMs']);
    expect(input).not.toHaveProperty('ReturnValues');
    expect(input?.ExpressionAttributeValues).toEqual({ ':now': { N: '7200000' }, ':due': { N: '3600000' } });
  });

  test('a use that is noted already is no failure, a table that refuses is one', async () => {
    dynamodb.on(UpdateItemCommand).rejects(refusal('ConditionalCheckFailedException'));
    await createStore().noteUse('a', 1);
    dynamodb.on(UpdateItemCommand).rejects(refusal('AccessDeniedException'));
    await expect(createStore().noteUse('a', 1)).rejects.toBeInstanceOf(BlockedError);
  });
});
