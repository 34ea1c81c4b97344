/** Periods that CloudWatch evaluates well at any length, in seconds. */
const PERIODS_SECONDS = [60, 300, 900, 3600] as const;

/** With more periods than this a longer period is taken. */
const MAX_PERIODS = 12;

/** A stretch of time as CloudWatch counts it. */
export interface AlarmWindow {
  readonly periodSeconds: number;
  readonly periods: number;
}

/**
 * The window that covers a duration, rounded up. CloudWatch allows at most one day of periods under an hour and seven
 * days of hours; the longest duration that the configuration takes fits.
 */
export function planAlarmWindow(durationMs: number): AlarmWindow {
  const seconds = durationMs / 1000;
  const periodSeconds = PERIODS_SECONDS.find((period) => seconds <= period * MAX_PERIODS) ?? 3600;
  return { periodSeconds, periods: Math.max(1, Math.ceil(seconds / periodSeconds)) };
}
