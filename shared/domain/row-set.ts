import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { RejectedError } from './errors.ts';

/*
 * Which rows of a file are done, as the position of a lane: the version prefix, and a bitmap (row n is bit n % 8 of byte
 * n / 8), deflated, as base64url. Rows that follow each other take next to nothing.
 */

const PREFIX = 'rows1.';
/** A position is written with every announcement and commit, into an item that holds 400 KB at most. */
const MAX_TEXT_LENGTH = 100_000;
/** 67 million rows; more than any file has. */
const MAX_BITMAP_BYTES = 8 * 1024 * 1024;

/**
 * Writes a set of row numbers (from 0).
 *
 * @throws RejectedError with code `ROW_SET_TOO_LARGE` when a position cannot hold it
 */
export function formatRowSet(rows: ReadonlySet<number>): string {
  let last = -1;
  for (const row of rows) last = Math.max(last, row);
  const bitmap = Buffer.alloc(Math.floor(last / 8) + 1);
  for (const row of rows) {
    const at = Math.floor(row / 8);
    bitmap[at] = (bitmap[at] ?? 0) | (1 << (row % 8));
  }
  const text = PREFIX + deflateRawSync(bitmap).toString('base64url');
  if (text.length <= MAX_TEXT_LENGTH && bitmap.length <= MAX_BITMAP_BYTES) return text;
  throw new RejectedError(
    'ROW_SET_TOO_LARGE',
    `${String(rows.size)} rows that are scattered over ${String(last + 1)} are too many to keep count of; replay all ` +
      'rows of the file, or rows that follow each other',
  );
}

/**
 * Reads a set of row numbers; undefined is the empty one.
 *
 * @throws RejectedError with code `ROW_SET_UNREADABLE`
 */
export function parseRowSet(text: string | undefined): Set<number> {
  const rows = new Set<number>();
  if (text === undefined) return rows;
  const bitmap = text.startsWith(PREFIX) ? inflate(text.slice(PREFIX.length)) : undefined;
  if (bitmap === undefined) {
    throw new RejectedError(
      'ROW_SET_UNREADABLE',
      `not a set of rows that this version can read: ${JSON.stringify(text.slice(0, 40))}; use the version of Headgate ` +
        'that wrote it',
    );
  }
  bitmap.forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) rows.add(at * 8 + bit);
  });
  return rows;
}

function inflate(text: string): Buffer | undefined {
  try {
    return inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: MAX_BITMAP_BYTES });
  } catch {
    return undefined;
  }
}
