import { createPullReader, type PullReaderDeps } from '../pull/create-pull-reader.ts';
import { incrementalOf } from '../pull/incremental-of.ts';
import type { LandedKeys } from '../../ports/landed-keys.ts';
import type { BackfillMode } from './backfill-mode.ts';
import { planPullBackfill, pullWindowStart } from './plan-pull-backfill.ts';
import { createWindowScope } from './window-scope.ts';

export interface PullBackfillDeps extends Omit<PullReaderDeps, 'scope'> {
  readonly landedKeys: LandedKeys;
}

/** Backfills of a source that is read page by page. */
export function createPullBackfill({ landedKeys, ...deps }: PullBackfillDeps): BackfillMode {
  const { source } = deps;
  return {
    plan: (asked, position) => planPullBackfill(source, asked, position),
    windowStart: (range, window) => pullWindowStart(source, range, window),
    openReader(window) {
      const incremental = incrementalOf(source);
      if (incremental === undefined) throw new Error('what is not read incrementally is not backfilled');
      return createPullReader({ ...deps, scope: createWindowScope(source, incremental, landedKeys, window) });
    },
  };
}
