import type { PagedSourceConfig } from '../../config/schema.ts';
import type { Frame, FrameRecord } from '../../domain/frame.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { beginListing, laterOf } from '../../domain/pull-listing.ts';
import {
  formatPosition,
  parsePosition,
  START,
  type Listing,
  type PullPosition,
} from '../../domain/pull-position.ts';
import { OPEN_RANGE, planRange } from '../../domain/pull-window.ts';
import type { Source } from '../../domain/source.ts';
import type { Incremental } from './incremental-of.ts';

/** What one batch holds. */
interface BatchSums {
  /** Records of the scope that were read for the first time. */
  readonly read: number;
  readonly offered: number;
  readonly bytes: number;
}

/** What a lane reads of a source, and how it keeps how far it has come. */
export interface PullScope {
  readonly lane: string;
  /** Part of the objects' names that tells them from those of other lanes of the source. */
  stemOf(commits: number): string;
  /**
   * How far the lane has come; undefined when nothing is left to read for good.
   *
   * @throws BlockedError with code `UNREADABLE_POSITION`
   */
  parse(text: string | undefined): PullPosition | undefined;
  /** The lane's position where nothing was read. */
  readonly start: string;
  /**
   * The lane's position after a batch.
   *
   * @param before the lane's position before it
   */
  format(after: PullPosition, before: string | undefined, sums: BatchSums): string;
  /** A listing that begins now. */
  begin(anchor: string | undefined, nowMs: number): Listing;
  /** Where the first listing begins. */
  readonly firstAnchor: string | undefined;
  /**
   * The listing after one of which everything up to `reached` was read; undefined after the last one.
   *
   * @param more the listing of what the source may have behind it, where its pages were not all read
   */
  follow(
    listing: Listing,
    reached: string | undefined,
    more: Listing | undefined,
    nowMs: number,
  ): Listing | undefined;
  /** Whether the end is committed also where nothing new was found. */
  readonly commitsEnd: boolean;
  /** Whether reading ends as soon as the source says that it is asked too often, so that others may go first. */
  readonly givesWay: boolean;
  /** Whether records with this cursor are meant. Absent: all are. */
  includes?(cursor: string | undefined): boolean;
  /** Which records are in the lake or in quarantine already. Absent: nobody knows, the claims decide. */
  known?(
    records: readonly { readonly mark: string; readonly record: FrameRecord }[],
  ): Promise<readonly boolean[]>;
  /** Told what is offered: it lands, whoever commits it. */
  offers?(frames: readonly Frame[]): void;
}

/** Follows a source in its own lane: from where it was read to up to now, for ever. */
export function createFollowScope(
  { name }: Source<PagedSourceConfig>,
  incremental: Incremental | undefined,
): PullScope {
  const lane = pullLane(name);
  const begin = (anchor: string | undefined, nowMs: number): Listing => {
    const range = incremental?.hasEnd === true ? planRange(anchor, nowMs, incremental) : OPEN_RANGE;
    return beginListing(anchor, nowMs, range);
  };
  return {
    lane,
    stemOf: (commits) => `pull-${String(commits)}`,
    parse: (text) => parsePosition(lane, text),
    start: formatPosition(START),
    format: formatPosition,
    begin,
    firstAnchor: incremental?.initialValue,
    follow({ until, isClosed }, reached, more, nowMs) {
      if (more !== undefined) return more;
      // The window after one that nothing can appear in any more.
      if (!isClosed || until === undefined || incremental === undefined) return undefined;
      return begin(laterOf(incremental.kind, until, reached), nowMs);
    },
    commitsEnd: false,
    givesWay: false,
  };
}
