import type { IdleDeployment } from '../../domain/cost/model-operating.ts';
import type { HeadgateConfig } from '../schema.ts';
import { pulledSources, PULLING_LANES, receivedSources } from './lanes.ts';
import type { ResourcePlan } from './plan-resources.ts';
import { isNotified } from './tasks-of.ts';

/** What a deployment consists of, whatever its sources bring. */
export function idleDeployment(config: HeadgateConfig, { streams, landing }: ResourcePlan): IdleDeployment {
  return {
    hasPush: receivedSources(config).length > 0,
    hasLanding: landing.length > 0,
    pullingFunctions: PULLING_LANES.filter((lane) => pulledSources(config, lane).length > 0).length,
    isNotified: pulledSources(config, 'pull').some(([, source]) => isNotified(source)),
    streams: streams.length,
    sources: Object.keys(config.sources).length,
  };
}
