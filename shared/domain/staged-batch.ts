import { readFrame, writeFrame, type Frame, type FrameHeader, type FrameRecord } from './frame.ts';
import { RejectedError } from './errors.ts';

/*
 * A batch as it is staged: 4 bytes length of the position (little endian), the lane's position after the batch (UTF-8),
 * and the frame of its records, which is absent when there are none.
 */

const LENGTH_BYTES = 4;

export interface StagedBatch {
  /** Position of the lane after the batch. */
  readonly to: string;
  readonly frame: Frame | undefined;
}

/** Writes a batch. */
export function writeStagedBatch(to: string, header: FrameHeader, records: readonly FrameRecord[]): Buffer {
  const position = Buffer.from(to);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(position.length);
  return Buffer.concat([length, position, ...(records.length === 0 ? [] : [writeFrame(header, records)])]);
}

/**
 * Reads a batch.
 *
 * @throws RejectedError when the bytes are not a batch that this version can read
 */
export function readStagedBatch(input: Uint8Array): StagedBatch {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const frameAt = bytes.length < LENGTH_BYTES ? Infinity : LENGTH_BYTES + bytes.readUInt32LE(0);
  if (frameAt > bytes.length)
    throw new RejectedError('UNREADABLE_BATCH', 'unreadable staged batch: it is cut off');
  return {
    to: bytes.toString('utf8', LENGTH_BYTES, frameAt),
    frame: frameAt === bytes.length ? undefined : readFrame(bytes.subarray(frameAt)),
  };
}
