import type { Design } from './design.ts';
import type { Usage } from './usage.ts';

/** Whether metrics of a source come from one function or from two: the one that receives, and the one that lands. */
const RECEIVED_METRICS = 5;
const LANDED_METRICS = 6;
/** Metrics that only pulled sources have: the age of their position, and what holds a database back. */
const PULLED_METRICS = 1;
const DATABASE_METRICS = 1;
/** Metrics that the alarms of each source look at: the rate of errors is made of three. */
const ERROR_RATE_METRICS = 3;
const LATENCY_METRICS = 1;

/** What the alarms of a source are made of. */
export interface OperatingOptions {
  /** `alarms.stoppedAfter` is set. */
  readonly watchesSilence: boolean;
  /** `overflow` is "spill". */
  readonly spills: boolean;
}

/** Metrics and alarms of one source in a month, see source-alarms.ts. They cost the same whatever it brings. */
export function modelOperating(
  { kind }: Pick<Design, 'kind'>,
  { watchesSilence, spills }: OperatingOptions = { watchesSilence: false, spills: false },
): Usage {
  const isPulled = kind === 'pull' || kind === 'extract' || kind === 'log-slice' || kind === 'log-task';
  return {
    cloudWatchMetric:
      RECEIVED_METRICS -
      (isPulled ? 1 : 0) +
      LANDED_METRICS +
      (isPulled ? PULLED_METRICS : 0) +
      (kind === 'extract' ? DATABASE_METRICS : 0),
    cloudWatchAlarm:
      ERROR_RATE_METRICS + LATENCY_METRICS + (isPulled ? 1 : 0) + (spills ? 1 : 0) + (watchesSilence ? 1 : 0),
  };
}

/** What a deployment consists of. */
export interface IdleDeployment {
  readonly hasPush: boolean;
  readonly hasLanding: boolean;
  /** Functions that read on a schedule. */
  readonly pullingFunctions: number;
  /** Streams, each with its own alarms; their shards are in the usage of their sources. */
  readonly streams: number;
}

const FUNCTION_ALARMS = 2;
const STREAM_ALARMS = 4;
/** The API; two dead-letter queues of a schedule; landing that does not run; dead letters of the work queue. */
const API_ALARMS = 1;
const SCHEDULE_ALARMS = 2;
const IDLE_ALARMS = 1;
const WORK_ALARMS = 1;

/** What a deployment costs while no source brings anything, without shards and schedules: see lane-alarms.ts. */
export function modelIdle({ hasPush, hasLanding, pullingFunctions, streams }: IdleDeployment): Usage {
  const alarms =
    (hasPush ? FUNCTION_ALARMS + API_ALARMS : 0) +
    (streams > 0 ? FUNCTION_ALARMS + streams * STREAM_ALARMS : 0) +
    (hasLanding ? FUNCTION_ALARMS + SCHEDULE_ALARMS + IDLE_ALARMS : 0) +
    pullingFunctions * (FUNCTION_ALARMS + SCHEDULE_ALARMS + WORK_ALARMS);
  return { kmsKeyMonth: 1, cloudWatchDashboard: 1, cloudWatchAlarm: alarms };
}
