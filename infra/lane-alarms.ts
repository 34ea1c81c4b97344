import { Duration } from 'aws-cdk-lib/core';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import type { FunctionName } from '../shared/domain/plan/function-sizes.ts';
import type { AlarmRow } from './constructs/alarms.ts';
import type { DeadLetterQueue } from './constructs/dead-letter-queue.ts';
import type { IngestFunction } from './constructs/ingest-function.ts';
import type { LandingStream } from './constructs/landing-stream.ts';
import type { ObjectNotifications } from './constructs/object-notifications.ts';
import type { ScheduledRuns } from './constructs/scheduled-runs.ts';
import type { WorkQueue } from './constructs/work-queue.ts';

/** The alarms of a lane's function. */
export function functionAlarms({ lane, function: fn }: IngestFunction): readonly AlarmRow[] {
  return [
    {
      id: `${lane}-function-errors`,
      runbook: 'function-errors',
      severity: 'critical',
      description: `The ${lane} function fails. Look at its log for the cause and mend that; records are not lost, they wait where they came from.`,
      metric: fn.metricErrors({ statistic: 'Sum', period: Duration.minutes(1) }),
      when: 'above',
      threshold: 0,
      periods: 5,
      wrongPeriods: 3,
      silence: 'fine',
    },
    {
      id: `${lane}-function-throttles`,
      runbook: 'function-throttles',
      severity: 'critical',
      description:
        `The ${lane} function is refused concurrency. Ask for a higher quota of concurrent executions, or see what ` +
        'else in the account uses it up.',
      metric: fn.metricThrottles({ statistic: 'Sum', period: Duration.minutes(1) }),
      when: 'above',
      threshold: 0,
      periods: 5,
      wrongPeriods: 5,
      silence: 'fine',
    },
  ];
}

/**
 * The alarms of one stream.
 *
 * @param label the source, or `ingest` for the shared stream
 * @param source the source whose own stream it is
 */
export function streamAlarms(
  label: string,
  { stream, mapping, plan }: LandingStream,
  source: string | undefined,
): readonly AlarmRow[] {
  const of = source === undefined ? {} : { source };
  const mappingMetric = (metricName: string): Metric =>
    new Metric({
      namespace: 'AWS/Lambda',
      metricName,
      dimensionsMap: { EventSourceMappingUUID: mapping.eventSourceMappingId },
      statistic: 'Sum',
      period: Duration.minutes(5),
    });
  return [
    {
      id: `${label}-iterator-age`,
      runbook: 'iterator-age',
      severity: 'critical',
      ...of,
      description:
        `The consumer of the ${label} stream is behind by a quarter of what the stream keeps, or does not read at all. ` +
        'Mend the stream function or add shards before records expire.',
      // Reported by every read, also of an empty stream: silence means that nobody reads.
      metric: stream.metricGetRecordsIteratorAgeMilliseconds({
        statistic: 'Maximum',
        period: Duration.minutes(5),
      }),
      when: 'above',
      threshold: plan.maxIteratorAgeSeconds * 1000,
      periods: 6,
      wrongPeriods: 6,
      silence: 'wrong',
    },
    {
      id: `${label}-stream-full`,
      runbook: 'stream-full',
      severity: 'critical',
      ...of,
      description: `The ${label} stream refuses writes: its shards are full. Raise their number in the configuration.`,
      metric: stream.metricWriteProvisionedThroughputExceeded({
        statistic: 'Sum',
        period: Duration.minutes(1),
      }),
      when: 'above',
      threshold: 0,
      periods: 15,
      wrongPeriods: 10,
      silence: 'fine',
    },
    {
      id: `${label}-dead-letters`,
      runbook: 'stream-dead-letters',
      severity: 'critical',
      ...of,
      description:
        `Batches of the ${label} stream failed for good and are parked whole in the lake bucket under aws/lambda/. ` +
        'Mend the cause, then land them with: npx headgate dlq replay aws/lambda/. Do not put their records on the ' +
        'stream again.',
      metric: mappingMetric('OnFailureDestinationDeliveredEventCount'),
      when: 'above',
      threshold: 0,
      periods: 1,
      wrongPeriods: 1,
      silence: 'fine',
    },
    {
      id: `${label}-dropped`,
      runbook: 'dropped',
      severity: 'critical',
      ...of,
      description:
        `Records of the ${label} stream were dropped without reaching the dead-letter prefix. Check the stream ` +
        "function's permission to write there; read the records again from the stream while it keeps them.",
      metric: mappingMetric('DroppedEventCount'),
      when: 'above',
      threshold: 0,
      periods: 1,
      wrongPeriods: 1,
      silence: 'fine',
    },
  ];
}

