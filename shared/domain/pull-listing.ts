import { hash } from 'node:crypto';
import { BlockedError } from './errors.ts';
import { compareCursors, isCursor, type CursorKind } from './pull-cursor.ts';
import type { Listing } from './pull-position.ts';

/*
 * When may the cursor move past what a listing has read? Pages are separate answers of a system that changes meanwhile:
 *
 * - Everything in one answer existed together, so a listing of one page is complete.
 * - Tokens that are positions (page numbers, offsets) skip a record when one that was read leaves the listing: it is
 *   deleted, or updated and so moved to the end. A second reading that finds the very same records up to the same
 *   cursor value shows that none left: to be skipped in both readings, a record needs one that left in the first,
 *   which the second cannot have. So listings of several pages are read until two readings agree.
 * - An API that lists in ascending order of the cursor can be asked again from the last value of each page, instead of
 *   for the page after it. Each answer then is a listing of its own, nothing is read twice but the records with that
 *   very value, and the cursor moves with every page. Only when one value fills a whole page its next pages are needed.
 */

/** What is known about a source's answers. */
export interface ListingRules {
  /** undefined where the source is not read incrementally: the next listing reads everything again anyway. */
  readonly kind: CursorKind | undefined;
  readonly ascending: boolean;
  readonly tokens: 'positions' | 'anchors';
}

/** A page as far as its listing is concerned. */
export interface ListedPage {
  readonly records: readonly ListedRecord[];
  readonly next: string | undefined;
}

export interface ListedRecord {
  /** Short hash of the record's bytes. */
  readonly mark: string;
  /** Exact text of its cursor; undefined when it has none that is valid. */
  readonly cursor: string | undefined;
}

/** What a page means for its listing. */
export type ListingStep =
  /** The listing goes on, or is read once more: `listing` says from which page. */
  | { readonly kind: 'reading' | 'again'; readonly listing: Listing }
  /** Everything up to `reached` was read. Where there may be more, `next` is the listing that reads it. */
  | { readonly kind: 'settled'; readonly reached: string | undefined; readonly next: Listing | undefined };

/** A listing of which nothing was read. */
export function beginListing(anchor: string | undefined, startedAtMs: number): Listing {
  return {
    anchor,
    startedAtMs,
    token: undefined,
    highest: undefined,
    digest: '',
    former: undefined,
    bound: undefined,
    readings: 0,
  };
}

/**
 * Takes a page into its listing.
 *
 * @throws BlockedError with code `PULL_NOT_ASCENDING` when the records are not in the order that was declared
 */
export function takePage(listing: Listing, page: ListedPage, rules: ListingRules): ListingStep {
  const { kind, ascending, tokens } = rules;
  if (kind === undefined) {
    return page.next === undefined
      ? { kind: 'settled', reached: undefined, next: undefined }
      : { kind: 'reading', listing: { ...listing, token: page.next } };
  }
  if (ascending) checkOrder(kind, page.records);
  const highest = page.records.reduce((high, { cursor }) => laterOf(kind, high, cursor), listing.highest);
  const digest = extendDigest(kind, listing, page.records);
  const ended = page.next === undefined || (ascending && isPast(kind, highest, listing.anchor));
  if (!ended) return { kind: 'reading', listing: { ...listing, token: page.next, highest, digest } };

  const isOneAnswer = listing.token === undefined;
  if (!isOneAnswer && tokens === 'positions' && digest !== listing.former) {
    return {
      kind: 'again',
      listing: {
        ...beginListing(listing.anchor, listing.startedAtMs),
        former: digest,
        bound: listing.bound ?? highest,
        readings: listing.readings + 1,
      },
    };
  }
  const reached = isOneAnswer ? highest : (listing.bound ?? highest);
  const mayHaveMore = ascending && (page.next !== undefined || reached !== highest);
  return {
    kind: 'settled',
    reached,
    next: mayHaveMore ? beginListing(reached, listing.startedAtMs) : undefined,
  };
}

/** The later of two cursor values, either of which may be absent. */
export function laterOf(kind: CursorKind, a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareCursors(kind, a, b) < 0 ? b : a;
}

function checkOrder(kind: CursorKind, records: readonly ListedRecord[]): void {
  let highest: string | undefined;
  records.forEach(({ cursor }, index) => {
    if (cursor !== undefined && highest !== undefined && compareCursors(kind, cursor, highest) < 0) {
      throw new BlockedError(
        'PULL_NOT_ASCENDING',
        `the answer is not in ascending order of incremental.cursor (record ${String(index)} is before one that precedes it), so reading on from its last value would skip records; add the API's sort parameter to "query", or set incremental.order to "unknown"`,
      );
    }
    highest = laterOf(kind, highest, cursor);
  });
}

/** An initial value that is no value of the field (such as "0" for a time) is before all of them. */
function isPast(kind: CursorKind, cursor: string | undefined, anchor: string | undefined): boolean {
  if (cursor === undefined) return false;
  return anchor === undefined || !isCursor(kind, anchor) || compareCursors(kind, cursor, anchor) > 0;
}

function extendDigest(
  kind: CursorKind,
  { digest, bound }: Listing,
  records: readonly ListedRecord[],
): string {
  const counted = records.filter(
    ({ cursor }) => cursor === undefined || bound === undefined || compareCursors(kind, cursor, bound) <= 0,
  );
  if (counted.length === 0) return digest;
  // Record by record, so that it does not depend on where the pages were cut.
  return counted.reduce(
    (sum, { mark }) => hash('sha256', `${sum} ${mark}`, 'base64url').slice(0, DIGEST_LENGTH),
    digest,
  );
}

const DIGEST_LENGTH = 24;
