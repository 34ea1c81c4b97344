import type { IncomingHttpHeaders } from 'node:http';
import type { Paginator } from '../../config/http-paginator.ts';
import { BlockedError } from '../../domain/errors.ts';
import { findAt, toPathSteps } from '../../domain/json-path.ts';
import { scalarAt } from '../../domain/json-spans.ts';
import { nextLink, sameOrigin } from './next-link.ts';
import { setParameter, type RequestDraft } from './request-draft.ts';

/** What a paginator needs to know of an answer. */
interface Answer {
  /** Valid JSON, or empty where the answer had none. */
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  readonly records: number;
}

/** How one kind of paginator works; `token` is undefined for the first page. */
export interface PaginatorRules {
  /** Adds the parameters of a page. */
  apply(draft: RequestDraft, token: string | undefined): void;
  /** Token of the page after this one, which may turn out to be empty; undefined at the end. */
  next(answer: Answer, token: string | undefined): string | undefined;
  /** Records of a full page, where nothing but a page with fewer tells the end. */
  readonly size: number | undefined;
  /** Whether a token is the whole address of its page. */
  readonly tokenIsUrl: boolean;
}

/** The rules of a source's paginator. */
export function paginatorRules(paginator: Paginator): PaginatorRules {
  switch (paginator.type) {
    case 'page':
      return pageRules(paginator);
    case 'offset':
      return offsetRules(paginator);
    case 'cursor':
      return cursorRules(paginator);
    case 'link-header':
      return {
        size: undefined,
        tokenIsUrl: true,
        apply: () => undefined,
        next: ({ headers, url }) => nextLink(joined(headers['link']), url)?.href,
      };
    case 'next-url':
      return nextUrlRules(paginator);
    case 'none':
      return { size: undefined, tokenIsUrl: false, apply: () => undefined, next: () => undefined };
  }
}

type Of<Type extends Paginator['type']> = Extract<Paginator, { type: Type }>;

function pageRules(paginator: Of<'page'>): PaginatorRules {
  const { parameter, firstPage, sizeParameter, size, totalPath, hasMorePath } = paginator;
  return {
    size: totalPath === undefined && hasMorePath === undefined ? size : undefined,
    tokenIsUrl: false,
    apply(draft, token) {
      setParameter(draft, paginator.in, parameter, Number(token ?? firstPage));
      if (sizeParameter !== undefined && size !== undefined) {
        setParameter(draft, paginator.in, sizeParameter, size);
      }
    },
    next(answer, token) {
      const page = Number(token ?? firstPage);
      const isLast = saysEnd(answer, paginator, page - firstPage + 1) ?? answer.records === 0;
      return isLast ? undefined : String(page + 1);
    },
  };
}

function offsetRules(paginator: Of<'offset'>): PaginatorRules {
  const { parameter, sizeParameter, size, totalPath, hasMorePath } = paginator;
  return {
    size: totalPath === undefined && hasMorePath === undefined ? size : undefined,
    tokenIsUrl: false,
    apply(draft, token) {
      setParameter(draft, paginator.in, parameter, Number(token ?? 0));
      setParameter(draft, paginator.in, sizeParameter, size);
    },
    next(answer, token) {
      const reached = Number(token ?? 0) + answer.records;
      const isLast = saysEnd(answer, paginator, reached) ?? answer.records === 0;
      return isLast ? undefined : String(reached);
    },
  };
}

function cursorRules(paginator: Of<'cursor'>): PaginatorRules {
  const { parameter, path, header } = paginator;
  return {
    size: undefined,
    tokenIsUrl: false,
    apply(draft, token) {
      if (token !== undefined) setParameter(draft, paginator.in, parameter, token);
    },
    next(answer) {
      const text =
        path === undefined ? joined(answer.headers[header?.toLowerCase() ?? '']) : textOf(answer, path);
      return followed(answer, paginator, text, path ?? `header ${header ?? ''}`);
    },
  };
}

function nextUrlRules(paginator: Of<'next-url'>): PaginatorRules {
  const { path } = paginator;
  return {
    size: undefined,
    tokenIsUrl: true,
    apply: () => undefined,
    next(answer) {
      const text = followed(answer, paginator, textOf(answer, path), path);
      return text === undefined ? undefined : sameOrigin(text, answer.url, `the address at "${path}"`).href;
    },
  };
}

/** @throws BlockedError with code `PULL_NO_NEXT` when the answer says that there is more, and not where */
function followed(
  answer: Answer,
  { hasMorePath }: { readonly hasMorePath?: string | undefined },
  text: string | undefined,
  where: string,
): string | undefined {
  const end = saysEnd(answer, { hasMorePath }, 0);
  if (end === true) return undefined;
  if (text !== undefined && text !== '' && text !== 'false') return text;
  if (end === undefined) return undefined;
  throw new BlockedError(
    'PULL_NO_NEXT',
    `the answer says that there are more pages, and names none at ${where}; check the paginator`,
  );
}

/**
 * Whether the answer itself says that it is the last page; undefined when it says nothing.
 *
 * @param reached pages or records up to and with this answer
 */
function saysEnd(
  answer: Answer,
  {
    totalPath,
    hasMorePath,
  }: { readonly totalPath?: string | undefined; readonly hasMorePath?: string | undefined },
  reached: number,
): boolean | undefined {
  const more = hasMorePath === undefined ? undefined : textOf(answer, hasMorePath);
  if (more === 'true' || more === 'false') return more === 'false';
  const total = totalPath === undefined ? undefined : textOf(answer, totalPath);
  return total !== undefined && /^\d{1,15}$/.test(total) ? reached >= Number(total) : undefined;
}

/** Text of the scalar at a path; undefined where there is none. */
function textOf({ body }: Answer, path: string): string | undefined {
  if (body.length === 0) return undefined;
  const span = findAt(body, toPathSteps(path));
  return span && scalarAt(body, span)?.text;
}

/** A header that may be repeated. */
function joined(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' || header === undefined ? header : header.join(', ');
}
