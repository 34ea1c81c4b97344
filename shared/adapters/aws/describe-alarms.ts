import { paginateDescribeAlarms, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { callAws } from './translate-error.ts';

/** What is known of an alarm. */
interface DescribedAlarm {
  readonly name: string;
  readonly state: string;
  readonly since: string | undefined;
  readonly reason: string;
}

/** The alarms whose names begin so, those that are on first. */
export async function describeAlarms(
  cloudwatch: CloudWatchClient,
  prefix: string,
): Promise<readonly DescribedAlarm[]> {
  const found: DescribedAlarm[] = [];
  await callAws({ operation: 'DescribeAlarms', resource: `alarms ${prefix}*` }, async () => {
    const pages = paginateDescribeAlarms(
      { client: cloudwatch },
      { AlarmNamePrefix: prefix, AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] },
    );
    for await (const { MetricAlarms: metric = [], CompositeAlarms: composite = [] } of pages) {
      for (const {
        AlarmName: name = '',
        StateValue: state = '',
        StateUpdatedTimestamp: at,
        StateReason: reason = '',
      } of [...composite, ...metric])
        found.push({ name, state, since: at?.toISOString(), reason });
    }
  });
  return found.sort(
    (a, b) => Number(b.state === 'ALARM') - Number(a.state === 'ALARM') || (a.name < b.name ? -1 : 1),
  );
}
