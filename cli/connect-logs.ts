import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { readLogEvents } from '../shared/adapters/aws/log-activity.ts';
import { requireRegion } from '../shared/adapters/aws/require-region.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import type { LogLine, OpenLogs } from './open-logs.ts';

/** What each structured line has. */
const PATTERN = '"level"';
const SHOWN: ReadonlySet<unknown> = new Set(['warn', 'error']);
/** Shown otherwise. */
const SAID: ReadonlySet<string> = new Set(['timestamp', 'lane']);

/** The logs of a deployment. */
export async function openLogs({ name }: HeadgateConfig): Promise<OpenLogs> {
  const logs = new CloudWatchLogsClient({ requestHandler: new NodeHttpHandler() });
  await requireRegion(logs);
  return {
    read: async (lanes, fromMs) => {
      const found = await Promise.all(
        lanes.map(async (lane) => {
          const events = await readLogEvents(logs, name, lane, { pattern: PATTERN, fromMs });
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
