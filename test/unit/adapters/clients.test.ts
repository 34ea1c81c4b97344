import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
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
import { LANDING_TIMEOUTS } from '../../../shared/domain/backoff.ts';
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

  test('the region is taken from the options', async () => {
    expect(await create(CONNECTION).config.region()).toBe('eu-central-1');
  });
});
