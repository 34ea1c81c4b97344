import type { Place } from '../files-position.ts';
import { showText, tooLarge, type Piece, type Splitter } from './splitter.ts';

const LINE_FEED = 0x0a;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0d || byte === 0x09 || byte === LINE_FEED;

function trim(line: Buffer): Buffer {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start])) start++;
  while (end > start && isSpace(line[end - 1])) end--;
  return line.subarray(start, end);
}

/** Newline-delimited JSON: every line that is not blank is a record. */
export function createNdjsonSplitter(maxRecordBytes: number, from: Pick<Place, 'line'>): Splitter {
  let { line } = from;
  /** The beginning of a line that is too large and has not ended yet. */
  let skipped: Buffer | undefined;

  function take(text: Buffer, pieces: Piece[]): void {
    line++;
    if (skipped !== undefined || text.length > maxRecordBytes) {
      pieces.push({ bytes: showText(skipped ?? text), line, problem: tooLarge(maxRecordBytes) });
      skipped = undefined;
      return;
    }
    const bytes = trim(text);
    if (bytes.length > 0) pieces.push({ bytes, line });
  }

  return {
    split(bytes, isLast, pieces) {
      let at = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, at)) {
        take(bytes.subarray(at, end), pieces);
        at = end + 1;
      }
      if (isLast) {
        if (at < bytes.length || skipped !== undefined) take(bytes.subarray(at), pieces);
        return bytes.length;
      }
      if (skipped !== undefined) return bytes.length;
      if (bytes.length - at > maxRecordBytes) {
        skipped = Buffer.from(bytes.subarray(at, at + 1_024));
        return bytes.length;
      }
      return at;
    },
    place: () => (skipped === undefined ? { line, state: '' } : undefined),
  };
}
