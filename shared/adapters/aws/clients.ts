import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** Where to connect to; what is not given comes from the environment (AWS_REGION, AWS_ENDPOINT_URL, credentials). */
export interface ConnectOptions {
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** A connection that is not there after a second will not come; it is cheaper to try another. */
const CONNECTION_TIMEOUT_MS = 1_000;
/** Below the functions' own time-out of 25 s and above, so that a hanging call ends as an error that can be handled. */
const REQUEST_TIMEOUT_MS = 20_000;
/** Calls in all. Every write of the adapters may be repeated: see the promises of the ports. */
const MAX_ATTEMPTS = 4;

/** For claims, ledger, requests and write keys. */
export function createDynamoDbClient(options: ConnectOptions = {}): DynamoDBClient {
  return new DynamoDBClient({ ...options, maxAttempts: MAX_ATTEMPTS, requestHandler: createHttpHandler() });
}

/** For the lake. */
export function createS3Client(options: ConnectOptions = {}): S3Client {
  return new S3Client({ ...options, maxAttempts: MAX_ATTEMPTS, requestHandler: createHttpHandler() });
}

/**
 * For the frame bus, over HTTP/1.1. It makes one attempt: the bus repeats what failed itself, because it alone knows
 * which entries those are and how much time is left.
 */
export function createKinesisClient(options: ConnectOptions = {}): KinesisClient {
  return new KinesisClient({ ...options, maxAttempts: 1, requestHandler: createHttpHandler() });
}

/** For parameters. */
export function createSsmClient(options: ConnectOptions = {}): SSMClient {
  return new SSMClient({ ...options, maxAttempts: MAX_ATTEMPTS, requestHandler: createHttpHandler() });
}

/** Without `throwOnRequestTimeout` the SDK only logs a warning and goes on waiting. */
function createHttpHandler(): NodeHttpHandler {
  return new NodeHttpHandler({
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
  });
}
