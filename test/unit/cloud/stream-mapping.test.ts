import { expect, test } from 'vitest';
import { toStreamMapping } from '../../../cloud/event-source-poller/stream-mapping.ts';

const kinesis = {
  UUID: 'u',
  EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
  FunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:consumer',
  StartingPosition: 'TRIM_HORIZON' as const,
};

test('a mapping without settings has the defaults of AWS', () => {
  expect(toStreamMapping(kinesis)).toEqual({
    uuid: 'u',
    streamArn: kinesis.EventSourceArn,
    functionArn: kinesis.FunctionArn,
    startingPosition: 'TRIM_HORIZON',
    batchSize: 100,
    windowMs: 0,
    bisectsOnError: false,
    maxRetries: Infinity,
    maxRecordAgeMs: Infinity,
    reportsItemFailures: false,
    onFailureArn: undefined,
  });
});

test('every setting is read', () => {
  const mapping = toStreamMapping({
    ...kinesis,
    BatchSize: 500,
    MaximumBatchingWindowInSeconds: 5,
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 0,
    MaximumRecordAgeInSeconds: 60,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::lake' } },
  });
  expect(mapping).toMatchObject({
    batchSize: 500,
    windowMs: 5000,
    bisectsOnError: true,
    maxRetries: 0,
    maxRecordAgeMs: 60_000,
    reportsItemFailures: true,
    onFailureArn: 'arn:aws:s3:::lake',
  });
});

test('-1 means that there is no limit', () => {
  const mapping = toStreamMapping({ ...kinesis, MaximumRetryAttempts: -1, MaximumRecordAgeInSeconds: -1 });
  expect(mapping).toMatchObject({ maxRetries: Infinity, maxRecordAgeMs: Infinity });
});

test('mappings of other sources are not the poller’s', () => {
  expect(
    toStreamMapping({ ...kinesis, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:queue' }),
  ).toBeUndefined();
});

test.each([
  [{ ParallelizationFactor: 2 }, /ParallelizationFactor 2.*Allowed there: 1\./s],
  [{ StartingPosition: 'AT_TIMESTAMP' as const }, /StartingPosition AT_TIMESTAMP.*TRIM_HORIZON, LATEST/s],
  [
    { DestinationConfig: { OnFailure: { Destination: 'arn:aws:sns:us-east-1:0:topic' } } },
    /OnFailure arn:aws:sns.*S3 bucket, an SQS queue/s,
  ],
])('a setting that the poller does not have is refused by name: %j', (settings, message) => {
  expect(() => toStreamMapping({ ...kinesis, ...settings })).toThrow(message);
});
