import type { StreamMapping } from '../../../cloud/event-source-poller/stream-mapping.ts';

/** A mapping that reports item failures, without limits, with some settings replaced. */
export function streamMapping(settings: Partial<StreamMapping>): StreamMapping {
  return {
    uuid: 'f39c4b17-388e-4cf1-b1a4-c1a486bbcbd4',
    streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:consumer',
    startingPosition: 'TRIM_HORIZON',
    batchSize: 10,
    windowMs: 0,
    bisectsOnError: false,
    maxRetries: Infinity,
    maxRecordAgeMs: Infinity,
    reportsItemFailures: true,
    onFailureArn: 'arn:aws:s3:::lake',
    ...settings,
  };
}
