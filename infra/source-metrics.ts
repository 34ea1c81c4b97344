import { Duration } from 'aws-cdk-lib/core';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { SourceConfig } from '../shared/config/schema.ts';
import { METRIC_NAMESPACE, type MetricName } from '../shared/domain/metrics.ts';
import { lanesOf } from '../shared/config/plan/lanes.ts';

/** Metrics that are counted where records arrive; all others are counted where they land. */
const COUNTED_ON_RECEIPT: readonly MetricName[] = [
  'RecordsReceived',
  'RecordsAccepted',
  'RecordsRejected',
  'BytesReceived',
  'RequestsSpilled',
  'Requests',
  'OverBudget',
];

/** A metric of one source, from the lane that emits it. */
export function sourceMetric(
  name: MetricName,
  source: string,
  config: SourceConfig,
  statistic: string,
  period: Duration = Duration.minutes(5),
): Metric {
  const { received, landed } = lanesOf(config);
  const lane = COUNTED_ON_RECEIPT.includes(name) ? received : landed;
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { source, lane },
    statistic,
    period,
  });
}
