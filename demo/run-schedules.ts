import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, paginateListSchedules, type SchedulerClient } from '@aws-sdk/client-scheduler';

/**
 * Does once, now, what the schedules of a group do at their times: calls their targets with their inputs, one after the
 * other.
 *
 * @throws Error with the function's own error when it fails
 */
export async function runSchedules(
  clients: { readonly scheduler: SchedulerClient; readonly lambda: LambdaClient },
  group: string,
): Promise<void> {
  const names: string[] = [];
  for await (const page of paginateListSchedules({ client: clients.scheduler }, { GroupName: group })) {
    names.push(...(page.Schedules ?? []).flatMap(({ Name: name }) => name ?? []));
  }
  for (const name of names) {
    const { Target: target } = await clients.scheduler.send(
      new GetScheduleCommand({ GroupName: group, Name: name }),
    );
    const { FunctionError: failed, Payload: payload } = await clients.lambda.send(
      new InvokeCommand({ FunctionName: target?.Arn, Payload: Buffer.from(target?.Input ?? '{}') }),
    );
    if (failed !== undefined) {
      throw new Error(
        `the run of ${name} failed: ${Buffer.from(payload ?? [])
          .toString('utf8')
          .slice(0, 2000)}`,
      );
    }
  }
}
