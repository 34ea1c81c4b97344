import * as z from 'zod';

/*
 * How many rows a reading by cursor has met, step by step of the cursor: so that at its end, when it is known from where the
 * next one begins, it is known as well how many rows lie before that. Steps grow with the distance from the newest one: a
 * reading over years keeps some hundreds.
 */

/** A step may be so much of its distance from the newest one. */
const FINENESS = 64;

export const stepsSchema = z.object({
  /** Length of a step, ms of the cursor. */
  stepMs: z.number(),
  /** Number of the first step of each part, ascending, and the rows in it. */
  parts: z.array(z.tuple([z.int(), z.int()])),
});

/** Rows of a reading by the steps of their cursors. */
export type CursorSteps = z.infer<typeof stepsSchema>;

/**
 * No steps yet.
 *
 * @param lookbackMs how far behind the highest cursor the next reading begins at least
 * @param leastMs what the cursor is a multiple of
 */
export function beginSteps(lookbackMs: number, leastMs: number): CursorSteps {
  return { stepMs: Math.max(1, Math.ceil(lookbackMs / FINENESS / leastMs)) * leastMs, parts: [] };
}

/** Adds rows, whose cursors (ms since the epoch) are not before those that were added earlier. */
export function addCursors({ stepMs, parts }: CursorSteps, cursorsMs: Iterable<number>): CursorSteps {
  const all: [number, number][] = parts.map(([step, rows]) => [step, rows]);
  for (const ms of cursorsMs) {
    const step = Math.floor(ms / stepMs);
    const last = all.at(-1);
    if (last !== undefined && last[0] >= step) last[1]++;
    else all.push([step, 1]);
  }
  return { stepMs, parts: thin(all) };
}

/** Joins what is far behind the newest step. */
function thin(parts: readonly [number, number][]): [number, number][] {
  const newest = parts.at(-1)?.[0] ?? 0;
  const kept: [number, number][] = [];
  for (const [i, [step, rows]] of parts.entries()) {
    const last = kept.at(-1);
    const next = parts[i + 1]?.[0] ?? Infinity;
    // It may go into the one before as long as that does not become too long.
    if (last !== undefined && next - last[0] <= (newest - next) / FINENESS) last[1] += rows;
    else kept.push([step, rows]);
  }
  return kept;
}

/**
 * The last beginning of a step that lies in a range, with the rows before it.
 *
 * @param isBefore whether an instant, ms since the epoch, is where the next reading may begin
 * @returns undefined when no step begins there
 */
export function lastStep(
  { stepMs, parts }: CursorSteps,
  isBefore: (ms: number) => boolean,
): { readonly ms: number; readonly rows: number } | undefined {
  let found: { ms: number; rows: number } | undefined;
  let rows = 0;
  for (const [step, ofStep] of parts) {
    const ms = step * stepMs;
    if (!isBefore(ms)) break;
    found = { ms, rows };
    rows += ofStep;
  }
  return found;
}
