import type { Period } from '../domain/cost/lane-activity.ts';
import type { SourceLanes } from './activity-log.ts';

/** What functions say that they have cost. */
export interface CostLog {
  /**
   * US dollars by source in a period of whole seconds, of all its lanes; sources that cost nothing are left out.
   *
   * @throws HeadgateError when it cannot be read
   */
  read(sources: readonly SourceLanes[], period: Period): Promise<ReadonlyMap<string, number>>;
}
