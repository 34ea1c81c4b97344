import { BlockedError } from '../../domain/errors.ts';

/** One link of a Link header (RFC 8288): the target, and its parameters up to the next link. */
const LINK = /<([^>]*)>((?:[^",<]|"(?:[^"\\]|\\.)*")*)/g;
const REL = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i;

/**
 * The target of the link with rel="next".
 *
 * @param base what a relative target is relative to
 * @throws BlockedError with code `PULL_LINK` when it leads to another origin: credentials must not go there
 */
export function nextLink(header: string | undefined, base: URL): URL | undefined {
  for (const [, target = '', parameters = ''] of (header ?? '').matchAll(LINK)) {
    const [, quoted, bare] = REL.exec(parameters) ?? [];
    const relations = (quoted ?? bare ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return sameOrigin(target, base, 'the Link header with rel="next"');
  }
  return undefined;
}

/**
 * The address that an answer names for its next page.
 *
 * @param what says in messages where the address stands
 * @throws BlockedError with code `PULL_LINK` when it is none, or on another origin: credentials must not go there
 */
export function sameOrigin(target: string, base: URL, what: string): URL {
  const url = URL.canParse(target, base.href) ? new URL(target, base) : undefined;
  if (url?.origin === base.origin) return url;
  throw new BlockedError(
    'PULL_LINK',
    url === undefined
      ? `${what} is not a URL`
      : `${what} leads from ${base.origin} to ${url.origin}, which is refused; configure the url whose links stay on one origin`,
  );
}
