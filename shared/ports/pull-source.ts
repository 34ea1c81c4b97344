/**
 * A system that is read page by page.
 *
 * Promises of every implementation:
 * - One page is one consistent answer: its records existed together.
 * - Records are the original bytes, in the order of the answer.
 * - With `since`, an answer has the records from that cursor value on, those with exactly that value included.
 * - A page that names no `next` is the last one of its listing.
 * - Passing failures are repeated inside, until the deadline at the latest; what is thrown is a HeadgateError:
 *   `retry` for what may pass, `block` for what an operator has to mend. An answer is never cut short silently.
 */
export interface PullSource {
  fetchPage(request: PageRequest): Promise<Page>;
}

export interface PageRequest {
  /** Cursor value from which to read, inclusive; undefined where the source is not read incrementally. */
  readonly since: string | undefined;
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
}
