/** What a run has met of the limits of its source. */
export interface SourceLimits {
  /** Whether the source has said that it is asked too often: adaptive polling slows it down. */
  readonly isRateLimited: boolean;
  /** Whether the run has ended because the source must not be asked now: the next one comes with the schedule. */
  readonly isHeld: boolean;
}
