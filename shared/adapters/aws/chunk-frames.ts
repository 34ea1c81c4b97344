import { streamRecordBytes } from '../../domain/stream-record.ts';
import type { OutgoingFrame } from '../../ports/frame-bus.ts';

/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_CHUNK_FRAMES = 500;
const MAX_CHUNK_BYTES = 5 * 1024 * 1024;

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
    if (bytes + streamRecordBytes(frame) > MAX_CHUNK_BYTES) continue;
    bytes += streamRecordBytes(frame);
    chunk.push(index);
    if (chunk.length === MAX_CHUNK_FRAMES) break;
  }
  return chunk;
}
