import { once } from 'node:events';
import { Readable, pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { HeadgateError } from '../../domain/errors.ts';
import { unreadableObject } from '../../domain/files/splitter.ts';
import { splitZstdFrames } from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Below this nothing is said of the ratio. */
const RATIO_FROM_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Bytes that tell compressions apart. */
const HEAD_BYTES = 4;

/** What an object that begins with these bytes is compressed with. Neither JSON nor CSV in UTF-8 begins like gzip or zstd. */
function detectCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const isZstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  return isZstd ? 'zstd' : 'none';
}

/**
 * Looks at the first bytes of a text.
 *
 * @param chunks left for the caller to end
 * @returns what it is compressed with, and all of its bytes
 */
export async function peekCompression(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ readonly chunks: AsyncIterable<Uint8Array>; readonly compression: Compression }> {
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  return { chunks: all(), compression: detectCompression(head) };
}

/**
 * Decompresses while it reads, in constant memory.
 *
 * @throws RejectedError with code `OBJECT_UNREADABLE` when the bytes are damaged, cut off, or grow by more than
 *   `maxRatio`
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
  maxRatio: number,
): AsyncGenerator<Buffer> {
  if (compression === 'none') {
    for await (const chunk of chunks) yield toBuffer(chunk);
    return;
  }
  let read = 0;
  let written = 0;
  const whole = compression === 'zstd' ? splitZstdFrames(chunks) : chunks;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of whole) {
      read += chunk.length;
      yield chunk;
    }
  }
  const options = { chunkSize: CHUNK_BYTES };
  const stream = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const source = Readable.from(counted(), { objectMode: true, highWaterMark: 2 });
  // What goes wrong on the way comes out of the iteration below.
  pipeline(source, stream, () => undefined);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      written += chunk.length;
      if (written > RATIO_FROM_BYTES && written > read * maxRatio) {
        throw unreadableObject(
          `its ${compression} grows to more than ${String(maxRatio)} times its size; set maxCompressionRatio if it is right`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof HeadgateError || !isDamaged(error)) throw error;
    throw unreadableObject(`its ${compression} is damaged or cut off (${error.code})`);
  } finally {
    stream.destroy();
    // With it goes what it reads from, and not before the connection behind that has ended.
    if (!source.closed) await once(source, 'close').catch(() => undefined);
  }
}

/** Errors of zlib have a code of its own. */
function isDamaged(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^(Z_|ZSTD_|ERR_ZLIB|ERR_TRAILING_JUNK)/.test(error.code)
  );
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
