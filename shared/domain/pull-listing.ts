import { hash } from 'node:crypto';
import { BlockedError } from './errors.ts';
import { compareCursors, isCursor, type CursorKind } from './pull-cursor.ts';
import type { Listing } from './pull-position.ts';
import { OPEN_RANGE, type ListingRange } from './pull-window.ts';

/*
 * When may the cursor move past what a listing has read? Pages are separate answers of a system that changes meanwhile:
 *
 * - Everything in one answer existed together, so a listing of one page is complete.
 * - In a listing of several pages a record is missed when one that was read leaves (it is deleted, or updated and so
 *   moved) and those behind it move up over the border of a page; or when it appears in the part that was read.
 *   (1) Nothing was skipped in a reading if the next one finds all of its records again: none had left. So that
 *   reading has every record that was there when it began.
 *   (2) What appears after a reading began has a cursor value at least as high as any that was there then (or is within
 *   the look-back). So the cursor may move to the highest value that is known to have been there: that of the reading
 *   before it or, for the first one, of its first page.
 *   Such listings are therefore read two or three times, more often while they change.
 * - An API that lists in ascending order of the cursor can be asked again from the last value of each page, instead of
 *   for the page after it. Each answer then is a listing of its own, nothing is read twice but the records with that
 *   very value, and the cursor moves with every page. Only when one value fills a whole page its next pages are needed.
 */

/** What is known about a source's answers. */
export interface ListingRules {
  /** undefined where the source is not read incrementally: the next listing reads everything again anyway. */
  readonly kind: CursorKind | undefined;
  readonly ascending: boolean;
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
export function beginListing(
  anchor: string | undefined,
  startedAtMs: number,
  { until, isClosed }: ListingRange = OPEN_RANGE,
): Listing {
  return {
    anchor,
    until,
    isClosed,
    startedAtMs,
    token: undefined,
    bound: undefined,
    highest: undefined,
    digest: '',
    check: '',
    former: undefined,
    readings: 0,
  };
}

/**
 * Takes a page into its listing.
 *
 * @throws BlockedError with code `PULL_NOT_ASCENDING` when the records are not in the order that was declared
 */
export function takePage(listing: Listing, page: ListedPage, rules: ListingRules): ListingStep {
  const { kind, ascending } = rules;
  if (kind === undefined) {
    return page.next === undefined
      ? { kind: 'settled', reached: undefined, next: undefined }
      : { kind: 'reading', listing: { ...listing, token: page.next } };
  }
  if (ascending) checkOrder(kind, page.records);
  const isFirstPage = listing.token === undefined;
  const taken = extendReading(kind, listing, page.records);
  const ended = page.next === undefined || (ascending && isPast(kind, taken.highest, listing.anchor));
  if (!ended) return { kind: 'reading', listing: { ...taken, token: page.next } };
  const settled = isFirstPage ? { reached: taken.highest } : compareReadings(kind, taken);
  if (settled === undefined) return { kind: 'again', listing: beginReading(taken) };
  const { reached } = settled;
  const mayHaveMore = ascending && (page.next !== undefined || reached !== taken.highest);
  return {
    kind: 'settled',
    reached,
    next: mayHaveMore ? beginListing(reached, listing.startedAtMs, listing) : undefined,
  };
}

function extendReading(kind: CursorKind, listing: Listing, records: readonly ListedRecord[]): Listing {
  const { token, former, readings } = listing;
  const highest = records.reduce((high, { cursor }) => laterOf(kind, high, cursor), listing.highest);
  const limit = former?.highest;
  const counted = records.filter(
    ({ cursor }) => cursor === undefined || limit === undefined || compareCursors(kind, cursor, limit) <= 0,
  );
  return {
    ...listing,
    // What the first answer holds was there when the first reading began.
    bound: token === undefined && readings === 0 ? highest : listing.bound,
    highest,
    digest: extendDigest(listing.digest, records),
    check: extendDigest(listing.check, counted),
  };
}

/** Compares a complete reading with the one before. @returns how far everything was read; undefined to read again */
function compareReadings(
  kind: CursorKind,
  { check, former, readings }: Listing,
): { reached: string | undefined } | undefined {
  if (former === undefined || check !== former.digest) return undefined;
  // After the first reading a third one is worth it, unless the first page had the highest value.
  if (readings === 1 && former.bound !== former.highest) return undefined;
  // What had the bound may have left since, and then the former reading has not come that far.
  return { reached: earlierOf(kind, former.bound, former.highest) };
}

function beginReading(listing: Listing): Listing {
  const { bound, highest, digest } = listing;
  return {
    ...beginListing(listing.anchor, listing.startedAtMs, listing),
    bound: highest,
    former: { bound, highest, digest },
    readings: listing.readings + 1,
  };
}

/** The later of two cursor values, either of which may be absent. */
export function laterOf(kind: CursorKind, a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareCursors(kind, a, b) < 0 ? b : a;
}

/** The earlier of two cursor values; undefined when one of them is absent or no value of the field: nobody knows. */
export function earlierOf(
  kind: CursorKind,
  a: string | undefined,
  b: string | undefined,
): string | undefined {
  if (a === undefined || b === undefined || !isCursor(kind, a) || !isCursor(kind, b)) return undefined;
  return compareCursors(kind, a, b) < 0 ? a : b;
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

/** Record by record, so that it does not depend on where the pages were cut. */
function extendDigest(digest: string, records: readonly ListedRecord[]): string {
  return records.reduce(
    (sum, { mark }) => hash('sha256', `${sum} ${mark}`, 'base64url').slice(0, DIGEST_LENGTH),
    digest,
  );
}

const DIGEST_LENGTH = 24;
