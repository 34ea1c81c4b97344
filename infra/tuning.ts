import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration } from 'aws-cdk-lib/core';
import { NOTIFICATION_CONCURRENCY } from '../shared/config/plan/tasks-of.ts';

/*
 * Numbers that belong together. The ladder of a push request, each longer than the next so that the one who knows the
 * outcome answers first: client > API 29 s > function 25 s > its calls to AWS, see PUSH_TIMEOUTS.
 */

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
} as const;

/** The queue of events that say that a bucket has something new. */
export const NOTIFICATION_TUNING = {
  /** Longest time that an event waits for others, so that many objects are few runs. */
  batchingWindow: Duration.seconds(10),
  /** Of a standard queue at most. */
  batchSize: 10_000,
  maxConcurrency: NOTIFICATION_CONCURRENCY,
  visibilityTimeouts: 6,
  maxReceives: 5,
  /** What is older has been found by a listing. */
  retention: Duration.hours(12),
  maxEventAge: Duration.hours(1),
  deliveryAttempts: 20,
} as const;
