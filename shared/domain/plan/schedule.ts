const MINUTE_MS = 60_000;

/**
 * When all sources are judged: each hour, when what was received in the hour before has had time to settle and what functions
 * have said is in their logs.
 */
export const WATCH_EXPRESSION = 'cron(7 * * * ? *)';

/** When a source is read. */
export interface SchedulePlan {
  /** EventBridge Scheduler rate expression. */
  readonly expression: string;
  readonly minutes: number;
  /** What is asked for is shorter than the shortest schedule, one minute. */
  readonly clamped: boolean;
}

/**
 * Reads at least as often as that, in whole minutes.
 *
 * @param slowestMs longest time between two runs
 */
export function planSchedule(slowestMs: number): SchedulePlan {
  const minutes = Math.max(1, Math.floor(slowestMs / MINUTE_MS));
  return {
    expression: everyMinutes(minutes),
    minutes,
    clamped: slowestMs < MINUTE_MS,
  };
}

/** Rate expression of a schedule, in whole minutes. */
export function everyMinutes(minutes: number): string {
  return `rate(${String(minutes)} ${minutes === 1 ? 'minute' : 'minutes'})`;
}
