import { HOURS_PER_MONTH } from '../../domain/cost/metering.ts';
import type { LandingDesign, StreamDesign } from '../../domain/cost/design.ts';
import { modelUsage } from '../../domain/cost/model-usage.ts';
import { usageUsd } from '../../domain/cost/price-usage.ts';
import { addUsage, type Usage } from '../../domain/cost/usage.ts';
import { chooseStreamed, type LaneChoice } from '../../domain/plan/choose-lanes.ts';
import { planEventSource } from '../../domain/plan/event-source.ts';
import { addLoads, planShards, shardsFilled, type StreamLoad } from '../../domain/plan/shards.ts';
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
  const load = fixed.length === 0 ? undefined : addLoads(fixed.map(([, source]) => streamLoadOf(source)));
  const around: StreamAlready = {
    load,
    freshnessMs: Math.min(Infinity, ...fixed.map(([, source]) => toMs(source.freshness))),
    retentionMs: toMs(config.ingest.retention),
    retentionHours: retentionHoursOf(config),
    shards: config.ingest.shards,
  };
  const streamed = chooseStreamed(
    movable.map((source) => toChoice(source, around)),
    {
      load,
      shardUsd: usageUsd(shardUsage(around.retentionHours)),
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

/** The stream as it is without the sources that may move. */
interface StreamAlready {
  /** What is on it; undefined where nothing is. */
  readonly load: StreamLoad | undefined;
  /** The strictest freshness of what is on it. */
  readonly freshnessMs: number;
  readonly retentionMs: number;
  readonly retentionHours: number;
  /** Shards that were set by hand. */
  readonly shards: number | undefined;
}

/** What a source costs on the stream, and in the landing zone; shards apart. */
function toChoice(
  [name, source]: Named<ReceivedSourceConfig>,
  { load: others, freshnessMs, retentionMs, retentionHours, shards }: StreamAlready,
): LaneChoice {
  const load = streamLoadOf(source);
  const total = others === undefined ? load : addLoads([load, others]);
  const design = toStreamDesign(source, {
    shards: shards ?? planShards(total),
    share: shardsFilled(load) / shardsFilled(total),
    retentionHours,
    batchingWindowSeconds: planEventSource(Math.min(freshnessMs, toMs(source.freshness)), retentionMs)
      .maxBatchingWindowSeconds,
  });
  return {
    name,
    load,
    streamUsd: movedUsd(source, design, others !== undefined),
    landingUsd: movedUsd(source, toLandingDesign(source, landingWindowMinutes(source), 1), false),
  };
}

/** Sources are data that does not change, and a plan asks for the same designs again and again: to find what meets a budget. */
const known = new WeakMap<SourceConfig, Map<string, number>>();

/**
 * What a source costs in a design, shards apart.
 *
 * @param isThere whether what its sources share is there anyway
 */
function movedUsd(
  source: ReceivedSourceConfig,
  design: StreamDesign | LandingDesign,
  isThere: boolean,
): number {
  let ofSource = known.get(source);
  if (ofSource === undefined) known.set(source, (ofSource = new Map<string, number>()));
  const key = placeKey(design, isThere);
  const before = ofSource.get(key);
  if (before !== undefined) return before;
  const { own, shared } = modelUsage(toWorkload(source), design);
  const usd = usageUsd(isThere ? own : withoutShards(addUsage(own, shared)));
  ofSource.set(key, usd);
  return usd;
}

/** What the designs of one source differ in. */
function placeKey(design: StreamDesign | LandingDesign, isThere: boolean): string {
  if (design.kind === 'landing') return `landing ${String(design.windowMinutes)}`;
  const { capacity, batchingWindowSeconds } = design;
  return `${String(isThere)} ${String(batchingWindowSeconds)} ${JSON.stringify(capacity)}`;
}

/** A usage without the shards in it. */
export function withoutShards(usage: Usage): Usage {
  return { ...usage, kinesisShardHour: 0, kinesisExtendedShardHour: 0 };
}
