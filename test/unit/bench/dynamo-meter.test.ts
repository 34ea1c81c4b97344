import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { DynamoMeter } from '../../../bench/capacity/dynamo-meter.ts';
import { itemBytes } from '../../../shared/adapters/aws/item-size.ts';

const KB = 1024;

describe('sizes of items', () => {
  test.each<[string, Record<string, AttributeValue>, number]>([
    ['a string is its UTF-8 bytes and those of its name', { näme: { S: 'Köln' } }, 5 + 5],
    ['a number is a byte per two significant digits and one more', { n: { N: '12345' } }, 1 + 3 + 1],
    ['zeros at both ends of a number are not stored', { n: { N: '0012000' } }, 1 + 1 + 1],
    ['a number may have a point, a sign and an exponent', { n: { N: '-1.25e10' } }, 1 + 2 + 1],
    ['zero is one byte', { n: { N: '0' } }, 1 + 1],
    ['bytes are counted raw, not as Base64', { b: { B: Buffer.alloc(300) } }, 1 + 300],
    ['a Boolean and a null are one byte', { yes: { BOOL: false }, no: { NULL: true } }, 3 + 1 + 2 + 1],
    ['an empty list is three bytes', { l: { L: [] } }, 1 + 3],
    ['an element of a list is one byte more', { l: { L: [{ S: 'abc' }, { N: '7' }] } }, 1 + 3 + 4 + 3],
    ['a map counts the names in it', { m: { M: { ab: { S: 'cde' } } } }, 1 + 3 + 1 + 2 + 3],
    ['a set is its elements', { s: { SS: ['ab', 'c'] }, t: { NS: ['1', '2'] } }, 1 + 3 + 1 + 4],
  ])('%s', (_, item, bytes) => {
    expect(itemBytes(item)).toBe(bytes);
  });
});

/** A client whose service gives prepared answers: the status and the JSON body of each call. */
function clientAnswering(answers: readonly (readonly [number, object])[]): DynamoDBClient {
  const left = [...answers];
  return new DynamoDBClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    retryMode: 'standard',
    requestHandler: {
      handle: () => {
        const [statusCode, body] = left.shift() ?? [500, {}];
        const headers = { 'content-type': 'application/x-amz-json-1.0' };
        return Promise.resolve({
          response: { statusCode, headers, body: Buffer.from(JSON.stringify(body)) },
        });
      },
    },
  });
}

