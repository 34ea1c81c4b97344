import { unreadableObject } from '../../domain/files/splitter.ts';

/*
 * A zstd text may have several frames (`pzstd` and appending write such), and frames that are to be skipped. The
 * decompressor of Node 24 drops, without an error, what follows a frame in the same chunk; given chunks that end where
 * frames do it goes on. Format: https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const BLOCK_RLE = 1;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

type State = 'magic' | 'skippable' | 'descriptor' | 'block' | 'end';
const WANTED: Readonly<Record<State, number>> = { magic: 4, skippable: 4, descriptor: 1, block: 3, end: 0 };

/**
 * The same bytes in chunks of which none has parts of two frames, without skippable frames.
 *
 * @throws RejectedError with code `OBJECT_UNREADABLE` when they end inside of a frame
 */
export async function* splitZstdFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let state = 'magic' as State;
  let collected: number[] = [];
  /** Bytes that pass without being looked at, and whether they are dropped. */
  let left = 0 as number;
  let isDropped = false as boolean;
  let hasChecksum = false;
  let isLastBlock = false;

  /** Takes a small part that is complete. @returns whether a frame begins with it */
  function take(): boolean {
    const bytes = Buffer.from(collected);
    collected = [];
    if (state === 'magic') {
      const magic = bytes.readUInt32LE(0);
      if (magic >>> 4 === SKIPPABLE >>> 4) {
        state = 'skippable';
        return false;
      }
      if (magic !== MAGIC) throw unreadableObject('its zstd is damaged: no frame where one should begin');
      state = 'descriptor';
      return true;
    }
    if (state === 'skippable') {
      left = bytes.readUInt32LE(0);
      isDropped = true;
      state = 'magic';
    } else if (state === 'descriptor') {
      const descriptor = bytes[0] ?? 0;
      const isSingle = (descriptor & 0x20) !== 0;
      const sizeFlag = descriptor >> 6;
      hasChecksum = (descriptor & 0x04) !== 0;
      left =
        (isSingle ? 0 : 1) +
        (DICTIONARY_BYTES[descriptor & 3] ?? 0) +
        (sizeFlag === 0 && isSingle ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0));
      state = 'block';
    } else {
      const block = bytes.readUIntLE(0, 3);
      isLastBlock = (block & 1) !== 0;
      left = ((block >> 1) & 3) === BLOCK_RLE ? 1 : block >> 3;
      if (isLastBlock) {
        if (hasChecksum) left += 4;
        state = 'end';
      }
    }
    return false;
  }

  for await (const chunk of chunks) {
    let start = 0;
    let at = 0;
    while (at < chunk.length || (state === 'end' && left === 0)) {
      if (left > 0) {
        const passed = Math.min(left, chunk.length - at);
        left -= passed;
        at += passed;
        if (isDropped) start = at;
        if (left === 0) isDropped = false;
      } else if (state === 'end') {
        if (at > start) yield chunk.subarray(start, at);
        start = at;
        state = 'magic';
      } else {
        const isBetween = state === 'magic' || state === 'skippable';
        collected.push(chunk[at++] ?? 0);
        if (isBetween) start = at;
        if (collected.length < WANTED[state]) continue;
        const magic = Buffer.from(collected);
        if (take()) yield magic;
      }
    }
    if (at > start) yield chunk.subarray(start, at);
  }
  if (state !== 'magic' || collected.length > 0 || left > 0)
    throw unreadableObject('its zstd is damaged or cut off');
}
