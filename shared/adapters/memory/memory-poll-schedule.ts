import type { PollSchedule } from '../../ports/poll-schedule.ts';

/** Schedules in memory. */
export class MemoryPollSchedule implements PollSchedule {
  readonly #minutes = new Map<string, number | undefined>();
  /** Calls, in their order: `read items`, `set items 5`. */
  readonly calls: string[] = [];

  /** @param everyMinutes undefined for a schedule that somebody has given another form by hand */
  deploy(source: string, everyMinutes: number | undefined): void {
    this.#minutes.set(source, everyMinutes);
  }

  read(source: string): Promise<number | undefined> {
    this.calls.push(`read ${source}`);
    return Promise.resolve(this.#minutes.get(source));
  }

  set(source: string, everyMinutes: number): Promise<void> {
    this.calls.push(`set ${source} ${String(everyMinutes)}`);
    this.#minutes.set(source, everyMinutes);
    return Promise.resolve();
  }
}
