import type { HttpSourceConfig } from '../../config/schema.ts';
import { findSpan, scalarAt } from '../../domain/json-spans.ts';
import { nextLink } from './next-link.ts';

type Paginator = HttpSourceConfig['paginator'];

/** What a paginator needs to know of an answer. */
interface Answer {
  readonly body: Buffer;
  readonly link: string | undefined;
  readonly url: URL;
  readonly records: number;
}

/** How one kind of paginator works; `token` is undefined for the first page. */
interface PaginatorRules {
  /** Adds the query parameters of a page. */
  apply(query: URLSearchParams, token: string | undefined): void;
  /** Token of the page after this one, which may turn out to be empty; undefined at the end. */
  next(answer: Answer, token: string | undefined): string | undefined;
  /** Records of a full page: one with fewer should be the last. */
  readonly size: number | undefined;
}

/** The rules of a source's paginator. */
export function paginatorRules(paginator: Paginator): PaginatorRules {
  switch (paginator.type) {
    case 'page': {
      const { parameter, firstPage, sizeParameter, size } = paginator;
      return {
        size,
        apply(query, token) {
          query.set(parameter, token ?? String(firstPage));
          if (sizeParameter !== undefined && size !== undefined) query.set(sizeParameter, String(size));
        },
        next: ({ records }, token) => (records === 0 ? undefined : String(Number(token ?? firstPage) + 1)),
      };
    }
    case 'offset': {
      const { parameter, sizeParameter, size } = paginator;
      return {
        size,
        apply(query, token) {
          query.set(parameter, token ?? '0');
          query.set(sizeParameter, String(size));
        },
        next: ({ records }, token) => (records === 0 ? undefined : String(Number(token ?? 0) + records)),
      };
    }
    case 'cursor': {
      const { parameter, path } = paginator;
      return {
        size: undefined,
        apply(query, token) {
          if (token !== undefined) query.set(parameter, token);
        },
        next({ body }) {
          const span = findSpan(body, path.split('.'));
          const text = span && scalarAt(body, span)?.text;
          return text === '' || text === 'false' ? undefined : text;
        },
      };
    }
    case 'link-header':
      return {
        size: undefined,
        apply: () => undefined,
        next: ({ link, url }) => nextLink(link, url)?.href,
      };
    case 'none':
      return { size: undefined, apply: () => undefined, next: () => undefined };
  }
}
