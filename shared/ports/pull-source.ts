/**
 * A system that is read page by page.
 *
 * Promises of every implementation:
 * - One page is one consistent answer: its records existed together.
 * - Records are the original bytes, in the order of the answer.
 * - With `since`, an answer has the records from that cursor value on, those with exactly that value included; with
 *   `until`, it may leave out those from that value on, and only those.
 * - A page that names no `next` is the last one of its listing.
 * - Passing failures are repeated inside, until the deadline at the latest; what is thrown is a HeadgateError:
 *   `retry` for what may pass, `block` for what an operator has to mend. An answer is never cut short silently.
 * - Where the source (or the budget that the configuration gives it) asks for more patience than the run has, that error
 *   is a RateLimitedError: the run ends, and the next one goes on.
 * - A token is a text of at most some thousand characters without secrets: it is kept between runs.
 *
 * `test/contract/pull-source.suite.ts` holds an implementation to it; docs/pull-sources.md says how to add one.
 */
export interface PullSource {
  fetchPage(request: PageRequest): Promise<Page>;
}

export interface PageRequest {
  /** Cursor value from which to read, inclusive; undefined where the source is not read incrementally. */
  readonly since: string | undefined;
  /** Cursor value up to which to read, for sources that are read in windows. */
  readonly until?: string | undefined;
  /** Token of the page, as `Page.next` gave it; undefined for the first. */
  readonly token: string | undefined;
  /** When the answer is of no use any more, ms since the epoch. */
  readonly deadlineMs: number;
}

export interface Page {
  /** Each one JSON text without surrounding white space. */
  readonly records: readonly Uint8Array[];
  /** Token of the next page. */
  readonly next: string | undefined;
  /** Whether the source said on the way that it is asked too often. */
  readonly rateLimited?: boolean;
  /** Answers that the configuration says to take as empty. */
  readonly ignored?: number;
}
