import type { Column } from '../domain/contract.ts';
import { isCursor, isTimeKind, toCursorKind, type CursorKind } from '../domain/pull-cursor.ts';
import type { PagedSourceConfig } from './schema.ts';
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
  { incremental, eventTime }: PagedSourceConfig,
  columns: readonly Column[],
): CursorKind | { readonly kind: 'unusable'; readonly problem: string } | undefined {
  if (incremental === undefined) return undefined;
  const kind = toCursorKind(columns, {
    path: incremental.cursor,
    lookbackMs: toMs(incremental.lookback),
    epochUnit: eventTime?.path === incremental.cursor ? EPOCH_UNITS[eventTime.format] : undefined,
  });
  const problem = kind.kind === 'unusable' ? undefined : rangeProblem(incremental, kind);
  return problem === undefined ? kind : { kind: 'unusable', problem };
}

const DAY_MS = 86_400_000;

/** What is wrong with how ranges of the cursor are asked for. */
function rangeProblem(
  { cursor, format, window, endParameter, initialValue }: NonNullable<PagedSourceConfig['incremental']>,
  kind: CursorKind,
): string | undefined {
  const needsTime = [
    ...(format === 'as-read' ? [] : [`format "${format}"`]),
    ...(endParameter === undefined ? [] : ['endParameter']),
  ];
  if (needsTime.length > 0 && !isTimeKind(kind)) {
    return `${needsTime.join(' and ')} needs a cursor that is a time, and ${cursor} is not; give the field the format date-time or date, or declare it as the eventTime with an epoch format, or remove ${needsTime.join(' and ')}`;
  }
  if (window === undefined) return undefined;
  if (kind.kind === 'date' && toMs(window) < DAY_MS) {
    return `window must be "1 day" or longer: ${cursor} is a date`;
  }
  if (isCursor(kind, initialValue)) return undefined;
  return `initialValue must be a value of ${cursor} where window is set, because the first window begins there; "${initialValue}" is no ${kind.kind}`;
}
