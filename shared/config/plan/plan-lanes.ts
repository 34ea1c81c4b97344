import { HOURS_PER_MONTH } from '../../domain/cost/metering.ts';
import { modelUsage } from '../../domain/cost/model-usage.ts';
import { priceUsage } from '../../domain/cost/price-usage.ts';
import { addUsage, type Usage } from '../../domain/cost/usage.ts';
import { chooseStreamed, type LaneChoice } from '../../domain/plan/choose-lanes.ts';
import { planEventSource } from '../../domain/plan/event-source.ts';
import { addLoads, planShards, shardsFilled } from '../../domain/plan/shards.ts';
import { laneOf } from '../lane-of.ts';
import type { HeadgateConfig, ReceivedSourceConfig, SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { landingWindowMinutes } from './landing-schedules.ts';
import { receivedSources, type Named } from './lanes.ts';
import { toLandingDesign, toStreamDesign } from './to-design.ts';
import { streamLoadOf, toWorkload } from './to-workload.ts';

const HOUR_MS = 3_600_000;

/** Hours for which a stream keeps records: whole ones, as Kinesis has it. */
export function retentionHoursOf({ ingest }: HeadgateConfig): number {
  return Math.floor(toMs(ingest.retention) / HOUR_MS);
}

/** What one shard uses in a month. */
export function shardUsage(retentionHours: number): Usage {
  return {
    kinesisShardHour: HOURS_PER_MONTH,
    ...(retentionHours > 24 && { kinesisExtendedShardHour: HOURS_PER_MONTH }),
  };
}

/**
 * The configuration with the pattern of every received source filled in: that of the user where there is one, and
 * otherwise what costs least, all sources taken together. The same configuration gives the same patterns.
 */
export function planLanes(config: HeadgateConfig): HeadgateConfig {
  const received = receivedSources(config);
  const movable = received.filter(([, source]) => mayMove(source));
  const fixed = received.filter(([, source]) => !mayMove(source) && laneOf(source) === 'stream');
  const streamed = chooseStreamed(
    movable.map((source) => toChoice(source, fixed, config)),
    {
      load: fixed.length === 0 ? undefined : addLoads(fixed.map(([, source]) => streamLoadOf(source))),
      shardUsd: priceUsage(shardUsage(retentionHoursOf(config))).usd,
      fixedShards: config.ingest.shards,
    },
  );
  const movableNames = new Set(movable.map(([name]) => name));
  const isStreamed = (name: string, source: ReceivedSourceConfig): boolean =>
    movableNames.has(name) ? streamed.has(name) : laneOf(source) === 'stream';
  return {
    ...config,
    sources: Object.fromEntries(
      Object.entries(config.sources).map(([name, source]): [string, SourceConfig] => {
        if (source.type !== 'push' && source.type !== 'webhook') return [name, source];
        const pattern = isStreamed(name, source) ? ('stream' as const) : ('micro-batch' as const);
        return [name, { ...source, pattern }];
      }),
    ),
  };
}

/** Whether nothing but the price decides how a source gets to the lake. */
export function mayMove(source: ReceivedSourceConfig): boolean {
  return source.pattern === undefined && laneOf(source) === 'landing';
}

/** What a source costs on the stream, and in the landing zone; shards apart. */
function toChoice(
  [name, source]: Named<ReceivedSourceConfig>,
  fixed: readonly Named<ReceivedSourceConfig>[],
  config: HeadgateConfig,
): LaneChoice {
  const workload = toWorkload(source);
  const load = streamLoadOf(source);
  const total = addLoads([load, ...fixed.map(([, each]) => streamLoadOf(each))]);
  const freshnessMs = Math.min(
    ...[source, ...fixed.map(([, each]) => each)].map((each) => toMs(each.freshness)),
  );
  const stream = modelUsage(
    workload,
    toStreamDesign(source, {
      shards: config.ingest.shards ?? planShards(total),
      share: shardsFilled(load) / shardsFilled(total),
      retentionHours: retentionHoursOf(config),
      batchingWindowSeconds: planEventSource(freshnessMs, toMs(config.ingest.retention))
        .maxBatchingWindowSeconds,
    }),
  );
  const landing = modelUsage(workload, toLandingDesign(source, landingWindowMinutes(source), 1));
  return {
    name,
    load,
    streamUsd: priceUsage(fixed.length > 0 ? stream.own : withoutShards(addUsage(stream.own, stream.shared)))
      .usd,
    landingUsd: priceUsage(addUsage(landing.own, landing.shared)).usd,
  };
}

/** A usage without the shards in it. */
export function withoutShards(usage: Usage): Usage {
  return { ...usage, kinesisShardHour: 0, kinesisExtendedShardHour: 0 };
}
