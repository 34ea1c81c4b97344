import middy, { type MiddyfiedHandler } from '@middy/core';
import {
  watchSources,
  type WatchDeps,
  type WatchOutcome,
} from '../../shared/pipeline/watch/watch-sources.ts';
import { flushTelemetry } from '../middleware/flush-telemetry.ts';

/** Judges all sources, whatever the event says: what to look at follows from the clock. */
export function createHandler(deps: WatchDeps): MiddyfiedHandler<unknown, WatchOutcome> {
  return middy<unknown, WatchOutcome>()
    .use(flushTelemetry(deps.telemetry, { usageOf: () => ({ schedulerInvocation: 1 }) }))
    .handler(() => watchSources(deps));
}
