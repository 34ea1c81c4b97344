/**
 * The schedules of pulled sources.
 *
 * Promises of every implementation:
 * - Nothing of a schedule changes but its interval.
 * - What is thrown is a HeadgateError. A schedule that cannot be read or changed goes on as it is.
 */
export interface PollSchedule {
  /** Minutes between two runs; undefined when somebody has given the schedule another form by hand. */
  read(source: string): Promise<number | undefined>;
  /** @param everyMinutes from 1 */
  set(source: string, everyMinutes: number): Promise<void>;
}
