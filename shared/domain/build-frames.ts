import { RecordFlag, writeFrame, type FrameHeader, type FrameRecord } from './frame.ts';
import { partitionNumber, type PartitionUnit } from './object-key.ts';

/**
 * Largest frame: a Kinesis record is at most 1 MiB with its partition key, and must stay below what a Lambda
 * invocation can receive.
 */
const MAX_FRAME_BYTES = 900_000;
/** Most raw bytes of records in one frame, which bounds the memory of its readers. */
const MAX_FRAME_RAW_BYTES = 8 * 1024 * 1024;
/**
 * Most partitions that the records of one frame fall into. A frame is committed as a whole with a file for each: with
 * thousands of them (a backfill of old events) it would not be done within a function's time, and block its shard.
 */
const MAX_FRAME_PARTITIONS = 500;
/** The next frame is filled to this share of what the last one's compression would allow. */
const FILL = 0.8;

/** A frame and the records in it. */
interface BuiltFrame {
  readonly frameId: string;
  readonly bytes: Buffer;
  /** Indices of its records in the input, in order. */
  readonly indices: readonly number[];
}

/** Every record of the input is in exactly one frame, or too large for any. */
export interface BuiltFrames {
  readonly frames: readonly BuiltFrame[];
  /** Indices of the records that do not fit a frame even alone. */
  readonly tooLarge: readonly number[];
}

/** Bounds of a frame. */
interface FrameBounds {
  readonly maxFrameBytes: number;
  readonly maxRawBytes: number;
  readonly maxPartitions: number;
}

const DEFAULT_BOUNDS: FrameBounds = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxRawBytes: MAX_FRAME_RAW_BYTES,
  maxPartitions: MAX_FRAME_PARTITIONS,
};

/**
 * Puts records into as few frames as fit the transport and the consumer, in order. The same input gives the same frames,
 * whenever it was received; the id of frame n is `<header.frameId>-<n>`.
 *
 * @param partition how the source is partitioned
 */
export function buildFrames(
  header: FrameHeader,
  records: readonly FrameRecord[],
  partition: PartitionUnit,
  bounds = DEFAULT_BOUNDS,
): BuiltFrames {
  const frames: BuiltFrame[] = [];
  const tooLarge: number[] = [];
  let targetRawBytes = bounds.maxRawBytes;
  let from = 0;
  while (from < records.length) {
    let to = from;
    let rawBytes = 0;
    const partitions = new Set<number>();
    for (const record of records.slice(from)) {
      // Violations go to quarantine, whatever their time.
      if (record.flag !== RecordFlag.violation)
        partitions.add(partitionNumber(partition, record.eventTimeMs));
      const isFull =
        rawBytes + record.bytes.length > targetRawBytes || partitions.size > bounds.maxPartitions;
      if (isFull && to > from) break;
      rawBytes += record.bytes.length;
      to++;
    }
    const frameId = `${header.frameId}-${String(frames.length)}`;
    const bytes = writeFrame({ ...header, frameId }, records.slice(from, to));
    const ratio = rawBytes / bytes.length;
    if (bytes.length <= bounds.maxFrameBytes) {
      frames.push({ frameId, bytes, indices: Array.from({ length: to - from }, (_, i) => from + i) });
      from = to;
      targetRawBytes = Math.min(
        bounds.maxRawBytes,
        Math.max(targetRawBytes, bounds.maxFrameBytes * ratio * FILL),
      );
    } else if (to - from === 1) {
      tooLarge.push(from);
      from = to;
    } else {
      // It shrinks by half at least, so that records that hardly compress cannot keep it going.
      targetRawBytes = Math.min(rawBytes / 2, bounds.maxFrameBytes * ratio * FILL);
    }
  }
  return { frames, tooLarge };
}
