import { createPullReader, type PullReaderDeps } from '../pull/create-pull-reader.ts';
import { incrementalOf } from '../pull/incremental-of.ts';
import type { LandedKeys } from '../../ports/landed-keys.ts';
import type { BackfillMode } from './backfill-mode.ts';
import { planPullBackfill, pullWindowStart } from './plan-pull-backfill.ts';
import { createWindowScope } from './window-scope.ts';

export interface PullBackfillDeps extends Omit<PullReaderDeps, 'scope'> {
  readonly landedKeys: LandedKeys;
  /** When what the lake has must be known, ms since the epoch: looking it up may take longer than a window is read. */
  readonly lookUpUntilMs: number;
}

/** Backfills of a source that is read page by page. */
export function createPullBackfill({ landedKeys, lookUpUntilMs, ...deps }: PullBackfillDeps): BackfillMode {
  const { source } = deps;
  return {
    plan: (asked, position) => planPullBackfill(source, asked, position),
    windowStart: (range, window) => pullWindowStart(source, range, window),
    openReader(window) {
      const incremental = incrementalOf(source);
      if (incremental === undefined) throw new Error('what is not read incrementally is not backfilled');
      const scope = createWindowScope(source, incremental, { landed: landedKeys, lookUpUntilMs }, window);
      return createPullReader({ ...deps, scope });
    },
  };
}
