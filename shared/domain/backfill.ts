import * as z from 'zod';
import { BlockedError } from './errors.ts';

/*
 * A backfill reads a range of a source that its runs have passed, or never read. It has lanes of its own:
 *
 *   backfill/<source>                        the source's latest backfill: what was asked for, and how it stands
 *   backfill/<source>/slot-<k>               see shared/domain/fan-out.ts; one task per window
 *   backfill/<source>/<number>/<window>      how far the window has been read
 */

const backfillSchema = z.object({
  v: z.literal(1),
  /** Backfills of a source count from 1. */
  number: z.int(),
  /** `refused`: it could not be planned, see `problem`. */
  status: z.enum(['asked', 'running', 'cancelling', 'cancelled', 'done', 'refused']),
  problem: z.string().optional(),
  /** As it was asked for: cursor values, from inclusive, to exclusive. */
  asked: z.object({ from: z.string(), to: z.string(), step: z.string() }),
  parallel: z.int(),
  startedAtMs: z.number(),
  /** The windows, once they are planned. */
  plan: z
    .object({
      from: z.string(),
      /** Exclusive; at most where the source's own runs have come to. */
      to: z.string(),
      windows: z.int(),
    })
    .optional(),
  endedAtMs: z.number().optional(),
  /** Of all windows, once it has ended. */
  totals: z.object({ read: z.number(), landed: z.number(), bytes: z.number() }).optional(),
});

/** The latest backfill of a source. */
export type Backfill = z.infer<typeof backfillSchema>;

export const backfillLane = (source: string): string => `backfill/${source}`;
export const windowLane = (source: string, number: number, window: number): string =>
  `${backfillLane(source)}/${String(number)}/${String(window)}`;

/** Part of the names of a window's objects that tells them from those of other lanes of the source. */
export const windowStem = (lane: string, commits: number): string =>
  `${lane
    .split('/')
    .filter((_, i) => i !== 1)
    .join('-')}-${String(commits)}`;

/** Names the run in slots. */
export const backfillRun = ({ number, startedAtMs }: Backfill): string =>
  `${String(number)}@${String(startedAtMs)}`;

/** Whether a backfill is on its way; another one has to wait for its end. */
export const isOpen = ({ status }: Backfill): boolean =>
  status === 'asked' || status === 'running' || status === 'cancelling';

export function formatBackfill(backfill: Backfill): string {
  return JSON.stringify(backfillSchema.parse(backfill));
}

/** @throws BlockedError with code `UNREADABLE_POSITION` */
export function parseBackfill(source: string, text: string | undefined): Backfill | undefined {
  return text === undefined ? undefined : parse(backfillSchema, backfillLane(source), text);
}

const windowSchema = z.object({
  v: z.literal(1),
  status: z.enum(['open', 'done', 'cancelled']),
  place: z.object({ cursor: z.string(), key: z.array(z.string()).optional() }).optional(),
  /** Of a source that is read page by page: how far its listing has come, see `PullPosition`. */
  pull: z.string().optional(),
  /** Rows that were read, whether they were in the lake or not. */
  read: z.number(),
  landed: z.number(),
  /** Raw bytes of the rows that landed, about. */
  bytes: z.number(),
});

/** How far a window has been read. */
export type WindowPosition = z.infer<typeof windowSchema>;

export const WINDOW_START: WindowPosition = { v: 1, status: 'open', read: 0, landed: 0, bytes: 0 };

export function formatWindow(position: WindowPosition): string {
  return JSON.stringify(windowSchema.parse(position));
}

/** @throws BlockedError with code `UNREADABLE_POSITION` */
export function parseWindow(lane: string, text: string | undefined): WindowPosition {
  return text === undefined ? WINDOW_START : parse(windowSchema, lane, text);
}

function parse<Value>(schema: z.ZodType<Value>, lane: string, text: string): Value {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BlockedError(
      'UNREADABLE_POSITION',
      `the position of lane ${lane} is not one that this version of Headgate can read; deploy the version that wrote it`,
      { cause },
    );
  }
}
