import {
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  type CloudWatchClient,
} from '@aws-sdk/client-cloudwatch';
import { callAws } from './translate-error.ts';

/** Has alarms tell somebody of their changes, or nobody. Those that do not exist are left out. */
export async function setAlarmActions(
  cloudwatch: CloudWatchClient,
  names: readonly string[],
  areEnabled: boolean,
): Promise<void> {
  const input = { AlarmNames: [...names] };
  const operation = areEnabled ? 'EnableAlarmActions' : 'DisableAlarmActions';
  await callAws({ operation, resource: `alarms ${names.join(', ')}` }, async () => {
    if (areEnabled) await cloudwatch.send(new EnableAlarmActionsCommand(input));
    else await cloudwatch.send(new DisableAlarmActionsCommand(input));
  });
}
