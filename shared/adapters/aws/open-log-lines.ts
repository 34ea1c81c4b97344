import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { readLogEvents } from './log-activity.ts';
import { requireRegion } from './require-region.ts';
import type { LogLine, LogLines } from '../../ports/log-lines.ts';

/** What each structured line has. */
const PATTERN = '"level"';
const SHOWN: ReadonlySet<unknown> = new Set(['warn', 'error']);
/** Shown otherwise. */
const SAID: ReadonlySet<string> = new Set(['timestamp', 'lane']);

/**
 * What the functions of a deployment say, found with the credentials, the region and the endpoint of the environment.
 *
 * @throws BlockedError with code `REGION_MISSING`
 */
export async function openLogLines(deployment: string): Promise<LogLines> {
  const logs = new CloudWatchLogsClient({ requestHandler: new NodeHttpHandler() });
  await requireRegion(logs);
  return {
    read: async (lanes, fromMs) => {
      const found = await Promise.all(
        lanes.map(async (lane) => {
          const events = await readLogEvents(logs, deployment, lane, { pattern: PATTERN, fromMs });
          return events.flatMap(({ id, atMs, message }) => toLine(lane, id, atMs, message) ?? []);
        }),
      );
      return found.flat().sort((a, b) => a.atMs - b.atMs);
    },
    close: () => {
      logs.destroy();
    },
  };
}

function toLine(lane: string, id: string, atMs: number, text: string): LogLine | undefined {
  try {
    const { level, message, source, ...others } = JSON.parse(text) as Record<string, unknown>;
    if (!SHOWN.has(level)) return undefined;
    const fields = Object.fromEntries(Object.entries(others).filter(([name]) => !SAID.has(name)));
    return {
      ...{ id, atMs, lane, level: String(level), message: String(message), fields },
      source: typeof source === 'string' ? source : undefined,
    };
  } catch {
    return undefined;
  }
}
