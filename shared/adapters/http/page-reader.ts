import { hash } from 'node:crypto';
import type { Paginator } from '../../config/http-paginator.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { Page } from '../../ports/pull-source.ts';
import type { ReadAnswer, Requester } from './create-requester.ts';
import type { Endpoint } from './endpoint.ts';
import { sameOrigin } from './next-link.ts';
import { paginatorRules } from './paginate.ts';
import type { RequestDraft } from './request-draft.ts';

/** Reads the pages of a listing. */
export interface PageReader {
  fetchPage(endpoint: Endpoint, token: string | undefined, deadlineMs: number): Promise<Page>;
}

export interface PageReaderOptions {
  /** Name of the source, for messages. */
  readonly name: string;
  /** Where the paginator stands in the source's configuration, for messages. */
  readonly place: string;
  readonly paginator: Paginator;
  readonly recordsPath: string | undefined;
  readonly requester: Requester;
}

/** A position is written several times per commit, and holds at most two tokens. */
const MAX_TOKEN_LENGTH = 8_192;

/** Makes a reader. It keeps nothing that a run relies on. */
export function createPageReader(options: PageReaderOptions): PageReader {
  const { name, place, paginator, recordsPath, requester } = options;
  const rules = paginatorRules(paginator);
  /** The page that was read before this one, to notice an API that ignores the page parameter. */
  let previous:
    { readonly id: string; readonly token: string | undefined; readonly digest: string } | undefined;
  /** Whether an answer of fewer records than asked for has been confirmed to be the last one. */
  let isSizeTrusted = false;

  function draftOf(endpoint: Endpoint, token: string | undefined): RequestDraft {
    const draft = endpoint.draft();
    if (rules.tokenIsUrl && token !== undefined) {
      // A link that was kept in the ledger still has to belong to the endpoint that is configured now.
      return { ...draft, url: sameOrigin(token, new URL(draft.url.origin), 'the next page') };
    }
    rules.apply(draft, token);
    return draft;
  }

  async function fetchPage(endpoint: Endpoint, token: string | undefined, deadlineMs: number): Promise<Page> {
    const read = (page: string | undefined): Promise<ReadAnswer> =>
      requester.read(() => draftOf(endpoint, page), recordsPath, deadlineMs);
    const first = await read(token);
    const { answer, records } = first;
    const next = nextOf(first, token);
    checkProgress(endpoint.id, records, token, next);
    const page = {
      records,
      ...(first.rateLimited && { rateLimited: true }),
      ...(first.isIgnored && { ignored: 1 }),
    };
    if (next === undefined || rules.size === undefined || records.length >= rules.size)
      return { ...page, next };
    if (!isSizeTrusted) {
      const beyond = await read(next);
      if (beyond.records.length > 0) throw wrongSize(records.length, rules.size, answer.url);
      isSizeTrusted = true;
    }
    return { ...page, next: undefined };
  }

  function nextOf({ answer, records }: ReadAnswer, token: string | undefined): string | undefined {
    const next = rules.next({ ...answer, records: records.length }, token);
    if (next === undefined) return undefined;
    const kept = rules.tokenIsUrl ? requester.withoutSecrets(next) : next;
    if (kept.length <= MAX_TOKEN_LENGTH) return kept;
    throw new BlockedError(
      'PULL_TOKEN_TOO_LONG',
      `the answer to source ${name} names its next page by ${String(kept.length)} characters; at most ${String(MAX_TOKEN_LENGTH)} can be kept between runs; check sources.${name}.${place}`,
    );
  }

  function checkProgress(
    id: string,
    records: readonly Uint8Array[],
    token: string | undefined,
    next: string | undefined,
  ): void {
    if (next !== undefined && next === token) {
      throw new BlockedError(
        'PULL_LOOP',
        `the answer to source ${name} names itself as the next page; check sources.${name}.${place}`,
      );
    }
    const digest = hash('sha256', Buffer.concat(records));
    const isSame = previous?.id === id && previous.token !== token && previous.digest === digest;
    if (token !== undefined && records.length > 0 && isSame) {
      throw new BlockedError(
        'PULL_LOOP',
        `two pages of source ${name} hold the very same records: the API seems to ignore the page; check sources.${name}.${place}`,
      );
    }
    previous = { id, token, digest };
  }

  function wrongSize(records: number, size: number, { host }: URL): BlockedError {
    return new BlockedError(
      'PULL_PAGE_SIZE',
      `${host} answered ${String(records)} records where sources.${name}.${place}.size asks for ${String(size)}, and has more on the next page; set size to what the API really gives (at most ${String(records)})`,
    );
  }

  return { fetchPage };
}
