import type { Answers, Detection } from '../../domain/plan/answers.ts';
import type { SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import type { ReadPlan } from './plan-resources.ts';
import { gbPerDayOf } from './to-workload.ts';

/** The answers of a source, as the rules look at them. */
export function toAnswers(source: string, config: SourceConfig, read: ReadPlan | undefined): Answers {
  const isReceived = config.type === 'push' || config.type === 'webhook';
  return {
    source,
    freshnessMs: toMs(config.freshness),
    gbPerDay: gbPerDayOf(config),
    type: config.type,
    changes: config.changes,
    detection: detectionOf(config),
    findsDeletes: 'deletes' in config && config.deletes !== undefined,
    budget: config.budget ?? {},
    isOrdered: isReceived && config.orderBy !== undefined,
    byHand: isReceived ? config.pattern : undefined,
    isNotified: isNotified(config),
    everyMinutes: read?.minutes,
  };
}

/** Whether a source is read as its bucket tells of new objects. */
export function isNotified(config: SourceConfig): boolean {
  return config.type === 'files' && config.notifications;
}

/** How a source that is read tells what is new. */
export function detectionOf(config: SourceConfig): Detection {
  if (config.type === 'postgres' || config.type === 'mysql') {
    if (config.changeLog !== undefined) return 'change-log';
    return config.incremental === undefined ? 'whole' : 'cursor';
  }
  if (config.type === 'http') return config.incremental === undefined ? 'whole' : 'cursor';
  return 'events';
}
