import type { OutgoingFrame } from '../../ports/frame-bus.ts';

/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_CHUNK_FRAMES = 500;
const MAX_CHUNK_BYTES = 5 * 1024 * 1024;
/** The default size limit of one record of a stream, partition key included. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** Bytes that a frame counts for: its data and its partition key. */
export function sizeOf({ bytes, partitionKey }: OutgoingFrame): number {
  return bytes.length + Buffer.byteLength(partitionKey);
}

/**
 * Which of the waiting frames go into the next PutRecords call: the first of each partition key, as many as one call
 * takes. Every frame must fit by itself.
 *
 * @param waiting indices of `frames`, ascending, at least one
 */
export function chunkFrames(frames: readonly OutgoingFrame[], waiting: readonly number[]): number[] {
  const chunk: number[] = [];
  const keys = new Set<string>();
  let bytes = 0;
  for (const index of waiting) {
    const frame = frames[index];
    if (frame === undefined || keys.has(frame.partitionKey)) continue;
    keys.add(frame.partitionKey);
    if (bytes + sizeOf(frame) > MAX_CHUNK_BYTES) continue;
    bytes += sizeOf(frame);
    chunk.push(index);
    if (chunk.length === MAX_CHUNK_FRAMES) break;
  }
  return chunk;
}
