import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration } from 'aws-cdk-lib/core';

/*
 * Numbers that belong together. The ladder of a push request, each longer than the next so that the one who knows the
 * outcome answers first: client > API 29 s > function 25 s > its calls to AWS, see PUSH_TIMEOUTS.
 */

/** How one function is sized. */
export interface FunctionTuning {
  readonly memoryMiB: number;
  readonly timeout: Duration;
  /** Scratch space under /tmp. */
  readonly ephemeralStorageMiB: number;
}

/** 1769 MiB are one full vCPU. Parsing and compressing are bound by CPU, so more memory costs the same per record. */
const ONE_VCPU_MIB = 1769;

export const FUNCTION_TUNING = {
  push: { memoryMiB: ONE_VCPU_MIB, timeout: Duration.seconds(25), ephemeralStorageMiB: 512 },
  stream: { memoryMiB: ONE_VCPU_MIB, timeout: Duration.seconds(120), ephemeralStorageMiB: 1024 },
  // A batch of 256 MiB takes some 450 MB of memory, and as much scratch space as it has bytes.
  land: { memoryMiB: ONE_VCPU_MIB, timeout: Duration.seconds(900), ephemeralStorageMiB: 1024 },
  // Mostly waits for other people's servers; a run ends at its deadline and the next one continues.
  pull: { memoryMiB: 1024, timeout: Duration.seconds(900), ephemeralStorageMiB: 1024 },
  // Databases are read as fast as rows can be compressed.
  extract: { memoryMiB: ONE_VCPU_MIB, timeout: Duration.seconds(900), ephemeralStorageMiB: 1024 },
} as const satisfies Readonly<Record<string, FunctionTuning>>;

/** Names of the functions, which are those of their lanes. */
export type FunctionName = keyof typeof FUNCTION_TUNING;

/** API Gateway gives up after the function has, so that the sender gets the function's answer. */
export const API_TIMEOUT = Duration.seconds(29);

/** How long logs of functions and of the API are kept. */
export const LOG_RETENTION = RetentionDays.ONE_MONTH;

/** Dead letters wait for an operator as long as SQS allows. */
export const DEAD_LETTER_RETENTION = Duration.days(14);

/** Attempts and age limits of what the scheduler starts. */
export const SCHEDULE_TUNING = {
  /** Deliveries to the function that fail are repeated this often. */
  deliveryAttempts: 5,
  maxDeliveryAge: Duration.hours(1),
  /** A run that fails is repeated once; the next scheduled run continues from the checkpoint anyway. */
  runAttempts: 1,
  maxRunAge: Duration.hours(2),
} as const;

/** The queue through which a function has other invocations of itself go on. */
export const WORK_QUEUE_TUNING = {
  /** AWS asks for six times the function's own: deliveries that are throttled are repeated meanwhile. */
  visibilityTimeouts: 6,
  /** Deliveries before work is a dead letter; what fails is delivered again after half a minute, one, two and four. */
  maxReceives: 5,
  retention: Duration.days(4),
  /** Bounds of the maximum concurrency of an event-source mapping. */
  minConcurrency: 2,
  maxConcurrency: 1000,
} as const;
