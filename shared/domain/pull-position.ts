import { BlockedError } from './errors.ts';

/**
 * How far a pulled source has been read. As canonical JSON text it is the lane's position in the ledger: everything
 * that a run does follows from it.
 */
export interface PullPosition {
  /** The highest cursor value up to which everything is durable, as exact text; it only grows. */
  readonly cursor: string | undefined;
  /** Where the next listing begins, inclusive: at the cursor, or a look-back behind it. */
  readonly since: string | undefined;
  /** The listing that is being read; undefined when the last one was read to its end. */
  readonly listing: Listing | undefined;
  /**
   * Marks of durable records that the next answers will hold again; those are dropped without asking the claims, which
   * may have expired by then. A record in quarantine has claimed no key: its mark is all that keeps it from going
   * there again with each reading.
   */
  readonly seen: readonly string[];
  /** The highest cursor value of any record that has a mark: an answer from above it holds none of them. */
  readonly seenUpTo: string | undefined;
}

/** What is known about one reading of all pages of a listing. */
interface Reading {
  /** A cursor value of which it is known that it was there when the reading began. */
  readonly bound: string | undefined;
  /** The highest cursor value of the reading. */
  readonly highest: string | undefined;
  /** Digest of its records in their order. */
  readonly digest: string;
}

/** All pages from an anchor on, which may have to be read several times. */
export interface Listing extends Reading {
  /** Cursor value that the pages are asked from; undefined where the source is not read incrementally. */
  readonly anchor: string | undefined;
  /** Cursor value up to which the pages are asked; undefined where no end is asked for. */
  readonly until: string | undefined;
  /**
   * Whether `until` is so long ago that nothing can appear before it any more: the cursor may move there, whatever was
   * found.
   */
  readonly isClosed: boolean;
  /** When the listing began, ms since the epoch; it stays when the listing goes on from another anchor. */
  readonly startedAtMs: number;
  /** Token of the next page; undefined for the first. */
  readonly token: string | undefined;
  /** Digest of this reading's records up to the highest cursor value of the former reading. */
  readonly check: string;
  /** The reading before this one. */
  readonly former: Reading | undefined;
  /** Readings before this one. */
  readonly readings: number;
}

/** Nothing was read yet. */
export const START: PullPosition = {
  cursor: undefined,
  since: undefined,
  listing: undefined,
  seen: [],
  seenUpTo: undefined,
};

const VERSION = 1;
const POSITION_TEXTS = ['cursor', 'since', 'seenUpTo'] as const;
const READING_TEXTS = ['bound', 'highest'] as const;
const LISTING_TEXTS = ['anchor', 'token', 'until'] as const;

/** The position as text: one text per position. */
export function formatPosition({ cursor, since, listing, seen, seenUpTo }: PullPosition): string {
  return JSON.stringify({
    v: VERSION,
    cursor,
    since,
    listing: listing && {
      anchor: listing.anchor,
      until: listing.until,
      // Positions of sources without windows stay as they always were.
      isClosed: listing.isClosed || undefined,
      startedAtMs: listing.startedAtMs,
      token: listing.token,
      readings: listing.readings,
      check: listing.check,
      ...toReading(listing),
      former: listing.former && toReading(listing.former),
    },
    seen,
    seenUpTo,
  });
}

const toReading = ({ bound, highest, digest }: Reading): Reading => ({ bound, highest, digest });

/**
 * Reads a position.
 *
 * @throws BlockedError with code `UNREADABLE_POSITION`: reading from anywhere else could lose records
 */
export function parsePosition(lane: string, text: string | undefined): PullPosition {
  if (text === undefined) return START;
  const value = parseObject(text);
  if (value?.v !== VERSION || !hasTexts(value, POSITION_TEXTS) || !isTextList(value.seen))
    throw unreadable(lane);
  const { listing } = value;
  if (listing !== undefined && !isListing(listing)) throw unreadable(lane);
  return {
    cursor: textOf(value.cursor),
    since: textOf(value.since),
    listing: listing && { ...listing, until: listing.until, isClosed: listing.isClosed === true },
    seen: value.seen,
    seenUpTo: textOf(value.seenUpTo),
  };
}

function unreadable(lane: string): BlockedError {
  return new BlockedError(
    'UNREADABLE_POSITION',
    `the position of lane ${lane} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
  );
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const hasTexts = (value: Fields, names: readonly string[]): boolean =>
  names.every((name) => value[name] === undefined || typeof value[name] === 'string');
const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

function isReading(value: unknown): value is Reading {
  return isObject(value) && hasTexts(value, READING_TEXTS) && typeof value.digest === 'string';
}

function isListing(value: unknown): value is Omit<Listing, 'isClosed'> & { readonly isClosed?: boolean } {
  if (!isObject(value) || !isReading(value) || !hasTexts(value, LISTING_TEXTS)) return false;
  const { startedAtMs, readings, check, former, isClosed }: Fields = { ...value };
  return (
    typeof startedAtMs === 'number' &&
    typeof readings === 'number' &&
    typeof check === 'string' &&
    (isClosed === undefined || typeof isClosed === 'boolean') &&
    (former === undefined || isReading(former))
  );
}
