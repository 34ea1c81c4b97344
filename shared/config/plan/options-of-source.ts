import type { Design, Pattern } from '../../domain/cost/design.ts';
import { expectedFreshness, type ExpectedFreshness } from '../../domain/cost/expected-freshness.ts';
import { modelUsage } from '../../domain/cost/model-usage.ts';
import { usageUsd } from '../../domain/cost/price-usage.ts';
import type { PriceTable } from '../../domain/cost/prices.ts';
import { addUsage } from '../../domain/cost/usage.ts';
import { planEventSource } from '../../domain/plan/event-source.ts';
import { planSchedule } from '../../domain/plan/schedule.ts';
import { addLoads, planShards, shardsFilled, type StreamLoad } from '../../domain/plan/shards.ts';
import { toConfigTime } from '../../domain/plan/words.ts';
import type { ReceivedSourceConfig, SourceConfig, StreamSourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { atFreshness } from './at-freshness.ts';
import { landingWindowOf } from './landing-schedules.ts';
import { retentionHoursOf, shardUsage, withoutShards } from './plan-lanes.ts';
import { SHARED_STREAM, type ResourcePlan } from './plan-resources.ts';
import { operatingOf } from './price-source.ts';
import { slowestPollMs } from './slowest-poll.ts';
import { toLandingDesign, toPulledDesign, toStreamDesign } from './to-design.ts';
import { streamLoadOf, toWorkload } from './to-workload.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A freshness that a source could ask for, and what it would cost. */
export interface SourceOption {
  readonly askedMs: number;
  readonly pattern: Pattern;
  readonly freshness: ExpectedFreshness;
  /** What the source would cost in a month, everything else unchanged. */
  readonly usdPerMonth: number;
  readonly usdPerGb: number;
}

const RECEIVED_STEPS_MS = [
  ...[1, 2, 5, 10, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2].map((hours) => hours * HOUR_MS),
];
const READ_STEPS_MS = [
  ...[1, 5, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 6].map((hours) => hours * HOUR_MS),
  ...[1, 7].map((days) => days * DAY_MS),
];
/** From here on a landing schedule is fast enough. */
const SHORTEST_LANDING_MS = 2 * MINUTE_MS;

/** A source, and everything that its price depends on. */
export interface PricedSource {
  readonly name: string;
  readonly source: SourceConfig;
  readonly resources: ResourcePlan;
  readonly prices: PriceTable;
  /** What sources cost on a stream, by what decides it; of one plan, so that nothing is computed twice. */
  readonly known: Map<string, number>;
  /** What the source costs as it is planned. */
  readonly design: Design;
  readonly freshness: ExpectedFreshness;
  readonly usdPerMonth: number;
}

/**
 * What a source would cost at other freshness, the cheapest way for each: the curve of cost against freshness. The other
 * sources stay as they are; what the stream they share would cost more or less for it is counted.
 */
export function optionsOfSource(priced: PricedSource): readonly SourceOption[] {
  const { source } = priced;
  const askedMs = toMs(source.freshness);
  const isPulled = 'pauseAfterFailures' in source;
  const steps = [...new Set([...(isPulled ? READ_STEPS_MS : RECEIVED_STEPS_MS), askedMs])].sort(
    (a, b) => a - b,
  );
  const planned = marginalUsd(priced, askedMs, priced.design);
  return steps.map((stepMs): SourceOption => {
    const there =
      stepMs === askedMs || !isPulled
        ? priced
        : { ...priced, source: atFreshness(source, toConfigTime(stepMs)) };
    const found =
      stepMs === askedMs
        ? { design: priced.design, usd: planned }
        : designsAt(there, stepMs)
            .map((design) => ({ design, usd: marginalUsd(there, stepMs, design) }))
            .reduce((a, b) => (b.usd < a.usd ? b : a));
    const option = toOption(there, stepMs, found.design, priced.usdPerMonth + found.usd - planned);
    return stepMs === askedMs ? { ...option, freshness: priced.freshness } : option;
  });
}

/** What a source would cost with the other pattern that is open to it at its own freshness; undefined without one. */
export function otherPattern(priced: PricedSource): SourceOption | undefined {
  const { source, design } = priced;
  if (source.type !== 'push' && source.type !== 'webhook') return undefined;
  const askedMs = toMs(source.freshness);
  const other = receivedDesigns(priced, source, askedMs).find(({ kind }) => kind !== design.kind);
  if (other === undefined) return undefined;
  const change = marginalUsd(priced, askedMs, other) - marginalUsd(priced, askedMs, design);
  return toOption(priced, askedMs, other, priced.usdPerMonth + change);
}

function toOption(
  { source }: PricedSource,
  askedMs: number,
  design: Design,
  usdPerMonth: number,
): SourceOption {
  const workload = toWorkload(source);
  return {
    askedMs,
    pattern: design.pattern,
    freshness: expectedFreshness(workload, design),
    usdPerMonth,
    usdPerGb: usdPerMonth / (workload.rawBytesPerMonth / 1e9),
  };
}

/** The designs that are as fresh as asked. */
function designsAt(priced: PricedSource, askedMs: number): readonly Design[] {
  const { source } = priced;
  switch (source.type) {
    case 'push':
    case 'webhook': {
      const all = receivedDesigns(priced, source, askedMs);
      const fresh = all.filter(({ kind }) => kind === 'stream' || askedMs >= SHORTEST_LANDING_MS);
      return source.orderBy === undefined ? fresh : fresh.filter(({ kind }) => kind === 'stream');
    }
    case 'stream':
      return [streamDesignAt(priced, source, askedMs)];
    case 'files':
      return [toPulledDesign(source, planSchedule(askedMs).minutes)];
    case 'http':
    case 'postgres':
    case 'mysql':
      return [toPulledDesign(source, planSchedule(slowestPollMs(source)).minutes)];
  }
}

function receivedDesigns(
  priced: PricedSource,
  source: ReceivedSourceConfig,
  askedMs: number,
): readonly Design[] {
  const windowMinutes = landingWindowOf(askedMs);
  const together = priced.resources.landing.find(
    (schedule) => schedule.windowMinutes === windowMinutes,
  )?.sources;
  const others = together?.filter((name) => name !== priced.name).length ?? 0;
  return [streamDesignAt(priced, source, askedMs), toLandingDesign(source, windowMinutes, others + 1)];
}

function streamDesignAt(
  priced: PricedSource,
  source: ReceivedSourceConfig | StreamSourceConfig,
  askedMs: number,
): Design {
  const { config } = priced.resources;
  const { loadWith, shardsWith, freshestMs } = streamAround(priced, source);
  return toStreamDesign(source, {
    shards: shardsWith,
    share: shardsFilled(streamLoadOf(source)) / shardsFilled(loadWith),
    retentionHours: retentionHoursOf(config),
    batchingWindowSeconds: windowSeconds(priced.resources, Math.min(freshestMs, askedMs)),
  });
}

/** The stream of a source, with it and without it. */
interface StreamAround {
  readonly others: readonly (readonly [string, SourceConfig])[];
  readonly loadWith: StreamLoad;
  readonly shardsWith: number;
  readonly shardsWithout: number;
  /** The strictest freshness of the others. */
  readonly freshestMs: number;
  readonly windowWithoutSeconds: number;
}

/** What does not depend on how fresh a source is asked to be is computed once for all its options. */
const known = new WeakMap<ResourcePlan, Map<string, StreamAround>>();

function streamAround(
  { name, resources }: PricedSource,
  source: ReceivedSourceConfig | StreamSourceConfig,
): StreamAround {
  let ofPlan = known.get(resources);
  if (ofPlan === undefined) known.set(resources, (ofPlan = new Map<string, StreamAround>()));
  const before = ofPlan.get(name);
  if (before !== undefined) return before;
  const { config, streams } = resources;
  const isOwn = source.type === 'stream';
  const stream = streams.find((each) => each.name === (isOwn ? name : SHARED_STREAM));
  const others = (stream?.sources ?? [])
    .filter((other) => other !== name)
    .flatMap((other) => {
      const settings = config.sources[other];
      return settings === undefined ? [] : [[other, settings] as const];
    });
  const declared = isOwn ? source.shards : config.ingest.shards;
  const loads = others.map(([, other]) => streamLoadOf(other));
  const loadWith = addLoads([...loads, streamLoadOf(source)]);
  const freshestMs = Math.min(30 * DAY_MS, ...others.map(([, other]) => toMs(other.freshness)));
  const around: StreamAround = {
    others,
    loadWith,
    shardsWith: declared ?? planShards(loadWith),
    shardsWithout: others.length === 0 ? 0 : (declared ?? planShards(addLoads(loads))),
    freshestMs,
    windowWithoutSeconds: windowSeconds(resources, freshestMs),
  };
  ofPlan.set(name, around);
  return around;
}

/** How long batches of a stream are collected for a freshness. */
function windowSeconds({ config }: ResourcePlan, freshnessMs: number): number {
  return planEventSource(freshnessMs, toMs(config.ingest.retention)).maxBatchingWindowSeconds;
}

/** What the deployment costs more in a month with a source in a design than without the source. */
function marginalUsd(priced: PricedSource, askedMs: number, design: Design): number {
  const { source, prices } = priced;
  const { own, shared } = modelUsage(toWorkload(source), design);
  const operating = operatingOf(source, design);
  if (design.kind !== 'stream' || 'pauseAfterFailures' in source)
    return usageUsd(addUsage(own, shared, operating), prices);
  const around = streamAround(priced, source);
  const windowWithSeconds = windowSeconds(priced.resources, Math.min(around.freshestMs, askedMs));
  const shardUsd = usageUsd(shardUsage(retentionHoursOf(priced.resources.config)), prices);
  // Where others are on the stream, its batches are there anyway.
  const caused = around.others.length > 0 ? own : addUsage(own, withoutShards(shared));
  return (
    usageUsd(addUsage(caused, operating), prices) +
    (around.shardsWith - around.shardsWithout) * shardUsd +
    hurryUsd(priced, around, windowWithSeconds)
  );
}

/** What it costs the others on a stream that a source which is fresher than they are has it read more often. */
function hurryUsd(
  { resources, prices, known: computed }: PricedSource,
  { others, loadWith, shardsWith, windowWithoutSeconds }: StreamAround,
  windowWithSeconds: number,
): number {
  if (windowWithSeconds === windowWithoutSeconds) return 0;
  const totalFilled = shardsFilled(loadWith);
  const usdOf = (name: string, other: ReceivedSourceConfig, batchingWindowSeconds: number): number => {
    const share = shardsFilled(streamLoadOf(other)) / totalFilled;
    const key = `${name} ${String(batchingWindowSeconds)} ${String(shardsWith)} ${String(share)}`;
    const before = computed.get(key);
    if (before !== undefined) return before;
    const retentionHours = retentionHoursOf(resources.config);
    const { own, shared } = modelUsage(
      toWorkload(other),
      toStreamDesign(other, { shards: shardsWith, share, retentionHours, batchingWindowSeconds }),
    );
    const usd = usageUsd(addUsage(own, withoutShards(shared)), prices);
    computed.set(key, usd);
    return usd;
  };
  return others.reduce((sum, [name, other]) => {
    if (other.type !== 'push' && other.type !== 'webhook') return sum;
    return sum + usdOf(name, other, windowWithSeconds) - usdOf(name, other, windowWithoutSeconds);
  }, 0);
}
