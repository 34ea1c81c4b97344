import type { MiddyfiedHandler } from '@middy/core';
import type { FilesSourceConfig, PagedSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createBudgetShares } from '../../shared/pipeline/backfill/budget-shares.ts';
import { createPullBackfill } from '../../shared/pipeline/backfill/pull-backfill.ts';
import { runBackfill } from '../../shared/pipeline/backfill/run-backfill.ts';
import { createFilesReader } from '../../shared/pipeline/files/create-files-reader.ts';
import type { LandedCache } from '../../shared/pipeline/files/landed-objects.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullOutcome, RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import type { LandedKeys } from '../../shared/ports/landed-keys.ts';
import type { ObjectSource } from '../../shared/ports/object-source.ts';
import type { ParquetReader } from '../../shared/ports/parquet-reader.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import type { WorkDeliveries, WorkQueue } from '../../shared/ports/work-queue.ts';
import { createWorkHandler } from '../composition/create-work-handler.ts';

export interface PullHandlerDeps extends RunSourceDeps {
  readonly queue: WorkQueue & WorkDeliveries;
  /**
   * Opens a source; called once per source and process, so that connections are kept between runs.
   *
   * @param budgetShare share of its `apiBudget` that may be used now
   */
  readonly openSource: (source: Source<PagedSourceConfig>, budgetShare: () => number) => PullSource;
  readonly landedKeys: LandedKeys;
  /** Opens the objects of a source; called once per run. */
  readonly openObjects: (source: Source<FilesSourceConfig>) => {
    readonly objects: ObjectSource;
    readonly parquet: ParquetReader;
  };
}

/** A window is left after so long, so that runs that go on through the same queue need not wait for longer. */
const BACKFILL_SLICE_MS = 180_000;
/** What is left of an invocation when it is known what the lake has: time for a commit. */
const LOOK_UP_RESERVE_MS = 60_000;

/** The function that reads HTTP APIs and objects. */
export function createHandler(deps: PullHandlerDeps): MiddyfiedHandler<unknown, PullOutcome | undefined> {
  const pullSources = new Map<string, PullSource>();
  const landedCache: LandedCache = new Map();
  const shares = createBudgetShares(deps.ledger);

  function pullSourceOf(source: Source<PagedSourceConfig>): PullSource {
    let pages = pullSources.get(source.name);
    if (pages === undefined) {
      pages = deps.openSource(source, () => shares.of(source));
      pullSources.set(source.name, pages);
    }
    return pages;
  }

  return createWorkHandler<PagedSourceConfig | FilesSourceConfig>({
    ...deps,
    types: ['http', 'files'],
    openReader: (source, { deadlineMs }) => {
      if (isFiles(source))
        return createFilesReader({ ...deps, ...deps.openObjects(source), source, landedCache, deadlineMs });
      if (isPaged(source)) {
        const reader = createPullReader({ ...deps, source, pages: pullSourceOf(source), deadlineMs });
        return shares.forRuns(source, reader);
      }
      throw new BlockedError('BAD_EVENT', `source ${source.name} is read by another function`);
    },
    runBackfill: async (source, work, { owner, telemetry, ...context }) => {
      if (!isPaged(source)) throw new BlockedError('BAD_EVENT', `source ${source.name} is not backfilled`);
      await shares.forBackfill(source);
      const deadlineMs = Math.min(context.deadlineMs, deps.clock.nowMs() + BACKFILL_SLICE_MS);
      const own = { ...deps, source, pages: pullSourceOf(source), telemetry, deadlineMs };
      const land = { ...deps, telemetry };
      const mode = createPullBackfill({
        ...own,
        lookUpUntilMs: context.deadlineMs - LOOK_UP_RESERVE_MS,
      });
      await runBackfill({ ...own, mode, land, options: { owner, deadlineMs } }, work);
    },
  });
}

const isFiles = (
  source: Source<PagedSourceConfig | FilesSourceConfig>,
): source is Source<FilesSourceConfig> => source.config.type === 'files';

const isPaged = (
  source: Source<PagedSourceConfig | FilesSourceConfig>,
): source is Source<PagedSourceConfig> => source.config.type === 'http';
