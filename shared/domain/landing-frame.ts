import type { Origin } from './identity.ts';

/*
 * Frames that wait in the landing zone. A frame's name says when it was written and which of its process's frames it
 * is: `20260131T235959.123Z-0007-<token>`. The text order of names is the order of their times.
 */

/** Where frames stand until they are in the lake. */
export const LANDING_FRAMES_PREFIX = 'landing/frames/';

/** How often one process may name frames within a millisecond. */
const MAX_COUNT = 9_999;
const NAME = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3})Z-\d{4}-[\dA-Za-z-]{1,64}$/;

/** A time as names begin with it: ISO 8601 without its separators, UTC, with milliseconds. */
export function toLandingTime(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]/g, '');
}

/**
 * Makes a function that names the frames of one process. Its names increase, also when the clock goes back.
 *
 * @param newToken something nobody else has: letters, digits and `-`, 64 at most
 */
export function createFrameNames(newToken: () => string): (nowMs: number) => string {
  let atMs = 0;
  let count = 0;
  return (nowMs) => {
    if (nowMs > atMs) {
      atMs = nowMs;
      count = 0;
    } else if (count > MAX_COUNT) {
      atMs++;
      count = 0;
    }
    return `${toLandingTime(atMs)}-${String(count++).padStart(4, '0')}-${newToken()}`;
  };
}

/** The time in a frame's name, ms since the epoch; undefined when it is not the name of a frame. */
export function landingTimeOf(name: string): number | undefined {
  const [isName, year, month, day, hour, minute, second] = NAME.exec(name) ?? [];
  if (isName === undefined) return undefined;
  const ms = Date.parse(
    `${String(year)}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${String(second)}Z`,
  );
  return Number.isNaN(ms) ? undefined : ms;
}

/** Key of a frame's object. */
export function landingFrameKey(source: string, name: string): string {
  return `${LANDING_FRAMES_PREFIX}${source}/${name}`;
}

/** Ledger key of the lane that lands the frames of a source. */
export function landingLane(source: string): string {
  return `landing/${source}`;
}

/** The origin of a frame. */
export function landingOrigin(source: string, name: string): Origin {
  return `${landingLane(source)}/${name}`;
}
