import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { Period } from '../../domain/cost/lane-activity.ts';
import type { SourceLanes } from '../../ports/activity-log.ts';
import type { CostLog } from '../../ports/cost-log.ts';
import { logGroupOf } from './log-activity.ts';
import { queryLogs } from './query-logs.ts';

/** Adds up the lines of functions' logs with Logs Insights: one query per function. */
export class InsightsCostLog implements CostLog {
  readonly #logs: CloudWatchLogsClient;
  readonly #deployment: string;

  constructor(options: { readonly logs: CloudWatchLogsClient; readonly deployment: string }) {
    this.#logs = options.logs;
    this.#deployment = options.deployment;
  }

  async read(sources: readonly SourceLanes[], period: Period): Promise<ReadonlyMap<string, number>> {
    const names = new Set(sources.map(({ source }) => source));
    const lanes = [...new Set(sources.flatMap((source) => source.lanes))];
    const found = await Promise.all(
      lanes.map((lane) => queryLogs(this.#logs, logGroupOf(this.#deployment, lane), toQuery(period), period)),
    );
    const costs = new Map<string, number>();
    for (const row of found.flat()) {
      const valueOf = (name: string): string | undefined => row.find(({ field }) => field === name)?.value;
      const source = valueOf('source') ?? '';
      if (names.has(source)) costs.set(source, (costs.get(source) ?? 0) + Number(valueOf('usd') ?? 0));
    }
    return costs;
  }
}

/** The time that a query is asked for includes the second that ends it, so lines are picked by theirs as well. */
const toQuery = ({ fromMs, toMs }: Period): string =>
  [
    'filter ispresent(EstimatedCostUsd)',
    `filter toMillis(@timestamp) >= ${String(fromMs)} and toMillis(@timestamp) < ${String(toMs)}`,
    'stats sum(EstimatedCostUsd) as usd by source',
  ].join(' | ');
