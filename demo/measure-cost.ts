import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { LogActivity } from '../shared/adapters/aws/log-activity.ts';
import { lanesThatServe } from '../shared/config/plan/lanes.ts';
import { planResources } from '../shared/config/plan/plan-resources.ts';
import { priceUsage, type Bill } from '../shared/domain/cost/price-usage.ts';
import { addUsage } from '../shared/domain/cost/usage.ts';
import config from './headgate.config.ts';
import type { DemoStage } from './set-up.ts';

/**
 * What this run would have cost on AWS: what its functions metered, and the shards.
 *
 * @param ingestSeconds for how long the stream was needed: its shards are billed by time
 */
export async function measureCost({ connection }: DemoStage, ingestSeconds: number): Promise<Bill> {
  const logs = new CloudWatchLogsClient({ ...connection, requestHandler: new NodeHttpHandler() });
  try {
    const lanes = Object.entries(config.sources).map(([source, settings]) => ({
      source,
      lanes: lanesThatServe(settings),
    }));
    // The cloud was empty when the run began.
    const activity = await new LogActivity({ logs, deployment: config.name }).read(lanes, {
      fromMs: 0,
      toMs: Date.now(),
    });
    const shards = planResources(config).streams.reduce((sum, stream) => sum + stream.shards, 0);
    return priceUsage(
      addUsage(...activity.map(({ usage = {} }) => usage), {
        kinesisShardHour: (shards * ingestSeconds) / 3600,
      }),
    );
  } finally {
    logs.destroy();
  }
}
