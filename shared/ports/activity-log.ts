import type { LaneActivity, Period } from '../domain/cost/lane-activity.ts';

/** A source, and the lanes that may have worked for it. */
export interface SourceLanes {
  readonly source: string;
  readonly lanes: readonly string[];
}

/** What functions have said about their invocations. */
export interface ActivityLog {
  /**
   * What was done for each source, by lane; lanes that did nothing are left out.
   *
   * @throws HeadgateError when it cannot be read
   */
  read(sources: readonly SourceLanes[], period: Period): Promise<readonly LaneActivity[]>;
}
