import { randomUUID } from 'node:crypto';
import type { DiscardCondition, InvocationRecord } from './invocation-record.ts';
import type { FailurePath, InvocationOutcome, StreamRecord } from './ports.ts';
import { toEvent } from './to-event.ts';
import type { StreamMapping } from './stream-mapping.ts';

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
