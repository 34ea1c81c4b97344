import type { Period } from '../../domain/cost/lane-activity.ts';
import type { ActivityLog, SourceLanes } from '../../ports/activity-log.ts';
import type { CostLog } from '../../ports/cost-log.ts';

/** Adds up what functions did, by a log that is read line by line: for the embedded cloud, see `LogActivity`. */
export class LineCostLog implements CostLog {
  readonly #activity: ActivityLog;

  constructor(activity: ActivityLog) {
    this.#activity = activity;
  }

  async read(sources: readonly SourceLanes[], period: Period): Promise<ReadonlyMap<string, number>> {
    const costs = new Map<string, number>();
    for (const { source, estimatedUsd } of await this.#activity.read(sources, period))
      costs.set(source, (costs.get(source) ?? 0) + estimatedUsd);
    return costs;
  }
}
