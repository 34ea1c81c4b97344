import { RejectedError } from './errors.ts';

/** What one record of a stream holds at most by default, its partition key included. */
const MAX_STREAM_RECORD_BYTES = 1024 * 1024;
const MAX_PARTITION_KEY_LENGTH = 256;

interface StreamRecord {
  readonly bytes: Uint8Array;
  readonly partitionKey: string;
}

/** Bytes that a record counts for: its data and its partition key. */
export function streamRecordBytes({ bytes, partitionKey }: StreamRecord): number {
  return bytes.length + Buffer.byteLength(partitionKey);
}

/**
 * Checks what a stream would refuse, before anything is sent.
 *
 * @throws RejectedError with code `FRAME_TOO_LARGE` or `PARTITION_KEY_INVALID`
 */
export function assertStreamRecord(record: StreamRecord, index: number): void {
  const bytes = streamRecordBytes(record);
  if (bytes > MAX_STREAM_RECORD_BYTES) {
    throw new RejectedError(
      'FRAME_TOO_LARGE',
      `frame ${String(index)} has ${String(bytes)} bytes with its partition key; a stream takes at most ` +
        `${String(MAX_STREAM_RECORD_BYTES)}: put fewer records into one frame`,
    );
  }
  const { length } = record.partitionKey;
  if (length === 0 || length > MAX_PARTITION_KEY_LENGTH) {
    throw new RejectedError(
      'PARTITION_KEY_INVALID',
      `the partition key of frame ${String(index)} has ${String(length)} characters; allowed are 1 to ` +
        String(MAX_PARTITION_KEY_LENGTH),
    );
  }
}
