import { paginateFilterLogEvents, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { LaneActivity, Period } from '../../domain/cost/lane-activity.ts';
import type { ActivityLog, SourceLanes } from '../../ports/activity-log.ts';
import { addActivityLines } from './activity-lines.ts';
import { callAws, isNamed } from './translate-error.ts';

/** What each line of metrics has. */
const PATTERN = 'CloudWatchMetrics';

/**
 * Reads the lines of functions' logs one by one: for the embedded cloud, which makes no metrics of them. What a real
 * deployment writes in days is too much for that, see `CloudWatchActivity`.
 */
export class LogActivity implements ActivityLog {
  readonly #logs: CloudWatchLogsClient;
  readonly #deployment: string;

  constructor(options: { readonly logs: CloudWatchLogsClient; readonly deployment: string }) {
    this.#logs = options.logs;
    this.#deployment = options.deployment;
  }

  async read(sources: readonly SourceLanes[], period: Period): Promise<readonly LaneActivity[]> {
    const names = new Set(sources.map(({ source }) => source));
    const lanes = new Set(sources.flatMap((source) => source.lanes));
    const found = await Promise.all([...lanes].map((lane) => this.#readLane(lane, period)));
    return found.flat().filter(({ source }) => names.has(source));
  }

  async #readLane(lane: string, { fromMs, toMs }: Period): Promise<readonly LaneActivity[]> {
    const group = logGroupOf(this.#deployment, lane);
    const lines: string[] = [];
    try {
      const pages = paginateFilterLogEvents(
        { client: this.#logs },
        { logGroupName: group, filterPattern: PATTERN, startTime: fromMs, endTime: toMs },
      );
      await callAws({ operation: 'FilterLogEvents', resource: `log group ${group}` }, async () => {
        for await (const { events = [] } of pages) {
          for (const { message } of events) if (message !== undefined) lines.push(message);
        }
      });
    } catch (error) {
      // The function was not called yet.
      const cause = error instanceof Error ? error.cause : undefined;
      if (isNamed(cause, 'ResourceNotFoundException')) return [];
      throw error;
    }
    return addActivityLines(lines);
  }
}

/** Where the function of a lane logs. */
export const logGroupOf = (deployment: string, lane: string): string => `/aws/lambda/${deployment}-${lane}`;
