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
    const events = await readLogEvents(this.#logs, this.#deployment, lane, {
      pattern: PATTERN,
      fromMs,
      toMs,
    });
    return addActivityLines(events.map(({ message }) => message));
  }
}

/** A line of a log. */
interface LogEvent {
  readonly id: string;
  readonly atMs: number;
  readonly message: string;
}

/**
 * Lines of a function's log, in their order; none where it was not called yet.
 *
 * @param query.pattern of CloudWatch: what lines have
 */
export async function readLogEvents(
  logs: CloudWatchLogsClient,
  deployment: string,
  lane: string,
  query: { readonly pattern: string; readonly fromMs: number; readonly toMs?: number },
): Promise<readonly LogEvent[]> {
  const group = logGroupOf(deployment, lane);
  const found: LogEvent[] = [];
  try {
    const pages = paginateFilterLogEvents(
      { client: logs },
      {
        logGroupName: group,
        filterPattern: query.pattern,
        startTime: query.fromMs,
        ...(query.toMs !== undefined && { endTime: query.toMs }),
      },
    );
    await callAws({ operation: 'FilterLogEvents', resource: `log group ${group}` }, async () => {
      for await (const { events = [] } of pages) {
        for (const { eventId: id = '', timestamp: atMs = 0, message } of events)
          if (message !== undefined) found.push({ id, atMs, message });
      }
    });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (isNamed(cause, 'ResourceNotFoundException')) return [];
    throw error;
  }
  return found;
}

/** Where the function of a lane logs. */
export const logGroupOf = (deployment: string, lane: string): string => `/aws/lambda/${deployment}-${lane}`;
