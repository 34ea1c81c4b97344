import * as z from 'zod';
import { BlockedError } from './errors.ts';

/** How far the landing zone of a source has been landed. As JSON text it is the lane's position in the ledger. */
export interface LandingPosition {
  /** Frames whose names are less than this text are decided for ever: landed, or never acknowledged. */
  readonly floor: string;
  /** Manifests from this number on may name frames from the floor on. */
  readonly first: number;
  /** The greatest name of any frame that was landed. */
  readonly newest: string;
}

/** Nothing was landed yet. */
export const LANDING_START: LandingPosition = { floor: '', first: 0, newest: '' };

const VERSION = 1;
const schema = z.strictObject({
  v: z.literal(VERSION),
  floor: z.string(),
  first: z.int().nonnegative(),
  newest: z.string(),
});

/** The position as text: one text per position. */
export function formatLandingPosition({ floor, first, newest }: LandingPosition): string {
  return JSON.stringify({ v: VERSION, floor, first, newest });
}

/**
 * Reads a position.
 *
 * @throws BlockedError with code `UNREADABLE_POSITION`: landing from anywhere else could land frames twice
 */
export function parseLandingPosition(lane: string, text: string | undefined): LandingPosition {
  if (text === undefined) return LANDING_START;
  try {
    const { floor, first, newest } = schema.parse(JSON.parse(text));
    return { floor, first, newest };
  } catch (error) {
    throw new BlockedError(
      'UNREADABLE_POSITION',
      `the position of lane ${lane} is not one that this version of Headgate can read (version ${String(VERSION)}); deploy the version that wrote it`,
      { cause: error },
    );
  }
}
