import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createDynamoDbClient,
  createS3Client,
  type ConnectOptions,
} from '../../../shared/adapters/aws/clients.ts';
import { UsageMeter } from '../../../shared/adapters/aws/usage-meter.ts';

/** The connection ends without an answer. */
const RESET = 0;

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
      const status = statuses.shift() ?? 200;
      if (status === RESET) {
        request.socket.destroy();
        return;
      }
      response.statusCode = status;
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

const connection = (meter?: UsageMeter): ConnectOptions => ({
  meter,
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

test.each([
  ['an attempt that a busy service refuses is free, and its repetition is billed', 503, 1],
  ['an attempt that is not answered may have been served: it is billed, and its repetition again', RESET, 2],
])('%s', async (_name, status, expected) => {
  const meter = new UsageMeter();
  const s3 = createS3Client(connection(meter));
  statuses = [status];
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'x' }));
  s3.destroy();
  expect(bodies).toHaveLength(2);
  expect(meter.take().usage).toEqual({ s3Put: expected });
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
  const dynamodb = createDynamoDbClient(connection());
  await dynamodb.send(new GetItemCommand({ TableName: 't', Key: { k: { S: 'x' } } }));
  dynamodb.destroy();
  expect(JSON.parse(bodies[0] ?? '')).toEqual({ TableName: 't', Key: { k: { S: 'x' } } });
});
