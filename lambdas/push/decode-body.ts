import { constants, crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { CONTENT_ENCODINGS, type ContentEncoding } from '../../shared/config/push-api.ts';
import { HttpProblem } from '../middleware/problems.ts';

/** Bounds of a request's body, in bytes. */
export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxDecompressedBytes: number;
}

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;
/** Flags of RFC 1952 that announce more header fields. */
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
/** A zstd window of 32 MiB at most, which bounds the memory of decompression. */
const MAX_ZSTD_WINDOW_LOG = 25;
/** What is set aside for the output of zstd at once: this many times the input, the rest as it comes. */
const EXPECTED_RATIO = 8;
const MIN_CHUNK_BYTES = 1024;

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function malformed(detail: string): HttpProblem {
  return new HttpProblem('malformed-body', detail);
}

/** A size for the output's buffer that zlib takes and that stays below the limit. */
function clamp(bytes: number, maxBytes: number): number {
  return Math.max(MIN_CHUNK_BYTES, Math.min(bytes, maxBytes));
}

/** Where the compressed data of a gzip member begins. */
function gzipDataStart(bytes: Buffer): number {
  if (bytes.length < GZIP_HEADER_BYTES || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) {
    throw malformed('the body is not gzip, although Content-Encoding says so');
  }
  const flags = bytes[3] ?? 0;
  let at = GZIP_HEADER_BYTES;
  if ((flags & FLAG_EXTRA) !== 0) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end === -1) throw malformed('the gzip body is cut off in its header');
    at = end + 1;
  }
  return (flags & FLAG_HEADER_CRC) === 0 ? at : at + 2;
}

function gunzip(bytes: Buffer, maxOutputLength: number): Buffer {
  const from = gzipDataStart(bytes);
  if (bytes.length < from + GZIP_TRAILER_BYTES) throw malformed('the gzip body is cut off');
  // The trailer says how long the output is, so that it is written to one buffer; it is checked afterwards.
  const chunkSize = clamp(bytes.readUInt32LE(bytes.length - 4), maxOutputLength);
  const { buffer, engine } = inflateRawSync(bytes.subarray(from), {
    maxOutputLength,
    chunkSize,
    info: true,
  }) as unknown as Inflated;
  const trailerAt = from + engine.bytesWritten;
  // zlib's own gunzip accepts several members and ignores what follows; a proxy in between may see another body.
  if (bytes.length < trailerAt + GZIP_TRAILER_BYTES) throw malformed('the gzip body is cut off');
  if (bytes.length > trailerAt + GZIP_TRAILER_BYTES) {
    throw malformed('the gzip body has more bytes after its end; send one gzip member');
  }
  if (
    bytes.readUInt32LE(trailerAt) !== crc32(buffer) ||
    bytes.readUInt32LE(trailerAt + 4) !== buffer.length
  ) {
    throw malformed('the gzip body is damaged: its checksum does not match');
  }
  return buffer;
}

function unzstd(bytes: Buffer, maxOutputLength: number): Buffer {
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG };
  const { buffer, engine } = zstdDecompressSync(bytes, {
    maxOutputLength,
    chunkSize: clamp(bytes.length * EXPECTED_RATIO, maxOutputLength),
    params,
    info: true,
  }) as unknown as Inflated;
  if (engine.bytesWritten !== bytes.length) {
    throw malformed('the zstd body has more bytes after its end; send one zstd frame');
  }
  return buffer;
}

const DECODERS = { gzip: gunzip, zstd: unzstd } as const satisfies Record<
  Exclude<ContentEncoding, 'identity'>,
  unknown
>;

function encodingOf(header: string | undefined): ContentEncoding {
  const name = (header ?? 'identity').trim().toLowerCase();
  const encoding = CONTENT_ENCODINGS.find((known) => known === name);
  if (encoding !== undefined) return encoding;
  throw new HttpProblem('unsupported-encoding', 'Content-Encoding must be gzip, zstd or absent', {
    headers: { 'accept-encoding': 'gzip, zstd' },
  });
}

function tooLarge(what: string, maxBytes: number): HttpProblem {
  return new HttpProblem(
    'too-large',
    `${what} is larger than ${String(maxBytes)} bytes; send the records in several requests`,
    {
      members: { maxBytes },
    },
  );
}

/**
 * The body of a request as the sender wrote it: out of the event's text or base64, and decompressed. Decompression
 * stops at the limit, so a small body cannot become a large one in memory.
 *
 * @throws HttpProblem `unsupported-encoding`, `too-large` or `malformed-body`
 */
export function decodeBody(
  event: Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'>,
  contentEncoding: string | undefined,
  limits: BodyLimits,
): Buffer {
  const encoding = encodingOf(contentEncoding);
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > limits.maxBodyBytes) throw tooLarge('the body', limits.maxBodyBytes);
  if (encoding === 'identity') {
    if (body.length > limits.maxDecompressedBytes) throw tooLarge('the body', limits.maxDecompressedBytes);
    return body;
  }
  if (!event.isBase64Encoded) {
    throw malformed(
      `the ${encoding} body arrived as text, which destroys it: API Gateway does this to some content types; send it as ` +
        'application/x-ndjson',
    );
  }
  const { maxDecompressedBytes } = limits;
  try {
    return DECODERS[encoding](body, maxDecompressedBytes);
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge('the decompressed body', maxDecompressedBytes);
    }
    throw malformed(`the ${encoding} body is damaged or cut off`);
  }
}
