import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SSMClient } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import {
  DEFAULT_RETRY_POLICY,
  LANDING_TIMEOUTS,
  type CallTimeouts,
  type RetryPolicy,
} from '../../domain/backoff.ts';
import { meterCalls } from './meter-calls.ts';
import { PolicyRetryStrategy } from './retry-strategy.ts';
import type { UsageMeter } from './usage-meter.ts';

/** Where to connect to; what is not given comes from the environment (AWS_REGION, AWS_ENDPOINT_URL, credentials). */
export interface ConnectOptions {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** How long calls may take; those of functions that land records by default. */
  readonly timeouts?: CallTimeouts;
  /** Counts what its calls are billed as. */
  readonly meter?: UsageMeter | undefined;
}

/** A connection that is not there after a second will not come; it is cheaper to try another. */
const CONNECTION_TIMEOUT_MS = 1_000;
/**
 * More than anybody asks for at once: the time-outs begin before a call has a connection, so one that waits for its turn
 * behind slow ones would fail although nothing is wrong with it.
 */
const MAX_CONNECTIONS = 512;

/** For claims, ledger, requests and write keys. Every write of the adapters may be repeated: see the ports' promises. */
export function createDynamoDbClient(options: ConnectOptions = {}): DynamoDBClient {
  return metered(new DynamoDBClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/** For the lake. */
export function createS3Client(options: ConnectOptions = {}): S3Client {
  return metered(new S3Client(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/**
 * For the frame bus, over HTTP/1.1. It makes one attempt: the bus repeats what failed itself, by the same policy,
 * because it alone knows which entries those are and how much time is left.
 */
export function createKinesisClient(options: ConnectOptions = {}): KinesisClient {
  return metered(new KinesisClient(toConfig(options, { ...DEFAULT_RETRY_POLICY, maxAttempts: 1 })), options);
}

/** For work that is left to other invocations. */
export function createSqsClient(options: ConnectOptions = {}): SQSClient {
  return metered(new SQSClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/** For an operator who calls functions, over HTTP/1.1. A call is made once: a repeated one would be a second run. */
export function createLambdaClient(options: ConnectOptions = {}): LambdaClient {
  return new LambdaClient(toConfig(options, { ...DEFAULT_RETRY_POLICY, maxAttempts: 1 }));
}

/** For schedules. */
export function createSchedulerClient(options: ConnectOptions = {}): SchedulerClient {
  return metered(new SchedulerClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/** For parameters. */
export function createCloudWatchClient(options: ConnectOptions = {}): CloudWatchClient {
  return metered(new CloudWatchClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

export function createSsmClient(options: ConnectOptions = {}): SSMClient {
  return metered(new SSMClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/** For what the logs say. */
export function createLogsClient(options: ConnectOptions = {}): CloudWatchLogsClient {
  return metered(new CloudWatchLogsClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

/** For events. */
export function createEventBridgeClient(options: ConnectOptions = {}): EventBridgeClient {
  return metered(new EventBridgeClient(toConfig(options, DEFAULT_RETRY_POLICY)), options);
}

function metered<Client extends { readonly middlewareStack: unknown }>(
  client: Client,
  { meter }: ConnectOptions,
): Client {
  if (meter !== undefined) meterCalls(client, meter);
  return client;
}

function toConfig({ timeouts = LANDING_TIMEOUTS, ...options }: ConnectOptions, policy: RetryPolicy) {
  return {
    ...options,
    maxAttempts: policy.maxAttempts,
    retryStrategy: new PolicyRetryStrategy(policy, timeouts),
    requestHandler: new NodeHttpHandler({
      httpAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: timeouts.attemptMs,
      // An answer that has begun and stalls is no better than none.
      socketTimeout: timeouts.attemptMs,
      // Otherwise the SDK only logs a warning and goes on waiting.
      throwOnRequestTimeout: true,
    }),
  };
}
