import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { RejectedError } from './errors.ts';
import { DIGEST_BYTES, FINGERPRINT_BYTES } from './idempotency-key.ts';

/*
 * A frame is the unit of transport and of redelivery: the records of one request (or page, or slice of a log) as
 * zstd-compressed original bytes under a small header. Records are parsed and validated once, where the frame is
 * written; its readers use the index and hand the bytes on.
 *
 *   offset  size  content
 *   0       4     magic "HGF" and the format version (0x01)
 *   4       4     CRC-32 of everything after this field, little endian
 *   8       4     length of the header
 *   12      4     number of records n
 *   16      4     raw length of the body
 *   20      h     header: JSON, UTF-8
 *   …       n     flags of each record
 *   …       16n   fingerprints
 *   …       4n    payload digests
 *   …       rest  body, zstd: n event times (float64, ms), n lengths (uint32), then the records' bytes
 *
 * All numbers are little endian. A reader refuses a version it does not know. An event time that is the time of receipt
 * is written as NaN: so the same records have a body of the same length whenever they arrive, and a repeated request is
 * cut into the same frames.
 */

const MAGIC = Buffer.from('HGF');
const VERSION = 1;
const FIXED_BYTES = 20;
const PER_RECORD_INDEX_BYTES = 8 + 4;
/** A body that claims to be larger than this is refused before it is decompressed. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** What a date can hold: beyond it there is no partition. */
const MAX_TIME_MS = 8.64e15;

/** What is known about one record without parsing it. */
export const RecordFlag = {
  /** Meets the contract and has no field that the contract does not name. */
  valid: 0,
  /** Meets the contract and has fields that it does not name; they are kept in `_extra`. */
  extra: 1,
  /** Violates the contract; it goes to quarantine with its reason. */
  violation: 2,
  /** A row of a table: its `_extra` member, not named by the contract, is what is kept in `_extra`, as it is written. */
  carried: 3,
} as const;
export type RecordFlag = (typeof RecordFlag)[keyof typeof RecordFlag];

/** What all records of a frame share. */
export interface FrameHeader {
  /** Name of the source. */
  readonly source: string;
  /** Unique id of the frame; the same request repeated under one Idempotency-Key has the same id. */
  readonly frameId: string;
  /** Version of the contract that the records were validated against. */
  readonly contractVersion: string;
  /** When Headgate received the records, in ms since the epoch. */
  readonly receivedAtMs: number;
}

/** One record on its way into a frame. */
export interface FrameRecord {
  /** The record's original bytes: one JSON text without surrounding white space. */
  readonly bytes: Uint8Array;
  readonly flag: RecordFlag;
  /** 16 bytes; zeros for a violation, which claims no key. */
  readonly fingerprint: Uint8Array;
  /** 4 bytes of the payload's digest. */
  readonly digest: Uint8Array;
  /** Event time in ms since the epoch. */
  readonly eventTimeMs: number;
  /** Records with the same number keep their order: they travel in frames of their own. Absent: no order is promised. */
  readonly orderGroup?: number | undefined;
}

/** A frame as read: columns over all of its records, and their bytes in one buffer. */
export interface Frame {
  readonly header: FrameHeader;
  readonly count: number;
  /** Flag per record. */
  readonly flags: Uint8Array;
  /** 16 bytes per record. */
  readonly fingerprints: Buffer;
  /** 4 bytes per record. */
  readonly digests: Buffer;
  /** Event time per record, ms since the epoch. */
  readonly eventTimesMs: Float64Array;
  /** `count + 1` offsets into `payload`: record i is `payload.subarray(offsets[i], offsets[i + 1])`. */
  readonly offsets: Uint32Array;
  readonly payload: Buffer;
}

/** Whether bytes from a stream are a frame (and not a plain record that somebody else put there). */
export function isFrame(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && MAGIC.equals(bytes.subarray(0, 3)) && (bytes[3] ?? 0) < 0x20;
}

/**
 * Writes a frame.
 *
 * @param compressionLevel zstd level; 1 is 220 MB/s and within 10 % of the default's size on JSON
 */
export function writeFrame(
  header: FrameHeader,
  records: readonly FrameRecord[],
  compressionLevel = 1,
): Buffer {
  const count = records.length;
  const headerBytes = Buffer.from(JSON.stringify(header));
  let payloadBytes = 0;
  for (const record of records) payloadBytes += record.bytes.length;
  const body = Buffer.allocUnsafe(count * PER_RECORD_INDEX_BYTES + payloadBytes);
  const flags = Buffer.allocUnsafe(count);
  const fingerprints = Buffer.allocUnsafe(count * FINGERPRINT_BYTES);
  const digests = Buffer.allocUnsafe(count * DIGEST_BYTES);
  let at = count * PER_RECORD_INDEX_BYTES;
  records.forEach((record, i) => {
    flags[i] = record.flag;
    fingerprints.set(record.fingerprint, i * FINGERPRINT_BYTES);
    digests.set(record.digest, i * DIGEST_BYTES);
    body.writeDoubleLE(Object.is(record.eventTimeMs, header.receivedAtMs) ? NaN : record.eventTimeMs, i * 8);
    body.writeUInt32LE(record.bytes.length, count * 8 + i * 4);
    body.set(record.bytes, at);
    at += record.bytes.length;
  });
  const compressed = zstdCompressSync(body, {
    params: { [constants.ZSTD_c_compressionLevel]: compressionLevel },
  });
  const head = Buffer.alloc(FIXED_BYTES);
  MAGIC.copy(head);
  head[3] = VERSION;
  head.writeUInt32LE(headerBytes.length, 8);
  head.writeUInt32LE(count, 12);
  head.writeUInt32LE(body.length, 16);
  const frame = Buffer.concat([head, headerBytes, flags, fingerprints, digests, compressed]);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  return frame;
}