/** The alarms of a function that schedules start, and of its dead letters. */
export function scheduledAlarms(fn: IngestFunction, { deadLetters }: ScheduledRuns): readonly AlarmRow[] {
  return [...functionAlarms(fn), ...runAlarms(fn, deadLetters)];
}

/**
 * The alarms of the hourly watch: that it runs, and that its runs succeed. It is started once an hour, so each of its errors
 * is a dead letter.
 */
export function watchAlarms(fn: IngestFunction, { deadLetters }: ScheduledRuns): readonly AlarmRow[] {
  return [...idleAlarms(fn), ...runAlarms(fn, deadLetters)];
}

/** The alarms of dead letters of a function that schedules start. */
function runAlarms({ lane }: IngestFunction, deadLetters: ScheduledRuns['deadLetters']): readonly AlarmRow[] {
  return Object.entries(deadLetters).flatMap(([label, queue]) => queueAlarms(`${lane}-${label}`, queue));
}

/** The alarms of the queue through which a function has other invocations of itself go on. */
export function workAlarms({ lane }: IngestFunction, { deadLetters }: WorkQueue): readonly AlarmRow[] {
  return queueAlarms(`${lane}-work`, deadLetters);
}

/** The alarms of what a function hears of new objects. */
export function notificationAlarms(
  { lane }: IngestFunction,
  notifications: ObjectNotifications | undefined,
): readonly AlarmRow[] {
  return notifications === undefined ? [] : queueAlarms(`${lane}-notifications`, notifications.deadLetters);
}

/** What is not done meanwhile. */
const IDLE: Readonly<Partial<Record<FunctionName, string>>> = {
  watch: 'nobody looks whether records are missing',
};

/** The alarm of a function that is started every hour at least: nothing says anything when its schedules are gone. */
export function idleAlarms({ lane, function: fn }: IngestFunction): readonly AlarmRow[] {
  return [
    {
      id: `${lane}-function-idle`,
      runbook: 'function-idle',
      severity: 'critical',
      description:
        `The ${lane} function was not started for two hours, so ${IDLE[lane] ?? 'nothing of its lane lands'}. See whether ` +
        'its schedules are there and enabled, and may call it; records are not lost, they wait.',
      metric: fn.metricInvocations({ statistic: 'Sum', period: Duration.hours(1) }),
      when: 'below',
      threshold: 1,
      periods: 2,
      wrongPeriods: 2,
      silence: 'wrong',
    },
  ];
}

/** The alarm of a dead-letter queue. */
function queueAlarms(label: string, queue: DeadLetterQueue): readonly AlarmRow[] {
  return [
    {
      id: `${label}-dead-letters`,
      runbook: 'queue-dead-letters',
      severity: 'critical',
      description:
        `The dead-letter queue ${label} is not empty. Its messages name the source and the error; mend the cause, then ` +
        'delete them: the next scheduled run continues from the checkpoint.',
      metric: queue.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: Duration.minutes(5),
      }),
      when: 'above',
      threshold: 0,
      periods: 1,
      wrongPeriods: 1,
      silence: 'fine',
    },
  ];
}

/** The alarm of the push API. */
export function apiAlarms(api: HttpApi): readonly AlarmRow[] {
  return [
    {
      id: 'push-api-errors',
      runbook: 'push-api-errors',
      severity: 'critical',
      description:
        'The push API answers 5xx. Senders repeat such requests; look at the access log and the log of the push function.',
      metric: api.metricServerError({ statistic: 'Sum', period: Duration.minutes(1) }),
      when: 'above',
      threshold: 0,
      periods: 10,
      wrongPeriods: 3,
      silence: 'fine',
    },
  ];
}
