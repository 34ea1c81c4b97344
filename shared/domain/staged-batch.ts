import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { RejectedError } from './errors.ts';
import type { Origin } from './identity.ts';
import type { Attempt } from './quarantine.ts';
import type { SettledHour } from './record-counts.ts';

/*
 * A batch as it is staged:
 *
 *   offset  size  content
 *   0       4     magic "HGB" and the format version (0x01)
 *   4       4     CRC-32 of everything after this field
 *   8       4     length of the header
 *   12      h     header: JSON, UTF-8
 *   …       rest  the parts' bytes, one after the other
 *
 * Numbers are little endian.
 */

const MAGIC = Buffer.from([0x48, 0x47, 0x42, 0x01]);
const FIXED_BYTES = 12;

/** What a lane offers together, decided once. */
export interface StagedBatch {
  /** Position of the lane after the batch. */
  readonly to: string;
  readonly parts: readonly StagedPart[];
  /** What its commit settles beside its parts. */
  readonly settled?: readonly SettledHour[] | undefined;
  /** What the lane itself keeps with the batch, as text. */
  readonly about?: string | undefined;
}

/** A stream record, a pulled page, or some records of one of them. */
export interface StagedPart {
  readonly origin: Origin;
  /** Index of the part's first record inside its origin. */
  readonly firstIndex: number;
  /** See `RecordEntry`. */
  readonly claims?: 'none' | undefined;
  /** Source that the bytes belong to, where they are no frame. */
  readonly source?: string | undefined;
  /** When the records arrived, ms since the epoch. */
  readonly arrivedAtMs: number;
  /** The replay that lands records which were in quarantine. */
  readonly replayed?: Attempt | undefined;
  /** A frame, or what others have written to a stream. */
  readonly bytes: Uint8Array;
}

const headerSchema = z.object({
  to: z.string(),
  about: z.string().optional(),
  settled: z
    .array(
      z.object({
        source: z.string(),
        hour: z.int(),
        landed: z.int(),
        duplicates: z.int(),
        quarantined: z.int(),
        discarded: z.int(),
        extra: z.int(),
      }),
    )
    .optional(),
  parts: z.array(
    z.object({
      origin: z.string(),
      firstIndex: z.int().nonnegative(),
      claims: z.literal('none').optional(),
      source: z.string().optional(),
      arrivedAtMs: z.number(),
      replayed: z.object({ number: z.int(), atMs: z.number() }).optional(),
      length: z.int().nonnegative(),
    }),
  ),
});

/** Writes a batch. */
export function writeStagedBatch({ to, parts, about, settled }: StagedBatch): Buffer {
  const header: z.infer<typeof headerSchema> = {
    to,
    about,
    settled: settled?.map((hour) => ({ ...hour })),
    parts: parts.map(({ bytes, ...part }) => ({ ...part, length: bytes.length })),
  };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const fixed = Buffer.alloc(FIXED_BYTES);
  MAGIC.copy(fixed);
  fixed.writeUInt32LE(headerBytes.length, 8);
  const batch = Buffer.concat([fixed, headerBytes, ...parts.map(({ bytes }) => bytes)]);
  batch.writeUInt32LE(crc32(batch.subarray(8)), 4);
  return batch;
}

/**
 * Reads a batch.
 *
 * @throws RejectedError with code `UNREADABLE_BATCH` when the bytes are not a batch that this version can read
 */
export function readStagedBatch(input: Uint8Array): StagedBatch {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes.length < FIXED_BYTES) throw unreadable('it is cut off');
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw unreadable('its format is not known here');
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) throw unreadable('its checksum does not match');
  let at = FIXED_BYTES + bytes.readUInt32LE(8);
  const { to, parts, about, settled } = readHeader(bytes.subarray(FIXED_BYTES, at));
  const read = parts.map(({ length, ...part }): StagedPart => {
    at += length;
    return { ...part, bytes: bytes.subarray(at - length, at) };
  });
  if (at !== bytes.length) throw unreadable('its parts do not fill it');
  return {
    to,
    parts: read,
    ...(about !== undefined && { about }),
    ...(settled !== undefined && { settled }),
  };
}

function readHeader(bytes: Buffer): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    throw unreadable('its header lacks what it should have');
  }
}

function unreadable(problem: string): RejectedError {
  return new RejectedError('UNREADABLE_BATCH', `unreadable staged batch: ${problem}`);
}