function unreadable(problem: string): RejectedError {
  return new RejectedError('UNREADABLE_FRAME', `unreadable frame: ${problem}`);
}

const isTime = (ms: number): boolean => Math.abs(ms) <= MAX_TIME_MS;

function readHeader(bytes: Buffer): FrameHeader {
  const header = JSON.parse(bytes.toString('utf8')) as Partial<FrameHeader>;
  if (
    typeof header.source !== 'string' ||
    typeof header.frameId !== 'string' ||
    typeof header.contractVersion !== 'string' ||
    typeof header.receivedAtMs !== 'number'
  ) {
    throw unreadable('its header lacks source, frameId, contractVersion or receivedAtMs');
  }
  if (!isTime(header.receivedAtMs)) throw unreadable('its time of receipt is out of range');
  return header as FrameHeader;
}

/**
 * Reads a frame. Everything that a reader relies on is checked: version, checksum, lengths, times.
 *
 * @throws RejectedError with code `UNREADABLE_FRAME` when the bytes are not a frame that this version can read
 */
export function readFrame(input: Uint8Array): Frame {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (!isFrame(bytes)) throw unreadable('it does not start with the magic number');
  if (bytes[3] !== VERSION) throw unreadable(`format version ${String(bytes[3])} is not known here`);
  if (bytes.length < FIXED_BYTES) throw unreadable('it is cut off');
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) throw unreadable('its checksum does not match');
  const headerLength = bytes.readUInt32LE(8);
  const count = bytes.readUInt32LE(12);
  const bodyLength = bytes.readUInt32LE(16);
  const indexAt = FIXED_BYTES + headerLength;
  const bodyAt = indexAt + count * (1 + FINGERPRINT_BYTES + DIGEST_BYTES);
  if (bodyAt > bytes.length || bodyLength > MAX_BODY_BYTES || bodyLength < count * PER_RECORD_INDEX_BYTES) {
    throw unreadable('its lengths do not fit together');
  }
  let header: FrameHeader;
  let body: Buffer;
  try {
    header = readHeader(bytes.subarray(FIXED_BYTES, indexAt));
    // One chunk, allocated once: with the default chunk size 2 MB took three times as long, and a chunk that is filled
    // to its last byte makes zlib allocate another one.
    body = zstdDecompressSync(bytes.subarray(bodyAt), {
      chunkSize: Math.max(64, bodyLength + 1),
      maxOutputLength: Math.max(64, bodyLength),
    });
  } catch (error) {
    if (error instanceof RejectedError) throw error;
    throw unreadable(error instanceof Error ? error.message : 'its body does not decompress');
  }
  if (body.length !== bodyLength) throw unreadable('its body has another length than its header says');
  const eventTimesMs = new Float64Array(count);
  const offsets = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) {
    const written = body.readDoubleLE(i * 8);
    const eventTimeMs = Number.isNaN(written) ? header.receivedAtMs : written;
    if (!isTime(eventTimeMs)) throw unreadable('an event time is out of range');
    eventTimesMs[i] = eventTimeMs;
    offsets[i + 1] = (offsets[i] ?? 0) + body.readUInt32LE(count * 8 + i * 4);
  }
  const payload = body.subarray(count * PER_RECORD_INDEX_BYTES);
  if (offsets[count] !== payload.length) throw unreadable('its records do not fill its body');
  const fingerprintsAt = indexAt + count;
  const digestsAt = fingerprintsAt + count * FINGERPRINT_BYTES;
  return {
    header,
    count,
    flags: bytes.subarray(indexAt, fingerprintsAt),
    fingerprints: bytes.subarray(fingerprintsAt, digestsAt),
    digests: bytes.subarray(digestsAt, bodyAt),
    eventTimesMs,
    offsets,
    payload,
  };
}

/** The frame that `readFrame` would read from what `writeFrame` writes, for records that go no further than this process. */
export function toFrame(header: FrameHeader, records: readonly FrameRecord[]): Frame {
  const count = records.length;
  const flags = new Uint8Array(count);
  const fingerprints = Buffer.allocUnsafe(count * FINGERPRINT_BYTES);
  const digests = Buffer.allocUnsafe(count * DIGEST_BYTES);
  const eventTimesMs = new Float64Array(count);
  const offsets = new Uint32Array(count + 1);
  records.forEach((record, i) => {
    flags[i] = record.flag;
    fingerprints.set(record.fingerprint, i * FINGERPRINT_BYTES);
    digests.set(record.digest, i * DIGEST_BYTES);
    eventTimesMs[i] = record.eventTimeMs;
    offsets[i + 1] = (offsets[i] ?? 0) + record.bytes.length;
  });
  const payload = Buffer.concat(records.map(({ bytes }) => bytes));
  return { header, count, flags, fingerprints, digests, eventTimesMs, offsets, payload };
}

/** The original bytes of record `index`. */
export function recordBytes(frame: Frame, index: number): Buffer {
  return frame.payload.subarray(frame.offsets[index], frame.offsets[index + 1]);
}
