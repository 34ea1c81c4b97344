import type { PulledSourceConfig } from '../schema.ts';
import type { Named } from './lanes.ts';

/** Bounds of the maximum concurrency of an event-source mapping of SQS. */
const MIN_CONCURRENCY = 2;
const MAX_CONCURRENCY = 1000;

/**
 * Instances of a function that work on parts of its sources at the same time, as its queue starts them: a backfill is one
 * more than the run beside it.
 */
export function workConcurrencyOf(sources: readonly Named<PulledSourceConfig>[]): number {
  const tasks = sources.reduce(
    (sum, [, source]) => sum + ('tasksMax' in source ? source.tasksMax : isBackfilledHere(source) ? 2 : 1),
    0,
  );
  return Math.min(MAX_CONCURRENCY, Math.max(MIN_CONCURRENCY, tasks));
}

/** Whether the function for APIs reads backfills of the source. */
export const isBackfilledHere = (source: PulledSourceConfig): boolean =>
  source.type === 'http' && source.incremental !== undefined;

/**
 * Instances that notifications of new objects start at the same time, where a source has them: the smallest number that
 * Lambda takes, because a batch is read in some milliseconds.
 */
export const NOTIFICATION_CONCURRENCY = 2;

/** Whether a source is told of new objects. */
export const isNotified = (source: PulledSourceConfig): boolean =>
  source.type === 'files' && source.notifications;
