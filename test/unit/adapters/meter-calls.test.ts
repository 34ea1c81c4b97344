import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDynamoDbClient, createS3Client } from '../../../shared/adapters/aws/clients.ts';
import { UsageMeter } from '../../../shared/adapters/aws/usage-meter.ts';

let server: Server;
let endpoint: string;
let bodies: string[];
/** Status codes of the answers, in order; then 200. */
let statuses: number[];

beforeEach(async () => {
  bodies = [];
  statuses = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = statuses.shift() ?? 200;
      const isDynamo = request.headers['x-amz-target'] !== undefined;
      response.end(isDynamo ? '{"Item":{},"ConsumedCapacity":{"CapacityUnits":3}}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const connection = (meter: UsageMeter): object => ({
  meter,
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

test('every attempt that was served is billed, also one that the SDK repeats, and one that was refused is not', async () => {
  const meter = new UsageMeter();
  const s3 = createS3Client(connection(meter));
  // A conflict is repeated and billed, a busy service is repeated and not billed.
  statuses = [409, 503];
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'x' })).catch(() => undefined);
  s3.destroy();
  expect(bodies.length).toBeGreaterThanOrEqual(1);
  expect(meter.take().usage).toEqual({ s3Put: bodies.length - (statuses.length === 0 ? 1 : 0) });
});

test('DynamoDB is asked what a call consumes, and that counts', async () => {
  const meter = new UsageMeter();
  const dynamodb = createDynamoDbClient(connection(meter));
  await dynamodb.send(new GetItemCommand({ TableName: 't', Key: { k: { S: 'x' } } }));
  dynamodb.destroy();
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ ReturnConsumedCapacity: 'TOTAL' });
  expect(meter.take().usage).toEqual({ dynamoReadUnit: 3 });
});

test('a client without a meter sends what it is given', async () => {
  const { meter: _meter, ...options } = connection(new UsageMeter()) as { meter: UsageMeter };
  const dynamodb = createDynamoDbClient(options);
  await dynamodb.send(new GetItemCommand({ TableName: 't', Key: { k: { S: 'x' } } }));
  dynamodb.destroy();
  expect(JSON.parse(bodies[0] ?? '')).toEqual({ TableName: 't', Key: { k: { S: 'x' } } });
});
