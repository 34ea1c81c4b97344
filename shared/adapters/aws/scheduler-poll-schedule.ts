import {
  GetScheduleCommand,
  UpdateScheduleCommand,
  type GetScheduleCommandOutput,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { BlockedError } from '../../domain/errors.ts';
import type { PollSchedule } from '../../ports/poll-schedule.ts';
import { callAws } from './translate-error.ts';

const RATE = /^rate\((\d+) (minute|hour|day)s?\)$/;
const MINUTES = { minute: 1, hour: 60, day: 1_440 } as const;

/** Schedules of EventBridge Scheduler: one in the group for each source, under its name. */
export class SchedulerPollSchedule implements PollSchedule {
  readonly #scheduler: SchedulerClient;
  readonly #group: string;

  constructor(options: { readonly scheduler: SchedulerClient; readonly group: string }) {
    this.#scheduler = options.scheduler;
    this.#group = options.group;
  }

  async read(source: string): Promise<number | undefined> {
    const { ScheduleExpression: expression } = await this.#get(source);
    const [, count, unit] = RATE.exec(expression ?? '') ?? [];
    return count === undefined ? undefined : Number(count) * MINUTES[unit as keyof typeof MINUTES];
  }

  async set(source: string, everyMinutes: number): Promise<void> {
    // An update replaces all that a schedule has.
    const found = await this.#get(source);
    const { FlexibleTimeWindow, Target } = found;
    if (FlexibleTimeWindow === undefined || Target === undefined) {
      throw new BlockedError(
        'SCHEDULE_INCOMPLETE',
        `schedule ${this.#group}/${source} has no target; deploy the stacks again`,
      );
    }
    await callAws(this.#call('UpdateSchedule', source), () =>
      this.#scheduler.send(
        new UpdateScheduleCommand({
          GroupName: this.#group,
          Name: source,
          Description: found.Description,
          State: found.State,
          StartDate: found.StartDate,
          EndDate: found.EndDate,
          KmsKeyArn: found.KmsKeyArn,
          ScheduleExpressionTimezone: found.ScheduleExpressionTimezone,
          ActionAfterCompletion: found.ActionAfterCompletion,
          FlexibleTimeWindow,
          Target,
          ScheduleExpression: `rate(${String(everyMinutes)} ${everyMinutes === 1 ? 'minute' : 'minutes'})`,
        }),
      ),
    );
  }

  #get(source: string): Promise<GetScheduleCommandOutput> {
    return callAws(this.#call('GetSchedule', source), () =>
      this.#scheduler.send(new GetScheduleCommand({ GroupName: this.#group, Name: source })),
    );
  }

  #call(operation: string, source: string): { operation: string; resource: string } {
    return { operation, resource: `schedule ${this.#group}/${source}` };
  }
}
