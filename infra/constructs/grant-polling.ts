import { Stack } from 'aws-cdk-lib/core';
import type { IngestFunction } from './ingest-function.ts';
import type { ScheduledRuns } from './scheduled-runs.ts';

/**
 * Lets a function change how often its own schedules come, and nothing else in EventBridge Scheduler.
 *
 * @param sources names of the sources whose schedules it may change; none: no permission at all
 */
export function grantPolling(to: IngestFunction, runs: ScheduledRuns, sources: readonly string[]): void {
  if (sources.length === 0) return;
  const stack = Stack.of(to);
  to.grant(
    ['scheduler:GetSchedule', 'scheduler:UpdateSchedule'],
    sources.map((source) =>
      stack.formatArn({
        service: 'scheduler',
        resource: 'schedule',
        resourceName: `${runs.groupLiteral}/${source}`,
      }),
    ),
  );
  // An update hands the schedule its role anew.
  to.grant(['iam:PassRole'], [runs.role.roleArn], {
    StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
  });
}
