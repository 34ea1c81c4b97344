import type { KinesisStreamEvent } from 'aws-lambda';
import type { StreamRecord } from './ports.ts';
import type { StreamMapping } from './stream-mapping.ts';

/** Most bytes of an invocation's payload: Lambda's quota for synchronous calls. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;
/** Bytes of a record in the event beside its data and partition key, generously. */
const RECORD_OVERHEAD_BYTES = 700;

/** The event that a function gets for these records of one shard. */
export function toEvent(
  mapping: StreamMapping,
  shardId: string,
  records: readonly StreamRecord[],
): KinesisStreamEvent {
  const awsRegion = mapping.streamArn.split(':')[3] ?? '';
  return {
    Records: records.map((record) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: record.partitionKey,
        sequenceNumber: record.sequenceNumber,
        data: toBase64(record.data),
        approximateArrivalTimestamp: record.arrivedAtMs / 1000,
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: `${shardId}:${record.sequenceNumber}`,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn: mapping.functionArn,
      awsRegion,
      eventSourceARN: mapping.streamArn,
    })),
  };
}

/** How many of the first records fit into one invocation; at least one. */
export function countFitting(records: readonly StreamRecord[], maxRecords: number): number {
  let bytes = 0;
  let count = 0;
  for (const record of records) {
    bytes += Math.ceil(record.data.length / 3) * 4 + record.partitionKey.length + RECORD_OVERHEAD_BYTES;
    if (count > 0 && (count >= maxRecords || bytes > MAX_PAYLOAD_BYTES)) break;
    count += 1;
  }
  return count;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
