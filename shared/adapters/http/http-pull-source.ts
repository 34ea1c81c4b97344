import { cursorKind } from '../../config/cursor-kind.ts';
import type { HttpSourceConfig } from '../../config/schema.ts';
import { writeCursor, type CursorKind } from '../../domain/pull-cursor.ts';
import type { Source } from '../../domain/source.ts';
import type { Page, PageRequest, PullSource } from '../../ports/pull-source.ts';
import { createRequester, type RequesterDeps } from './create-requester.ts';
import { resolveRequest, toEndpoint } from './endpoint.ts';
import { createNestedPages } from './nested-pages.ts';
import { createPageReader } from './page-reader.ts';
import { setParameter, type RequestDraft } from './request-draft.ts';

export interface HttpPullDeps extends Omit<RequesterDeps, 'name' | 'config'> {
  readonly source: Source<HttpSourceConfig>;
}

/** Reads a source of type `http`. One instance may serve many runs; it keeps nothing that a run relies on. */
export function createHttpPullSource({ source, ...rest }: HttpPullDeps): PullSource {
  const { name, config, contract } = source;
  const deps = { ...rest, name, config };
  const kind = cursorKind(config, contract.columns);
  const requester = createRequester(deps);
  const pages = createPageReader({
    name,
    place: 'paginator',
    paginator: config.paginator,
    recordsPath: config.recordsPath,
    requester,
  });
  if (config.parent !== undefined) {
    return createNestedPages({
      ...deps,
      parent: config.parent,
      pages,
      requester,
      resolve: () => resolveRequest(deps),
    });
  }
  return {
    async fetchPage({ since, until, token, deadlineMs }: PageRequest): Promise<Page> {
      const endpoint = toEndpoint(await resolveRequest(deps), (draft) => {
        if (kind !== undefined && kind.kind !== 'unusable') addRange(draft, config, kind, since, until);
      });
      return pages.fetchPage(endpoint, token, deadlineMs);
    },
  };
}

function addRange(
  draft: RequestDraft,
  { incremental }: HttpSourceConfig,
  kind: CursorKind,
  since: string | undefined,
  until: string | undefined,
): void {
  if (incremental === undefined) return;
  const { parameter, endParameter, format } = incremental;
  const isNumber = incremental.in === 'body' && format.startsWith('epoch-');
  const set = (name: string, value: string): void => {
    setParameter(draft, incremental.in, name, isNumber ? Number(value) : value);
  };
  if (since !== undefined) set(parameter, writeCursor(kind, since, format, 'down'));
  if (until !== undefined && endParameter !== undefined)
    set(endParameter, writeCursor(kind, until, format, 'up'));
}
