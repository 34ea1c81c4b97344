import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueryResultsCommand,
  StartQueryCommand,
  type CloudWatchLogsClient,
  type ResultField,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Period } from '../../domain/cost/lane-activity.ts';
import { TransientError } from '../../domain/errors.ts';
import { callAws, isNamed } from './translate-error.ts';

const QUERY_POLL_MS = 500;
const QUERY_TIMEOUT_MS = 120_000;
/** Rows of a query's result. */
const MAX_ROWS = 10_000;

/**
 * Asks a log group with Logs Insights, which is billed by what it reads. A group that does not exist has no lines.
 *
 * @throws TransientError with code `LOG_QUERY_FAILED` when the query does not end well in two minutes
 */
export async function queryLogs(
  logs: CloudWatchLogsClient,
  group: string,
  text: string,
  { fromMs, toMs }: Period,
): Promise<readonly ResultField[][]> {
  const resource = `log group ${group}`;
  let queryId: string | undefined;
  try {
    ({ queryId } = await callAws({ operation: 'StartQuery', resource }, () =>
      logs.send(
        new StartQueryCommand({
          logGroupName: group,
          queryString: text,
          startTime: Math.floor(fromMs / 1000),
          endTime: Math.ceil(toMs / 1000),
          limit: MAX_ROWS,
        }),
      ),
    ));
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (isNamed(cause, 'ResourceNotFoundException')) return [];
    throw error;
  }
  for (let waitedMs = 0; waitedMs < QUERY_TIMEOUT_MS; waitedMs += QUERY_POLL_MS) {
    const { status, results = [] } = await callAws({ operation: 'GetQueryResults', resource }, () =>
      logs.send(new GetQueryResultsCommand({ queryId })),
    );
    if (status === 'Complete') return results;
    if (status !== 'Running' && status !== 'Scheduled') break;
    await sleep(QUERY_POLL_MS);
  }
  throw new TransientError(
    'LOG_QUERY_FAILED',
    `a query of ${resource} did not end well; ask for a shorter period, or repeat it later`,
  );
}
