import type { WatchSettings } from '../domain/watch/watch-settings.ts';
import { FUNCTION_SIZES, type FunctionName } from '../domain/plan/function-sizes.ts';
import { usesLanding } from './lane-of.ts';
import { maxLatencyMs } from './max-latency.ts';
import { landingWindowMinutes } from './plan/landing-schedules.ts';
import { slowedPollMs, slowestPollMs } from './plan/slowest-poll.ts';
import { lanesThatServe } from './plan/lanes.ts';
import type { HeadgateConfig, SourceConfig } from './schema.ts';
import { slowingOf } from './slowing-of.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HOUR = 1;
const DAY = 24;
const WEEK = 7 * DAY;

/** Deliveries that are repeated are not yet missing. */
const LEAST_SETTLED_WITHIN_MS = 5 * MINUTE_MS;
/** A source may be late by as much as it likes: after a day people are told. */
const MOST_SETTLED_WITHIN_MS = DAY * HOUR_MS;
/** A run may miss frames that are being put, or fail once: the next one has them. */
const LANDING_RUNS = 2;
/** Below so many runs it is chance how many fall into a time. */
const LEAST_RUNS = 6;

/** A source that is watched, and the functions that may work for it. */
export interface WatchTarget {
  readonly settings: WatchSettings;
  readonly lanes: readonly FunctionName[];
}

/** All sources. */
export const watchTargetsOf = ({ sources }: HeadgateConfig): readonly WatchTarget[] =>
  Object.entries(sources).map(([name, source]) => ({
    settings: watchSettingsOf(name, source),
    lanes: lanesThatServe(source),
  }));

/** How a source is watched. */
function watchSettingsOf(name: string, source: SourceConfig): WatchSettings {
  const { maxVolumeDrop, maxCostRise } = source.alarms;
  return {
    source: name,
    type: source.type,
    settledWithinMs: settledWithinMs(source),
    volumeWindows: volumeWindowsOf(source),
    maxVolumeDrop,
    maxCostRise,
  };
}

/**
 * How long after an hour everything that was received in it is settled, in ms: what was agreed (`alarms.maxLatency`, or twice
 * the freshness), at least five minutes and at most a day. Frames that may wait in the landing zone are given two of its runs and the longest that a
 * run takes; while a source is over its monthly budget, runs come each hour.
 */
export function settledWithinMs(source: SourceConfig): number {
  const agreedMs = Math.min(MOST_SETTLED_WITHIN_MS, Math.max(LEAST_SETTLED_WITHIN_MS, maxLatencyMs(source)));
  if ((source.type !== 'push' && source.type !== 'webhook') || !usesLanding(source)) return agreedMs;
  const mayBeSlowed = source.budget?.usdPerMonth !== undefined && slowingOf(source) !== 'none';
  const everyMs = Math.max(landingWindowMinutes(source) * MINUTE_MS, mayBeSlowed ? HOUR_MS : 0);
  return Math.max(agreedMs, LANDING_RUNS * everyMs + FUNCTION_SIZES.land.timeoutSeconds * 1000);
}

/** Hours that are compared with the weeks before: so many that several runs of a source that is read fall into them. */
function volumeWindowsOf(source: SourceConfig): readonly number[] {
  if (!('pauseAfterFailures' in source)) return [HOUR, DAY];
  const pollMs = source.budget?.usdPerMonth === undefined ? slowestPollMs(source) : slowedPollMs(source);
  const slowestMs = pollMs * LEAST_RUNS;
  return slowestMs <= HOUR * HOUR_MS
    ? [HOUR, DAY]
    : [DAY, WEEK].filter((hours) => slowestMs <= hours * HOUR_MS).slice(0, 1);
}
