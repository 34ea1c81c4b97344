import { FUNCTION_SIZES } from '../plan/function-sizes.ts';
import { HOURS_PER_MONTH, SQS_IDLE_POLLS_PER_MONTH } from './metering.ts';
import type { Usage } from './usage.ts';

/** Metrics that get values as long as there are records or runs: errors, and latency or the age of the position. */
const METRICS = 2;
/** Alarms of each source: rate of errors, lateness, findings, warnings. */
const ALARMS = 4;
const MINUTES_PER_HOUR = 60;

/** Which alarms a source has besides those that all have. */
export interface OperatingOptions {
  /** `alarms.stoppedAfter` is set. */
  readonly watchesSilence: boolean;
  /** `overflow` is "spill". */
  readonly spills: boolean;
  /** `budget.usdPerMonth` is set. */
  readonly watchesBudget?: boolean;
}

/**
 * Metrics and alarms of one source in a month, whatever it brings; see source-alarms.ts. A metric is billed for the hours
 * in which it gets a value, see https://aws.amazon.com/cloudwatch/pricing/. Those that are sent only when something is
 * wrong are left out.
 *
 * @param everyMinutes how often a source is read that is read on a schedule
 */
export function modelOperating(
  everyMinutes: number | undefined,
  { watchesSilence, spills, watchesBudget = false }: OperatingOptions = {
    watchesSilence: false,
    spills: false,
  },
): Usage {
  return {
    cloudWatchMetric: METRICS * Math.min(1, MINUTES_PER_HOUR / (everyMinutes ?? 1)),
    cloudWatchAlarm: ALARMS + [spills, watchesSilence, watchesBudget].filter(Boolean).length,
    cloudWatchCompositeAlarm: 1,
  };
}

/**
 * What the hourly watch reads and writes of a source in a run: counts of eleven days with a few items each hour, costs of
 * eight; its findings, and what an hour has cost.
 */
const WATCH_READ_UNITS = 25;
const WATCH_WRITE_UNITS = 2;
/** A run mostly waits for the answers of Logs Insights, which reads each line once: a hundredth of what writing it costs. */
const WATCH_SECONDS = 5;

/** What a deployment consists of. */
export interface IdleDeployment {
  readonly hasPush: boolean;
  readonly hasLanding: boolean;
  /** Functions that read on a schedule. */
  readonly pullingFunctions: number;
  /** Buckets tell of new objects. */
  readonly isNotified: boolean;
  /** Streams, each with its own alarms; their shards are in the usage of their sources. */
  readonly streams: number;
  /** All sources: they are watched, and a dashboard has rows for a hundred. */
  readonly sources: number;
}

/** See observability.ts. */
const SOURCES_PER_DASHBOARD = 100;
const FUNCTION_ALARMS = 2;
const STREAM_ALARMS = 4;
const API_ALARMS = 1;
/** Dead letters of schedules and of runs. */
const SCHEDULE_ALARMS = 2;
/** Landing, or the watch, that is not started any more. */
const IDLE_ALARMS = 1;
/** Dead letters of the work queue. */
const WORK_ALARMS = 1;
/** Dead letters of notifications. */
const NOTIFICATION_ALARMS = 1;

/**
 * What a deployment costs while no source brings anything, without shards and schedules of sources: see lane-alarms.ts. The
 * watch is in it.
 */
export function modelIdle({
  hasPush,
  hasLanding,
  pullingFunctions,
  isNotified,
  streams,
  sources,
}: IdleDeployment): Usage {
  const alarms =
    (hasPush ? FUNCTION_ALARMS + API_ALARMS : 0) +
    (streams > 0 ? FUNCTION_ALARMS + streams * STREAM_ALARMS : 0) +
    (hasLanding ? FUNCTION_ALARMS + SCHEDULE_ALARMS + IDLE_ALARMS : 0) +
    pullingFunctions * (FUNCTION_ALARMS + SCHEDULE_ALARMS + WORK_ALARMS) +
    (isNotified ? NOTIFICATION_ALARMS : 0) +
    SCHEDULE_ALARMS +
    IDLE_ALARMS;
  const queues = pullingFunctions + (isNotified ? 1 : 0);
  return {
    kmsKeyMonth: 1,
    cloudWatchDashboard: Math.max(1, Math.ceil(sources / SOURCES_PER_DASHBOARD)),
    cloudWatchAlarm: alarms,
    schedulerInvocation: HOURS_PER_MONTH,
    lambdaRequest: HOURS_PER_MONTH,
    lambdaArmGbSecond: (HOURS_PER_MONTH * WATCH_SECONDS * FUNCTION_SIZES.watch.memoryMiB) / 1024,
    dynamoReadUnit: HOURS_PER_MONTH * WATCH_READ_UNITS * sources,
    dynamoWriteUnit: HOURS_PER_MONTH * WATCH_WRITE_UNITS * sources,
    ...(queues > 0 && { sqsRequest: queues * SQS_IDLE_POLLS_PER_MONTH }),
  };
}
