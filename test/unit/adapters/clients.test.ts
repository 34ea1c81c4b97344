import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { describe, expect, test } from 'vitest';
import {
  createDynamoDbClient,
  createKinesisClient,
  createS3Client,
  createSsmClient,
} from '../../../shared/adapters/aws/clients.ts';
import { translateError } from '../../../shared/adapters/aws/translate-error.ts';
import { LANDING_TIMEOUTS, OPERATOR_TIMEOUTS } from '../../../shared/domain/backoff.ts';
import { TransientError } from '../../../shared/domain/errors.ts';

/** Nothing listens there. */
const CONNECTION = {
  region: 'eu-central-1',
  endpoint: 'http://127.0.0.1:1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

const CLIENTS = [
  ['DynamoDB', 5, createDynamoDbClient, new DescribeTableCommand({ TableName: 't' })],
  ['S3', 5, createS3Client, new HeadBucketCommand({ Bucket: 'b' })],
  ['Kinesis', 1, createKinesisClient, new DescribeStreamSummaryCommand({ StreamName: 's' })],
  ['SSM', 5, createSsmClient, new GetParameterCommand({ Name: '/a' })],
] as const;

describe.each(CLIENTS)('client of %s', (_, maxAttempts, create, command) => {
  test('a call ends: time-outs are errors, and attempts are bounded', async () => {
    const client = create(CONNECTION);
    const failure = await (client as unknown as { send(command: unknown): Promise<unknown> })
      .send(command)
      .catch((error: unknown) => translateError(error, { operation: 'Call', resource: 'it' }));
    expect(failure).toBeInstanceOf(TransientError);
    const handler = client.config.requestHandler;
    // HTTP/2, which is Kinesis' default, has neither a connection time-out nor an error at a time-out.
    expect(handler).toBeInstanceOf(NodeHttpHandler);
    expect((handler as NodeHttpHandler).httpHandlerConfigs()).toMatchObject({
      connectionTimeout: 1_000,
      requestTimeout: LANDING_TIMEOUTS.attemptMs,
      socketTimeout: LANDING_TIMEOUTS.attemptMs,
      throwOnRequestTimeout: true,
    });
    expect(await client.config.maxAttempts()).toBe(maxAttempts);
  });

  test('calls that wait for others do not use up their time for a connection', async () => {
    let calls = 0;
    const server = createServer((request, response) => {
      calls++;
      request.resume();
      setTimeout(() => response.writeHead(400).end(), 1_100);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const client = create({ ...CONNECTION, endpoint: `http://127.0.0.1:${String(port)}` });
      const send = () => (client as unknown as { send(command: unknown): Promise<unknown> }).send(command);
      const answers = await Promise.allSettled(Array.from({ length: 250 }, send));
      const timeOuts = answers.filter(
        (answer) => answer.status === 'rejected' && (answer.reason as Error).name === 'TimeoutError',
      );
      expect({ timeOuts: timeOuts.length, calls }).toEqual({ timeOuts: 0, calls: 250 });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('the region is taken from the options', async () => {
    expect(await create(CONNECTION).config.region()).toBe('eu-central-1');
  });
});

test.each([
  [{ attemptMs: 250, callMs: 500 }, 'TimeoutError'],
  [OPERATOR_TIMEOUTS, 'sent'],
])(
  'the time of an attempt includes its upload, so that an operator on a slow line needs more (%j)',
  async (timeouts, expected) => {
    const server = createServer((request, response) => {
      setTimeout(() => request.resume(), 500);
      request.on('end', () => response.end()).on('error', () => undefined);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const s3 = createS3Client({ ...CONNECTION, endpoint: `http://127.0.0.1:${String(port)}`, timeouts });
      const put = new PutObjectCommand({ Bucket: '127', Key: 'k', Body: Buffer.alloc(20_000_000) });
      const outcome = await s3.send(put).then(
        () => 'sent',
        (error: unknown) => (error as Error).name,
      );
      expect(outcome).toBe(expected);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);
