import type { Column } from '../domain/contract.ts';
import { toCursorKind, type CursorKind } from '../domain/pull-cursor.ts';
import type { HttpSourceConfig } from './schema.ts';
import { toMs } from './units.ts';

const EPOCH_UNITS = {
  'epoch-milliseconds': 'milliseconds',
  'epoch-seconds': 'seconds',
  'iso-8601': undefined,
} as const;

/**
 * How the cursor of a source compares, by its contract; undefined when every run reads everything.
 *
 * @returns `unusable` with the problem, a sentence that says what is allowed, when the field cannot be a cursor
 */
export function cursorKind(
  { incremental, eventTime }: HttpSourceConfig,
  columns: readonly Column[],
): CursorKind | { readonly kind: 'unusable'; readonly problem: string } | undefined {
  if (incremental === undefined) return undefined;
  return toCursorKind(columns, {
    path: incremental.cursor,
    lookbackMs: toMs(incremental.lookback),
    epochUnit: eventTime?.path === incremental.cursor ? EPOCH_UNITS[eventTime.format] : undefined,
  });
}
