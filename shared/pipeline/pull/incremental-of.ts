import { cursorKind } from '../../config/cursor-kind.ts';
import type { PagedSourceConfig } from '../../config/schema.ts';
import { toMs } from '../../config/units.ts';
import { BlockedError } from '../../domain/errors.ts';
import { isCursor, type CursorKind } from '../../domain/pull-cursor.ts';
import type { Source } from '../../domain/source.ts';

/** How a source is read incrementally. */
export interface Incremental {
  readonly kind: CursorKind;
  /** Field names down to the cursor. */
  readonly path: readonly string[];
  readonly initialValue: string;
  readonly lookbackMs: number;
  /** Whether listings ask for an end too. */
  readonly hasEnd: boolean;
  /** Longest range of one listing; undefined: up to now at once. */
  readonly windowMs: number | undefined;
}

/**
 * The incremental cursor of a source, with what its contract says about it; undefined when every run reads everything.
 *
 * @throws BlockedError with code `BAD_CURSOR` when the field cannot be a cursor
 */
export function incrementalOf({
  name,
  config,
  contract,
}: Source<PagedSourceConfig>): Incremental | undefined {
  const { incremental } = config;
  const kind = cursorKind(config, contract.columns);
  if (incremental === undefined || kind === undefined) return undefined;
  if (kind.kind === 'unusable') {
    throw new BlockedError('BAD_CURSOR', `sources.${name}.incremental: ${kind.problem}`);
  }
  return {
    kind,
    path: incremental.cursor.split('.'),
    initialValue: incremental.initialValue,
    lookbackMs: toMs(incremental.lookback),
    hasEnd: incremental.endParameter !== undefined,
    windowMs: incremental.window === undefined ? undefined : toMs(incremental.window),
  };
}

/**
 * Refuses a position whose cursor is no value of the field any more: the contract has given it another type since.
 *
 * @throws BlockedError with code `CURSOR_TYPE_CHANGED`
 */
export function requireSameKind(
  source: string,
  incremental: Incremental | undefined,
  cursor: string | undefined,
): void {
  if (incremental === undefined || cursor === undefined || isCursor(incremental.kind, cursor)) return;
  throw new BlockedError(
    'CURSOR_TYPE_CHANGED',
    `source ${source} has been read up to a cursor that is no ${incremental.kind.kind}: the contract has changed the type of ${incremental.path.join('.')}; change it back, or declare the source under a new name to read it from its beginning`,
  );
}
