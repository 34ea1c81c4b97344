import type { PagedSourceConfig } from '../../config/schema.ts';
import {
  formatWindow,
  parseWindow,
  windowStem,
  WINDOW_START,
  type WindowPosition,
} from '../../domain/backfill.ts';
import { compareCursors } from '../../domain/pull-cursor.ts';
import { beginListing } from '../../domain/pull-listing.ts';
import { formatPosition, parsePosition, START } from '../../domain/pull-position.ts';
import type { Source } from '../../domain/source.ts';
import type { LandedKeys } from '../../ports/landed-keys.ts';
import type { Incremental } from '../pull/incremental-of.ts';
import type { PullScope } from '../pull/pull-scope.ts';
import type { Window } from './backfill-mode.ts';
import { createKnownRecords } from './known-records.ts';

/**
 * One window of a backfill, as a scope of the reader of pages: everything with a cursor in the window that was there when
 * it was listed, and is not in the lake. Records without a cursor may belong to any window; they are meant in each.
 *
 * The source's own runs do not come back behind the end of the window (see planPullBackfill), so nothing is lost should
 * the window stay half-read for ever: its batches are staged, and land when it is read on or cancelled.
 */
export function createWindowScope(
  source: Source<PagedSourceConfig>,
  { kind, hasEnd }: Incremental,
  { landed, lookUpUntilMs }: { readonly landed: LandedKeys; readonly lookUpUntilMs: number },
  { lane, from, until }: Window,
): PullScope {
  return {
    lane,
    stemOf: (commits) => windowStem(lane, commits),
    start: formatWindow(WINDOW_START),
    parse(text) {
      const { status, pull } = parseWindow(lane, text);
      if (status !== 'open') return undefined;
      return pull === undefined ? START : parsePosition(lane, pull);
    },
    format(after, text, { read, offered, bytes }) {
      const before = parseWindow(lane, text);
      const isDone = after.listing === undefined;
      const to: WindowPosition = {
        v: 1,
        status: isDone ? 'done' : 'open',
        ...(!isDone && { pull: formatPosition(after) }),
        read: before.read + read,
        landed: before.landed + offered,
        bytes: before.bytes + bytes,
      };
      return formatWindow(to);
    },
    // Where the API takes no end, what lies behind the window is listed too, and left out.
    begin: (anchor, nowMs) =>
      beginListing(anchor, nowMs, { until: hasEnd ? until : undefined, isClosed: true }),
    firstAnchor: from,
    follow: (_, reached, more) =>
      reached !== undefined && compareCursors(kind, reached, until) >= 0 ? undefined : more,
    commitsEnd: true,
    givesWay: true,
    includes: (cursor) =>
      cursor === undefined ||
      (compareCursors(kind, cursor, from) >= 0 && compareCursors(kind, cursor, until) < 0),
    ...createKnownRecords(landed, source, lookUpUntilMs),
  };
}
