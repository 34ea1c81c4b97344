import type { MiddyfiedHandler } from '@middy/core';
import type { PagedSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { createPullReader } from '../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullOutcome, RunSourceDeps } from '../../shared/pipeline/runs/run-source.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';
import type { WorkDeliveries, WorkQueue } from '../../shared/ports/work-queue.ts';
import { createWorkHandler } from '../composition/create-work-handler.ts';

export interface PullHandlerDeps extends RunSourceDeps {
  readonly queue: WorkQueue & WorkDeliveries;
  /** Opens a source; called once per source and process, so that connections are kept between runs. */
  readonly openSource: (source: Source<PagedSourceConfig>) => PullSource;
}

/** The function that reads HTTP APIs. */
export function createHandler(deps: PullHandlerDeps): MiddyfiedHandler<unknown, PullOutcome | undefined> {
  const pullSources = new Map<string, PullSource>();

  function pullSourceOf(source: Source<PagedSourceConfig>): PullSource {
    let pages = pullSources.get(source.name);
    if (pages === undefined) {
      pages = deps.openSource(source);
      pullSources.set(source.name, pages);
    }
    return pages;
  }

  return createWorkHandler<PagedSourceConfig>({
    ...deps,
    types: ['http'],
    openReader: (source, { deadlineMs }) =>
      createPullReader({ ...deps, source, pages: pullSourceOf(source), deadlineMs }),
  });
}
