import type { PagedSourceConfig } from '../config/schema.ts';
import type { Source } from '../domain/source.ts';
import type { PullSource } from '../ports/pull-source.ts';
import { createHttpPullSource, type HttpPullDeps } from './http/http-pull-source.ts';

/** What the sources that are read page by page may use. */
export type PullSourceDeps = Omit<HttpPullDeps, 'source'>;

type Type = PagedSourceConfig['type'];
type Open<Of extends Type> = (
  deps: PullSourceDeps & { readonly source: Source<Extract<PagedSourceConfig, { type: Of }>> },
) => PullSource;

/** Every type of source that is read page by page; docs/pull-sources.md says how to add one. */
const OPEN: { readonly [Of in Type]: Open<Of> } = {
  http: createHttpPullSource,
};

/** Opens a source for the life of the process. */
export function openPullSource(source: Source<PagedSourceConfig>, deps: PullSourceDeps): PullSource {
  return OPEN[source.config.type]({ ...deps, source });
}
