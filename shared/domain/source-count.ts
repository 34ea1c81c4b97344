import * as z from 'zod';
import type { Backfill } from './backfill.ts';

/*
 * Rows of a table that is followed by cursor are counted at the source, and compared with those that were committed. The
 * numbers stand in the position of the lane, which moves with the rows in one transaction: they are exact whoever
 * commits, and however often.
 *
 * What was committed since the last count is the *open* stretch. It is counted when it is closed, and once more with the
 * next count, for rows that became visible later. A row that is counted and was not read was passed over: the reading has
 * come beyond it, and never goes back.
 */

/** A place between two rows: after that of the key, or before all rows of the cursor where there is none. */
const edgeSchema = z
  .object({ cursor: z.string(), key: z.array(z.string()).optional() })
  .transform(({ cursor, key }) => ({ cursor, key }));

/** Rows from one edge to the next. */
const stretchSchema = z.object({
  /** Undefined: it begins with the first row of the table. */
  from: edgeSchema.optional(),
  /** Rows that it is known to have. */
  rows: z.int(),
});

const missingSchema = z.object({
  rows: z.int(),
  /** Cursor values as a backfill is asked for them: `from` inclusive, `to` exclusive. */
  from: z.string(),
  to: z.string(),
  /** When it was found. */
  atMs: z.number(),
});

export const sourceCountSchema = z.object({
  /** What is being read: it ends where the reading has come to. */
  open: stretchSchema.extend({ sinceMs: z.number() }),
  /** The one before, which ends where `open` begins; undefined: it was counted twice. */
  closed: stretchSchema.optional(),
  /** The last count. */
  last: z
    .object({
      atMs: z.number(),
      /** Rows that were known, and rows that the source has. */
      known: z.int(),
      found: z.int(),
      /** Of the rows that were found those that were passed over. */
      missing: z.int(),
      /** Why nothing could be counted. */
      problem: z.string().optional(),
    })
    .optional(),
  /** Rows that were passed over and may not be in the lake: nobody has backfilled them since. */
  missing: missingSchema.optional(),
});

export type SourceCount = z.infer<typeof sourceCountSchema>;
export type Edge = z.infer<typeof edgeSchema>;
export type MissingRows = z.infer<typeof missingSchema>;

/** Counting begins: everything from this edge on is counted with the rows that are committed from now on. */
export function beginCount(from: Edge | undefined, nowMs: number): SourceCount {
  return { open: { from, rows: 0, sinceMs: nowMs } };
}

/** Rows of the open stretch were read, and are committed with the position that says so. */
export function addRead(count: SourceCount, rows: number): SourceCount {
  return { ...count, open: { ...count.open, rows: count.open.rows + rows } };
}

/** Whether it is time to count. A table at rest is counted until nothing is left that could still be late. */
export function isCountDue({ open, closed }: SourceCount, nowMs: number, everyMs: number): boolean {
  return (open.rows > 0 || closed !== undefined) && nowMs - open.sinceMs >= everyMs;
}

/** What the source has of the stretches. */
export interface Found {
  readonly open: number;
  readonly closed: number;
}

/**
 * After a count.
 *
 * @param end where the open stretch ends
 */
export function afterCount(count: SourceCount, found: Found, end: Edge, nowMs: number): SourceCount {
  const { open, closed } = count;
  const missing = missingOf(count, found);
  return {
    open: { from: end, rows: 0, sinceMs: nowMs },
    // What it has now is what it is known to have: later only what has come since is more, whatever was deleted.
    closed: open.rows === 0 && found.open === 0 ? undefined : { from: open.from, rows: found.open },
    last: {
      atMs: nowMs,
      known: open.rows + (closed?.rows ?? 0),
      found: found.open + found.closed,
      missing: missing.open + missing.closed,
    },
    missing: count.missing,
  };
}

/** Rows that each stretch has more than it is known to have. */
export function missingOf({ open, closed }: SourceCount, found: Found): Found {
  return {
    open: Math.max(0, found.open - open.rows),
    closed: Math.max(0, found.closed - (closed?.rows ?? 0)),
  };
}

/** Nothing could be counted: what was to be is given up, so that the next count has no more to do than this one. */
export function afterFailedCount(count: SourceCount, end: Edge, nowMs: number, problem: string): SourceCount {
  return {
    open: { from: end, rows: 0, sinceMs: nowMs },
    last: { atMs: nowMs, known: 0, found: 0, missing: 0, problem },
    missing: count.missing,
  };
}

/** What is missing, all told. One backfill reads all of it. */
export function mergeMissing(
  known: MissingRows | undefined,
  found: MissingRows,
  compare: (a: string, b: string) => number,
): MissingRows {
  if (known === undefined) return found;
  return {
    rows: known.rows + found.rows,
    from: compare(known.from, found.from) <= 0 ? known.from : found.from,
    to: compare(known.to, found.to) >= 0 ? known.to : found.to,
    atMs: found.atMs,
  };
}

/** Whether a backfill has read all that is missing since it was found: what the lake lacked has landed. */
export function isBackfilled(
  { from, to, atMs }: MissingRows,
  backfill: Backfill | undefined,
  compare: (a: string, b: string) => number,
): boolean {
  if (backfill?.status !== 'done' || backfill.plan === undefined || backfill.startedAtMs < atMs) return false;
  const { plan } = backfill;
  return compare(plan.from, from) <= 0 && compare(plan.to, to) >= 0;
}
