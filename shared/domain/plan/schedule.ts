const MINUTE_MS = 60_000;

/** When a source is read. */
export interface SchedulePlan {
  /** EventBridge Scheduler rate expression. */
  readonly expression: string;
  readonly minutes: number;
  /** The freshness is shorter than the shortest schedule, one minute. */
  readonly clamped: boolean;
}

/**
 * Reads at least as often as the freshness asks, in whole minutes.
 *
 * @param ceilingMs longest time between two runs, where the schedule is adapted from there on
 */
export function planSchedule(freshnessMs: number, ceilingMs = freshnessMs): SchedulePlan {
  const minutes = Math.max(1, Math.floor(Math.min(freshnessMs, ceilingMs) / MINUTE_MS));
  return {
    expression: everyMinutes(minutes),
    minutes,
    clamped: freshnessMs < MINUTE_MS,
  };
}

/** Rate expression of a schedule, in whole minutes. */
export function everyMinutes(minutes: number): string {
  return `rate(${String(minutes)} ${minutes === 1 ? 'minute' : 'minutes'})`;
}
