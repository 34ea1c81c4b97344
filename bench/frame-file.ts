import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFrame, type FrameRecord } from '../shared/domain/frame.ts';
import { shopSource, toShopEvents } from './shop-events.ts';

/** Records of one frame: a usual push request. */
export const RECORDS_PER_FRAME = 500;
const RECEIVED_AT_MS = Date.UTC(2026, 2, 1, 1);

/**
 * Writes the frames of generated events to a file, each behind its length (uint32, little endian).
 *
 * @returns the file's path
 */
export function writeFrameFile(directory: string, records: number): string {
  const source = shopSource();
  const events = toShopEvents(records);
  const parts: Buffer[] = [];
  for (let at = 0; at < events.length; at += RECORDS_PER_FRAME) {
    const checked = events.slice(at, at + RECORDS_PER_FRAME).map((event): FrameRecord => {
      const result = source.check(event, RECEIVED_AT_MS);
      if (result.status !== 'accepted') throw new Error(`a generated event is ${result.status}`);
      return result.record;
    });
    const header = {
      source: source.name,
      frameId: `bench-${String(at)}`,
      contractVersion: source.contract.version,
      receivedAtMs: RECEIVED_AT_MS,
    };
    const frame = writeFrame(header, checked);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(frame.length);
    parts.push(length, frame);
  }
  const path = join(directory, `${String(records)}.frames`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** The frames of a file that `writeFrameFile` wrote. */
export function readFrameFile(path: string): Buffer[] {
  const file = readFileSync(path);
  const frames: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at);
    frames.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}
