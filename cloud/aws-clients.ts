import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REGION } from './account.ts';

/** Clients of the embedded cloud's services. */
export interface AwsClients {
  /** Where the services are, a URL. */
  readonly endpoint: string;
  readonly cloudFormation: CloudFormationClient;
  readonly dynamodb: DynamoDBClient;
  readonly kinesis: KinesisClient;
  readonly lambda: LambdaClient;
  /** Makes each call once: a repeated invocation would be a second delivery. */
  readonly invoke: LambdaClient;
  readonly s3: S3Client;
  readonly scheduler: SchedulerClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
  /** Closes all connections. */
  destroy(): void;
}

/** What a process needs in its environment for its AWS clients to reach the embedded cloud. */
export function toCloudEnv(endpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
  };
}

/** Creates clients for an endpoint; nothing is read from the environment. */
export function createAwsClients(endpoint: string): AwsClients {
  const options = {
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    // HTTP/1.1 everywhere: the emulator drops calls over HTTP/2, which is the default of the Kinesis client.
    requestHandler: new NodeHttpHandler(),
  };
  const clients = {
    cloudFormation: new CloudFormationClient(options),
    dynamodb: new DynamoDBClient(options),
    kinesis: new KinesisClient(options),
    lambda: new LambdaClient(options),
    invoke: new LambdaClient({ ...options, maxAttempts: 1 }),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    scheduler: new SchedulerClient(options),
    sqs: new SQSClient(options),
    ssm: new SSMClient(options),
  };
  return {
    endpoint,
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
