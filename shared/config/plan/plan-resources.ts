import { planEventSource, type EventSourcePlan } from '../../domain/plan/event-source.ts';
import { planSchedule, type SchedulePlan } from '../../domain/plan/schedule.ts';
import {
  addLoads,
  PLANNED_UTILISATION,
  planShards,
  shardsFilled,
  type StreamLoad,
} from '../../domain/plan/shards.ts';
import type { HeadgateConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { planLandingSchedules, type LandingSchedule } from './landing-schedules.ts';
import { PULLING_LANES, pulledSources, streamedSources, streamSources, type PullingLane } from './lanes.ts';
import { planLanes } from './plan-lanes.ts';
import { slowestPollMs } from './slowest-poll.ts';
import { streamLoadOf } from './to-workload.ts';

/** What the stream is called that all pushed sources share. */
export const SHARED_STREAM = 'ingest';

/** A stream and how it is read. */
export interface StreamPlan {
  /** `ingest`, or the source that it belongs to. */
  readonly name: string;
  readonly sources: readonly string[];
  /** Shards that are deployed. */
  readonly shards: number;
  /** Shards that its volumes ask for. */
  readonly plannedShards: number;
  readonly load: StreamLoad;
  /** The strictest freshness of its sources. */
  readonly freshnessMs: number;
  readonly eventSource: EventSourcePlan;
}

/** When a source is read. */
export interface ReadPlan extends SchedulePlan {
  readonly source: string;
  readonly lane: PullingLane;
  /** The freshness as it was declared. */
  readonly freshness: string;
}

/** What is deployed for a configuration: the templates are made from it, and the plan prices it. */
export interface ResourcePlan {
  /** The configuration with the pattern of every received source filled in: functions and templates go by it. */
  readonly config: HeadgateConfig;
  readonly streams: readonly StreamPlan[];
  readonly landing: readonly LandingSchedule[];
  readonly reads: readonly ReadPlan[];
}

/** Plans what is deployed. */
export function planResources(declared: HeadgateConfig): ResourcePlan {
  const config = planLanes(declared);
  return {
    config,
    streams: planStreams(config),
    landing: planLandingSchedules(config),
    reads: PULLING_LANES.flatMap((lane) =>
      pulledSources(config, lane).map(([source, settings]) => ({
        source,
        lane,
        freshness: settings.freshness,
        ...planSchedule(slowestPollMs(settings)),
      })),
    ),
  };
}

function planStreams(config: HeadgateConfig): readonly StreamPlan[] {
  const retentionMs = toMs(config.ingest.retention);
  const planOne = (
    name: string,
    sources: readonly (readonly [string, Parameters<typeof streamLoadOf>[0]])[],
    declaredShards: number | undefined,
  ): StreamPlan => {
    const load = addLoads(sources.map(([, source]) => streamLoadOf(source)));
    const plannedShards = planShards(load);
    const freshnessMs = Math.min(...sources.map(([, { freshness }]) => toMs(freshness)));
    return {
      name,
      sources: sources.map(([source]) => source),
      shards: declaredShards ?? plannedShards,
      plannedShards,
      load,
      freshnessMs,
      eventSource: planEventSource(freshnessMs, retentionMs),
    };
  };
  const pushed = streamedSources(config);
  return [
    ...(pushed.length > 0 ? [planOne(SHARED_STREAM, pushed, config.ingest.shards)] : []),
    ...streamSources(config).map(([name, source]) => planOne(name, [[name, source]], source.shards)),
  ];
}

/** How full the shards of a stream are on average, 0 to 1; more where they were chosen too few. */
export function utilisationOf({ load, shards }: StreamPlan): number {
  return shardsFilled(load) / shards;
}

/** Whether a stream has so many shards that fewer would do. */
export function hasTooManyShards(stream: StreamPlan): boolean {
  return stream.shards > stream.plannedShards;
}

/** Whether a stream has fewer shards than its volumes fill to what is planned. */
export function hasTooFewShards(stream: StreamPlan): boolean {
  return utilisationOf(stream) > PLANNED_UTILISATION + 1e-9;
}
