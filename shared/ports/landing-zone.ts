/**
 * Puts frames into the landing zone.
 *
 * Promises of every implementation:
 * - `put` returns when the frame is durable under its name. The caller never uses a name for two frames, so a name that
 *   is taken is its own frame after a lost answer.
 * - A frame that becomes durable does so within `MAX_ARRIVAL_MS` of the time in its name, by the zone's own clock.
 *   Whatever the clocks of writers say, and however long one of them was asleep: a late write is refused.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`; the frame may become
 *   durable all the same.
 */
export interface FrameWriter {
  /** @param timeoutMs how long all attempts may take together */
  put(source: string, name: string, bytes: Uint8Array, timeoutMs: number): Promise<void>;
}

/**
 * Frames that were put into the landing zone.
 *
 * Promises of every implementation:
 * - `list` sees every frame that was durable when it was called, unless it was removed.
 * - It is refused when the caller's clock is more than `MAX_ARRIVAL_MS` away from that of the zone.
 * - Throttled, denied or failed calls throw a HeadgateError with disposition `retry` or `block`.
 */
export interface LandingZone {
  /** The next frames of a source whose names come after `after`, in the order of their names. */
  list(source: string, after: string): Promise<FramePage>;
  /** Undefined when it is not there. */
  read(source: string, name: string): Promise<Uint8Array | undefined>;
  /** Removes frames; those that are not there are no error. */
  remove(source: string, names: readonly string[]): Promise<void>;
}

/** A part of a listing. */
export interface FramePage {
  readonly frames: readonly ListedFrame[];
  /** Whether there are no more behind it. */
  readonly isLast: boolean;
}

/** A frame of a listing, or an object of somebody else. */
export interface ListedFrame {
  readonly name: string;
  /** Size as it is stored. */
  readonly bytes: number;
}

/**
 * How far from the time in its name a frame can become durable: S3 refuses a request whose signature is more than 15
 * minutes away from its clock, and the signature is made within a minute of the time in the name.
 */
export const MAX_ARRIVAL_MS = 16 * 60_000;
