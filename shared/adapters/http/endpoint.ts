import type { HttpSourceConfig } from '../../config/schema.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import type { RequestDraft } from './request-draft.ts';
import { resolveValue } from './resolve-value.ts';

/** What is listed, without its pages. */
export interface Endpoint {
  /** Makes the request of the first page; called anew for every attempt. */
  draft(): RequestDraft;
  /** Identifies the listing among others of the same reader: pages are compared within it. */
  readonly id: string;
}

/** The request of a source with all values of the deployment filled in. */
export interface ResolvedRequest {
  /** May hold placeholders of a parent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Where the url stands, for messages. */
  readonly where: string;
}

/** The request of a source, of which values of the deployment are read now. */
export async function resolveRequest({
  name,
  config,
  parameters,
}: {
  readonly name: string;
  readonly config: HttpSourceConfig;
  readonly parameters: ParameterStore;
}): Promise<ResolvedRequest> {
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const [header, value] of Object.entries(config.headers)) {
    headers[header.toLowerCase()] = await resolveValue(value, parameters);
  }
  return {
    url: await resolveValue(config.url, parameters),
    headers,
    query: config.query,
    body: config.method === 'POST' ? (config.body ?? {}) : undefined,
    where: placeOf(`sources.${name}.url`, config.url),
  };
}

/** Where a value of the configuration stands, for messages. */
export function placeOf(path: string, value: HttpSourceConfig['url']): string {
  return typeof value === 'string' ? path : `SSM parameter ${value.parameter}`;
}

/**
 * A listing without its pages.
 *
 * @param complete adds what belongs to all pages
 * @throws BlockedError with code `PULL_URL_REFUSED` when the url is none
 */
export function toEndpoint(
  { url, headers, query, body, where }: ResolvedRequest,
  complete: (draft: RequestDraft) => void = () => undefined,
): Endpoint {
  if (!URL.canParse(url)) {
    throw new BlockedError(
      'PULL_URL_REFUSED',
      `${where} is not a URL; it must be like https://api.example.com/v1/items`,
    );
  }
  return {
    id: '',
    draft() {
      const draft = { url: new URL(url), headers: { ...headers }, body: body && structuredClone(body) };
      for (const [parameter, value] of Object.entries(query)) draft.url.searchParams.set(parameter, value);
      complete(draft);
      return draft;
    },
  };
}
