import type { MiddyfiedHandler } from '@middy/core';
import type { FilesSourceConfig, PagedSourceConfig } from '../../shared/config/schema.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createFilesReader } from '../../shared/pipeline/files/create-files-reader.ts';
import type { LandedCache } from '../../shared/pipeline/files/landed-objects.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullOutcome, RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import type { ObjectSource } from '../../shared/ports/object-source.ts';
import type { ParquetReader } from '../../shared/ports/parquet-reader.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import type { WorkDeliveries, WorkQueue } from '../../shared/ports/work-queue.ts';
import { createWorkHandler } from '../composition/create-work-handler.ts';

export interface PullHandlerDeps extends RunSourceDeps {
  readonly queue: WorkQueue & WorkDeliveries;
  /** Opens a source; called once per source and process, so that connections are kept between runs. */
  readonly openSource: (source: Source<PagedSourceConfig>) => PullSource;
  /** Opens the objects of a source; called once per run. */
  readonly openObjects: (source: Source<FilesSourceConfig>) => {
    readonly objects: ObjectSource;
    readonly parquet: ParquetReader;
  };
}

/** The function that reads HTTP APIs and objects. */
export function createHandler(deps: PullHandlerDeps): MiddyfiedHandler<unknown, PullOutcome | undefined> {
  const pullSources = new Map<string, PullSource>();
  const landedCache: LandedCache = new Map();

  function pullSourceOf(source: Source<PagedSourceConfig>): PullSource {
    let pages = pullSources.get(source.name);
    if (pages === undefined) {
      pages = deps.openSource(source);
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
      if (isPaged(source))
        return createPullReader({ ...deps, source, pages: pullSourceOf(source), deadlineMs });
      throw new BlockedError('BAD_EVENT', `source ${source.name} is read by another function`);
    },
  });
}

const isFiles = (
  source: Source<PagedSourceConfig | FilesSourceConfig>,
): source is Source<FilesSourceConfig> => source.config.type === 'files';

const isPaged = (
  source: Source<PagedSourceConfig | FilesSourceConfig>,
): source is Source<PagedSourceConfig> => source.config.type === 'http';
