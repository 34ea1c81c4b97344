import type { Design } from '../../domain/cost/design.ts';
import { SECONDS_PER_MONTH } from '../../domain/cost/metering.ts';
import { recordsPerMonth } from '../../domain/cost/workload.ts';
import { shardsFilled } from '../../domain/plan/shards.ts';
import type { SourceConfig } from '../schema.ts';
import { landingWindowMinutes } from './landing-schedules.ts';
import { retentionHoursOf } from './plan-lanes.ts';
import { SHARED_STREAM, type ResourcePlan, type StreamPlan } from './plan-resources.ts';
import { toLandingDesign, toPulledDesign, toStreamDesign } from './to-design.ts';
import { isNotified } from './to-answers.ts';
import { streamLoadOf, toWorkload } from './to-workload.ts';

/** The stream that a source is on, if it is on one. */
export function streamOf(name: string, { config, streams }: ResourcePlan): StreamPlan | undefined {
  const source = config.sources[name];
  if (source?.type === 'stream') return streams.find((stream) => stream.name === name);
  return streams.find((stream) => stream.name === SHARED_STREAM && stream.sources.includes(name));
}

/** The design of a source as it is deployed. */
export function plannedDesign(name: string, resources: ResourcePlan): Design {
  const source = sourceOf(name, resources);
  if (source.type === 'push' || source.type === 'webhook' || source.type === 'stream') {
    const stream = streamOf(name, resources);
    if (stream !== undefined) {
      return toStreamDesign(source, {
        shards: stream.shards,
        share: shardsFilled(streamLoadOf(source)) / shardsFilled(stream.load),
        retentionHours: retentionHoursOf(resources.config),
        batchingWindowSeconds: stream.eventSource.maxBatchingWindowSeconds,
      });
    }
  }
  if (source.type === 'push' || source.type === 'webhook') {
    const together = resources.landing.find(({ sources }) => sources.includes(name))?.sources.length ?? 1;
    return toLandingDesign(source, landingWindowMinutes(source), together);
  }
  if (source.type === 'stream') throw new Error(`no stream is planned for ${name}`);
  const minutes = resources.reads.find((read) => read.source === name)?.minutes;
  if (minutes === undefined) throw new Error(`no schedule is planned for ${name}`);
  return toPulledDesign(
    source,
    isNotified(source) ? Math.min(minutes, minutesBetweenObjects(source)) : minutes,
  );
}

/** Minutes between two objects of a bucket, one at least: events that come together make one run. */
function minutesBetweenObjects(source: SourceConfig): number {
  const workload = toWorkload(source);
  const objectsPerMinute = (recordsPerMonth(workload) / workload.recordsPerRequest / SECONDS_PER_MONTH) * 60;
  return Math.max(1, 1 / objectsPerMinute);
}

/** A source of the planned configuration. */
export function sourceOf(name: string, { config }: ResourcePlan): SourceConfig {
  const source = config.sources[name];
  if (source === undefined) throw new Error(`there is no source ${name}`);
  return source;
}
