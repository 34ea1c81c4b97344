import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, type SchedulerClient } from '@aws-sdk/client-scheduler';

/**
 * Does once, now, what a schedule does at its time: calls its target with its input.
 *
 * @throws Error with the function's own error when it fails
 */
export async function runSchedule(
  clients: { readonly scheduler: SchedulerClient; readonly lambda: LambdaClient },
  group: string,
  name: string,
): Promise<void> {
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
