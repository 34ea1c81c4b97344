import type { EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { CloudError } from '../cloud-error.ts';

/** A Kinesis event-source mapping; limits that are off are Infinity. */
export interface StreamMapping {
  readonly uuid: string;
  readonly streamArn: string;
  readonly functionArn: string;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** Most records of one invocation. */
  readonly batchSize: number;
  /** How long to gather records before an invocation; 0 = invoke with what is there. */
  readonly windowMs: number;
  readonly bisectsOnError: boolean;
  readonly maxRetries: number;
  readonly maxRecordAgeMs: number;
  /** Whether the function's answer is read as a partial batch response. */
  readonly reportsItemFailures: boolean;
  /** Where discarded batches go: an S3 bucket or an SQS queue. */
  readonly onFailureArn: string | undefined;
}

const DEFAULT_BATCH_SIZE = 100;

/**
 * Reads a mapping as the Lambda API describes it; undefined if its source is no Kinesis stream.
 *
 * @throws CloudError for settings whose meaning the poller does not have
 */
export function toStreamMapping(configuration: EventSourceMappingConfiguration): StreamMapping | undefined {
  const { EventSourceArn: streamArn, FunctionArn: functionArn, UUID: uuid } = configuration;
  if (streamArn?.startsWith('arn:aws:kinesis:') !== true || functionArn === undefined || uuid === undefined)
    return undefined;
  const startingPosition = configuration.StartingPosition ?? 'LATEST';
  if (startingPosition === 'AT_TIMESTAMP')
    throw unsupported(uuid, 'StartingPosition', startingPosition, 'TRIM_HORIZON, LATEST');
  const parallel = configuration.ParallelizationFactor ?? 1;
  if (parallel !== 1) throw unsupported(uuid, 'ParallelizationFactor', String(parallel), '1');
  const onFailureArn = configuration.DestinationConfig?.OnFailure?.Destination;
  if (onFailureArn !== undefined && !/^arn:aws:(s3|sqs):/.test(onFailureArn)) {
    throw unsupported(uuid, 'DestinationConfig.OnFailure', onFailureArn, 'an S3 bucket, an SQS queue');
  }
  return {
    uuid,
    streamArn,
    functionArn,
    startingPosition,
    batchSize: configuration.BatchSize ?? DEFAULT_BATCH_SIZE,
    windowMs: (configuration.MaximumBatchingWindowInSeconds ?? 0) * 1000,
    bisectsOnError: configuration.BisectBatchOnFunctionError ?? false,
    maxRetries: limit(configuration.MaximumRetryAttempts),
    maxRecordAgeMs: limit(configuration.MaximumRecordAgeInSeconds) * 1000,
    reportsItemFailures: configuration.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    onFailureArn,
  };
}

/** A limit of which -1, the default, means that there is none. */
function limit(value: number | undefined): number {
  return value === undefined || value < 0 ? Infinity : value;
}

function unsupported(uuid: string, setting: string, value: string, allowed: string): CloudError {
  return new CloudError(
    `The event-source mapping ${uuid} has ${setting} ${value}, which the embedded cloud does not have.`,
    `Allowed there: ${allowed}.`,
  );
}
