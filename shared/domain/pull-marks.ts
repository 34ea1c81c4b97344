import { hash } from 'node:crypto';
import { compareCursors, type CursorKind } from './pull-cursor.ts';

/** Marks in a position: about 15 bytes each, and a position is written several times per commit. */
const MAX_SEEN = 1000;

const QUARANTINE_SIGN = '!';

const MARK_LENGTH = 12;

/** A record by its text. */
export const toMark = (bytes: Uint8Array): string => hash('sha256', bytes, 'base64url').slice(0, MARK_LENGTH);

/** The mark of a text with this SHA-256, in hex. */
export const markOfHash = (hex: string): string =>
  Buffer.from(hex, 'hex').toString('base64url').slice(0, MARK_LENGTH);

/** What is remembered of a record that was read. */
export interface Mark {
  /** Exact text of its cursor; undefined when it has none, or is known from an earlier commit only. */
  readonly cursor: string | undefined;
  readonly inQuarantine: boolean;
}

/** Marks as they stand in a position, in order. */
export function parseMarks(seen: readonly string[]): Map<string, Mark> {
  return new Map(
    seen.map((text) => {
      const inQuarantine = text.startsWith(QUARANTINE_SIGN);
      return [inQuarantine ? text.slice(1) : text, { cursor: undefined, inQuarantine }];
    }),
  );
}

/**
 * Marks for a position: without those of records that the next listing does not reach, and when there are too many
 * without the oldest ones that are not in quarantine, because claims recognise those as well.
 *
 * @param start where the next listing begins; undefined to keep all
 */
export function formatMarks(
  marks: ReadonlyMap<string, Mark>,
  kind: CursorKind | undefined,
  start: string | undefined,
): string[] {
  const kept = [...marks].filter(
    ([, { cursor }]) =>
      kind === undefined ||
      start === undefined ||
      cursor === undefined ||
      compareCursors(kind, cursor, start) >= 0,
  );
  let surplus = Math.max(0, kept.length - MAX_SEEN);
  return kept
    .filter(([, { inQuarantine }]) => inQuarantine || surplus-- <= 0)
    .slice(-MAX_SEEN)
    .map(([mark, { inQuarantine }]) => (inQuarantine ? `${QUARANTINE_SIGN}${mark}` : mark));
}
