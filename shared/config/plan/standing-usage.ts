import { idleDeployment } from './idle-deployment.ts';
import { HOURS_PER_MONTH } from '../../domain/cost/metering.ts';
import { modelIdle, modelOperating } from '../../domain/cost/model-operating.ts';
import type { SharedUsage, StandingUsage } from '../../domain/cost/report-cost.ts';
import { addUsage, type Usage } from '../../domain/cost/usage.ts';
import type { HeadgateConfig, SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { planResources, SHARED_STREAM, type StreamPlan } from './plan-resources.ts';

const HOUR_MS = 3_600_000;
/** A stream keeps records so long without extra cost. */
const KEPT_FREE_HOURS = 24;

/** What stands and waits in a deployment and is billed by time: shards, metrics, alarms, the dashboard, the key. */
export function standingUsage(declared: HeadgateConfig): StandingUsage {
  const plan = planResources(declared);
  const { config, streams, reads } = plan;
  const minutes = new Map(reads.map((read) => [read.source, read.minutes]));
  const retentionHours = toMs(config.ingest.retention) / HOUR_MS;
  const own = new Map<string, Usage>(
    Object.entries(config.sources).map(([name, source]) => [name, operatingOf(source, minutes.get(name))]),
  );
  const shared: SharedUsage[] = [];
  for (const stream of streams) {
    const usage = shardUsage(stream, retentionHours);
    if (stream.name === SHARED_STREAM) shared.push({ sources: stream.sources, usage });
    else own.set(stream.name, addUsage(own.get(stream.name) ?? {}, usage));
  }
  const idle = modelIdle(idleDeployment(config, plan));
  return { own, shared: [...shared, { sources: Object.keys(config.sources), usage: idle }] };
}

function shardUsage({ shards }: StreamPlan, retentionHours: number): Usage {
  const hours = shards * HOURS_PER_MONTH;
  return {
    kinesisShardHour: hours,
    ...(retentionHours > KEPT_FREE_HOURS && { kinesisExtendedShardHour: hours }),
  };
}

function operatingOf(source: SourceConfig, everyMinutes: number | undefined): Usage {
  return modelOperating(everyMinutes, {
    watchesSilence: source.alarms.stoppedAfter !== undefined,
    spills: 'overflow' in source && source.overflow === 'spill',
    watchesBudget: source.budget?.usdPerMonth !== undefined,
  });
}
