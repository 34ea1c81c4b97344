import { BlockedError } from '../../domain/errors.ts';
import { findSpan, scalarAt } from '../../domain/json-spans.ts';
import { isCursor } from '../../domain/pull-cursor.ts';
import type { Incremental } from './incremental-of.ts';

/** The exact text of a record's cursor; undefined when it has none, or one of another type. */
export function cursorOf(bytes: Uint8Array, { path, kind }: Incremental): string | undefined {
  const span = findSpan(bytes, path);
  const scalar = span && scalarAt(bytes, span);
  if (scalar === undefined || scalar.isString === (kind.kind === 'number')) return undefined;
  return isCursor(kind, scalar.text) ? scalar.text : undefined;
}

/**
 * Refuses an answer that would not move the cursor.
 *
 * @param cursors those of its records
 * @throws BlockedError with code `PULL_NO_CURSOR`
 */
export function requireCursors(
  source: string,
  { path, kind }: Incremental,
  cursors: readonly (string | undefined)[],
): void {
  if (cursors.length === 0 || cursors.some((cursor) => cursor !== undefined)) return;
  throw new BlockedError(
    'PULL_NO_CURSOR',
    `no record in an answer to source ${source} has a ${kind.kind} at ${path.join('.')}, so its cursor cannot move; check sources.${source}.incremental.cursor and the field's type in the contract`,
  );
}
