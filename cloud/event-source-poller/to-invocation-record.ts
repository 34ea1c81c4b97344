import { randomUUID } from 'node:crypto';
import type { DiscardCondition } from './plan-next.ts';
import type { FailurePath, InvocationOutcome, StreamRecord } from './ports.ts';
import { toEvent } from './to-event.ts';
import type { StreamMapping } from './stream-mapping.ts';

/**
 * The document about a discarded batch, as AWS sends it to an on-failure destination. Only an S3 destination gets
 * `payload`, the whole event as a JSON string.
 * https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
 */
export interface InvocationRecord {
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: DiscardCondition;
    readonly approximateInvokeCount: number;
  };
  readonly responseContext: {
    readonly statusCode: number;
    readonly executedVersion: string;
    readonly functionError?: string;
  };
  readonly version: '1.0';
  readonly timestamp: string;
  readonly KinesisBatchInfo: {
    readonly shardId: string;
    readonly startSequenceNumber: string;
    readonly endSequenceNumber: string;
    readonly approximateArrivalOfFirstRecord: string;
    readonly approximateArrivalOfLastRecord: string;
    readonly batchSize: number;
    readonly streamArn: string;
  };
  readonly payload: string;
}

/** A batch that is given up. */
export interface DiscardedBatch {
  readonly shardId: string;
  /** Not empty. */
  readonly records: readonly StreamRecord[];
  readonly condition: DiscardCondition;
  readonly invocations: number;
  /** How the last invocation ended; undefined if there was none. */
  readonly outcome: InvocationOutcome | undefined;
  readonly atMs: number;
}

/** Describes a discarded batch. */
export function toInvocationRecord(mapping: StreamMapping, batch: DiscardedBatch): InvocationRecord {
  const { shardId, records, condition, invocations, outcome, atMs } = batch;
  const [first] = records;
  const last = records.at(-1);
  if (first === undefined || last === undefined)
    throw new RangeError('a discarded batch has at least one record');
  return {
    requestContext: {
      requestId: randomUUID(),
      functionArn: mapping.functionArn,
      condition,
      approximateInvokeCount: invocations,
    },
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      ...(outcome?.kind === 'function-error' && { functionError: outcome.functionError }),
    },
    version: '1.0',
    timestamp: new Date(atMs).toISOString(),
    KinesisBatchInfo: {
      shardId,
      startSequenceNumber: first.sequenceNumber,
      endSequenceNumber: last.sequenceNumber,
      approximateArrivalOfFirstRecord: new Date(first.arrivedAtMs).toISOString(),
      approximateArrivalOfLastRecord: new Date(last.arrivedAtMs).toISOString(),
      batchSize: records.length,
      streamArn: mapping.streamArn,
    },
    payload: JSON.stringify(toEvent(mapping, shardId, records)),
  };
}

/** The key that Lambda gives to an invocation record in an S3 destination. */
export function toFailureKey({ mappingUuid, shardId, atMs }: FailurePath): string {
  const [date = '', time = ''] = new Date(atMs).toISOString().split('T');
  const day = date.replaceAll('-', '/');
  const clock = time.slice(0, 8).replaceAll(':', '.');
  return `aws/lambda/${mappingUuid}/${shardId}/${day}/${date}T${clock}-${randomUUID()}`;
}
