/**
 * Where the instances of the push function tell each other how much each of them is asked for, so that together they
 * hold a limit that none of them sees in full.
 *
 * Promises of every implementation:
 * - The answer is the sum of all announcements under the bucket that have not lapsed, this one included, as of one
 *   moment: of two simultaneous announcements the later one sees the earlier one.
 * - An announcement counts until `expiresAtMs`, and `ANNOUNCEMENT_SLOT_MS` longer at most: an instance that is gone
 *   need not be there to take it back.
 * - One attempt, no longer than 300 ms. A call that failed may have had its effect, is not to be repeated, and what it
 *   announced lapses by itself.
 */
export interface QuotaStore {
  /**
   * @param bucket what is limited: a source, or one of its senders
   * @param replaces the caller's previous announcement; it stops to count at once
   */
  announce(
    bucket: string,
    announcement: Announcement,
    options: { readonly replaces: Announcement | undefined; readonly nowMs: number },
  ): Promise<Demand>;
}

/** Lapsing is rounded up to this, so that a bucket holds few sums however many instances announce. */
export const ANNOUNCEMENT_SLOT_MS = 5_000;

/** How much one instance, or all of them together, are asked for: amounts per second, refused requests included. */
export interface Demand {
  readonly requests: number;
  /** Bytes of bodies, as received. */
  readonly bytes: number;
}

export interface Announcement {
  readonly demand: Demand;
  readonly expiresAtMs: number;
}

/** Number of the slot with which an announcement lapses: it counts before `slot * ANNOUNCEMENT_SLOT_MS`. */
export function slotOf({ expiresAtMs }: Announcement): number {
  return Math.ceil(expiresAtMs / ANNOUNCEMENT_SLOT_MS);
}

/** Whether what lapses with this slot still counts. */
export function isSlotAlive(slot: number, nowMs: number): boolean {
  return slot * ANNOUNCEMENT_SLOT_MS > nowMs;
}
