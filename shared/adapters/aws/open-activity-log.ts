import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { ActivityLog } from '../../ports/activity-log.ts';
import { CloudWatchActivity } from './cloudwatch-activity.ts';
import { LogActivity } from './log-activity.ts';
import { requireRegion } from './require-region.ts';

/**
 * What the functions of a deployment have said, found with the credentials, the region and the endpoint of the
 * environment.
 *
 * @param areMetricsMade whether the lines of the logs become metrics, as on AWS
 * @throws BlockedError with code `REGION_MISSING`
 */
export async function openActivityLog(
  deployment: string,
  areMetricsMade: boolean,
): Promise<{ readonly activity: ActivityLog; readonly close: () => void }> {
  const logs = new CloudWatchLogsClient({ requestHandler: new NodeHttpHandler() });
  await requireRegion(logs);
  if (!areMetricsMade) {
    return {
      activity: new LogActivity({ logs, deployment }),
      close: () => {
        logs.destroy();
      },
    };
  }
  const metrics = new CloudWatchClient();
  return {
    activity: new CloudWatchActivity({ metrics, logs, deployment }),
    close: () => {
      logs.destroy();
      metrics.destroy();
    },
  };
}