const CONFLICT = { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException' };

/** An item of exactly that many bytes. */
function itemOf(number: number, bytes: number): Record<string, AttributeValue> {
  const item = { bucket: { S: 'b' }, number: { N: String(number) }, packed: { B: Buffer.alloc(0) } };
  return { ...item, packed: { B: Buffer.alloc(bytes - itemBytes(item)) } };
}

describe('the meter', () => {
  let meter: DynamoMeter;

  beforeEach(() => {
    meter = new DynamoMeter({
      claims: { partition: 'bucket', sort: 'number' },
      ledger: { partition: 'lane' },
    });
  });

  function attached(answers: readonly (readonly [number, object])[]): DynamoDBClient {
    const client = clientAnswering(answers);
    meter.attach(client);
    return client;
  }

  test('bills a put by the item, and one that replaces by the larger of the two', async () => {
    const client = attached([
      [200, {}],
      [200, {}],
    ]);
    await client.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, 80 * KB) }));
    expect(meter.consumed('claims').writeUnits).toBe(80);
    await client.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, 2 * KB) }));
    expect(meter.consumed('claims').writeUnits).toBe(160);
  });

  test('bills a put whose condition failed by the larger of the item that is there and the new one', async () => {
    const client = attached([
      [200, {}],
      [400, CONFLICT],
      [400, CONFLICT],
    ]);
    const put = (bytes: number) =>
      client.send(
        new PutItemCommand({
          TableName: 'claims',
          Item: itemOf(1, bytes),
          ConditionExpression: 'attribute_not_exists(#b)',
          ExpressionAttributeNames: { '#b': 'bucket' },
        }),
      );
    await put(10 * KB);
    await expect(put(KB)).rejects.toThrow();
    expect(meter.consumed('claims')).toMatchObject({ writeUnits: 20, conflicts: 1 });
    await expect(put(30 * KB)).rejects.toThrow();
    expect(meter.consumed('claims')).toMatchObject({ writeUnits: 50, conflicts: 2 });
  });

  test('learns the size of an item that another client wrote when its writer has the answer', async () => {
    let answer: (value: [number, object]) => void = () => undefined;
    const slow = new DynamoDBClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: {
        handle: async () => {
          const [statusCode, body] = await new Promise<[number, object]>((resolve) => (answer = resolve));
          return { response: { statusCode, headers: {}, body: Buffer.from(JSON.stringify(body)) } };
        },
      },
    });
    meter.attach(slow);
    const quick = attached([
      [200, { Items: [{ number: { N: '1' } }] }],
      [400, CONFLICT],
    ]);
    const writing = slow.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, 9 * KB) }));
    await quick.send(
      new QueryCommand({
        TableName: 'claims',
        ConsistentRead: true,
        KeyConditionExpression: '#bucket = :bucket AND #number > :after',
        ExpressionAttributeNames: { '#bucket': 'bucket', '#number': 'number' },
        ExpressionAttributeValues: { ':bucket': { S: 'b' }, ':after': { N: '0' } },
      }),
    );
    await expect(
      quick.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, KB) })),
    ).rejects.toThrow();
    expect(() => meter.consumed('claims')).toThrow('items were read that nobody wrote');
    answer([200, {}]);
    await writing;
    expect(meter.consumed('claims')).toEqual({ calls: 3, writeUnits: 18, readUnits: 3, conflicts: 1 });
  });

  test('bills a page of a query by the sum of its whole items: ten of 40.8 KB together are 11 units', async () => {
    const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
    const client = attached([
      ...numbers.map(() => [200, {}] as const),
      // What a projection returns is not what is billed.
      [200, { Items: numbers.map((number) => ({ number: { N: String(number) } })) }],
      [200, { Items: [] }],
    ]);
    for (const number of numbers) {
      const Item = itemOf(number, Math.floor(4.08 * KB));
      await client.send(new PutItemCommand({ TableName: 'claims', Item }));
    }
    const query = new QueryCommand({
      TableName: 'claims',
      ConsistentRead: true,
      KeyConditionExpression: 'bucket = :bucket',
      ProjectionExpression: '#number',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: { ':bucket': { S: 'b' } },
    });
    await client.send(query);
    expect(meter.consumed('claims').readUnits).toBe(11);
    await client.send(query);
    expect(meter.consumed('claims').readUnits).toBe(12);
  });

  test('rounds each item of a BatchGetItem: 1.5 KB and 6.5 KB are 3 units', async () => {
    const client = attached([
      [200, {}],
      [200, {}],
      [200, { Responses: { claims: [] } }],
      [200, {}],
    ]);
    await client.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, 1.5 * KB) }));
    await client.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(2, 6.5 * KB) }));
    const keyOf = (number: string) => ({ bucket: { S: 'b' }, number: { N: number } });
    const Keys = [keyOf('1'), keyOf('2')];
    await client.send(new BatchGetItemCommand({ RequestItems: { claims: { Keys, ConsistentRead: true } } }));
    expect(meter.consumed('claims').readUnits).toBe(3);
    await client.send(new GetItemCommand({ TableName: 'claims', Key: keyOf('2') }));
    expect(meter.consumed('claims').readUnits).toBe(4);
  });

  test('bills an update by the larger of the item before and after, and a deletion by what it removes', async () => {
    const client = attached([
      [200, {}],
      [200, {}],
      [200, {}],
    ]);
    const update = (expression: string, values?: Record<string, AttributeValue>) =>
      client.send(
        new UpdateItemCommand({
          TableName: 'ledger',
          Key: { lane: { S: 'l' } },
          UpdateExpression: expression,
          ExpressionAttributeNames: { '#intent': 'intent' },
          ...(values && { ExpressionAttributeValues: values }),
        }),
      );
    await update('SET #intent = :intent', { ':intent': { B: Buffer.alloc(2.5 * KB) } });
    expect(meter.consumed('ledger').writeUnits).toBe(3);
    await update('REMOVE #intent');
    expect(meter.consumed('ledger').writeUnits).toBe(6);
    await client.send(new DeleteItemCommand({ TableName: 'ledger', Key: { lane: { S: 'l' } } }));
    expect(meter.consumed('ledger').writeUnits).toBe(7);
  });

  test('bills transactions twice', async () => {
    const client = attached([[200, {}]]);
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName: 'claims', Item: itemOf(1, 2 * KB) } },
          {
            Update: {
              TableName: 'ledger',
              Key: { lane: { S: 'l' } },
              UpdateExpression: 'SET commits = if_not_exists(commits, :zero) + :one, #to = :to REMOVE intent',
              ExpressionAttributeNames: { '#to': 'to' },
              ExpressionAttributeValues: {
                ':zero': { N: '0' },
                ':one': { N: '1' },
                ':to': { S: 'x'.repeat(KB) },
              },
            },
          },
        ],
      }),
    );
    expect(meter.consumed('claims').writeUnits).toBe(4);
    expect(meter.consumed('ledger').writeUnits).toBe(4);
  });

  test('bills every attempt that the SDK makes, and nothing for one that was refused', async () => {
    const client = attached([
      [500, { __type: 'InternalServerError' }],
      [200, {}],
    ]);
    await client.send(new PutItemCommand({ TableName: 'claims', Item: itemOf(1, KB) }));
    expect(meter.consumed('claims')).toEqual({ calls: 2, writeUnits: 1, readUnits: 0, conflicts: 0 });
  });

  test('refuses to give figures after an update that it does not understand', async () => {
    const client = attached([[200, {}]]);
    const update = { TableName: 'ledger', Key: { lane: { S: 'l' } }, UpdateExpression: 'ADD n :n' };
    await client.send(new UpdateItemCommand(update));
    expect(() => meter.consumed('ledger')).toThrow('a call was not metered');
  });

  test('refuses to give figures after a call of a table that it was not told of', async () => {
    const client = attached([[200, {}]]);
    await client.send(new GetItemCommand({ TableName: 'others', Key: { id: { S: 'x' } } }));
    expect(() => meter.consumed('ledger')).toThrow('a call was not metered');
  });
});
