/** Where claims stand that are too large for the table: `landing/claims/<days>/<token>`. */
export const CLAIM_OBJECTS_PREFIX = 'landing/claims/';

/**
 * Days after which objects of claims expire, by the number in their key. What a configuration declares has no part in it:
 * an object must be there as long as it was written for, also when the window is shortened afterwards. The longest
 * window is 90 days, and claims stay 3 days longer at most.
 */
export const CLAIM_OBJECT_DAYS = [4, 11, 18, 34, 64, 94] as const;

const DAY_MS = 86_400_000;

/** The fewest days that are long enough. */
export function keptDaysFor(keptMs: number): number {
  const days = CLAIM_OBJECT_DAYS.find((each) => each * DAY_MS >= keptMs);
  if (days === undefined) {
    throw new RangeError(`claims cannot be kept for ${String(Math.ceil(keptMs / DAY_MS))} days, only for 94`);
  }
  return days;
}
