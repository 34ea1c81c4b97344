import type { Clock } from '../../ports/clock.ts';
import type { PullControl, PullControlStore } from '../../ports/pull-control.ts';
import { problemOf, type HoldProblem } from './hold-source.ts';

/** A run that something new at the source has asked for. */
export interface Wake {
  /** Whether it has failed before, and comes again. */
  readonly isRetry: boolean;
}

export interface HeedWakeOptions {
  readonly control: PullControlStore;
  readonly clock: Clock;
  readonly newToken: () => string;
  readonly source: string;
  readonly owner: string;
}

/** While a source fails, what is new there does not have it read, and fail, more often than that. */
const FAILING_PAUSE_MS = 300_000;
const MAX_CONFLICTS = 10;

/**
 * Why a run that was asked for by something new leaves its source alone; undefined when it may read it. A run that is at
 * work may have listed what was there before: it is told, and has another one follow. Of many that are left out that is
 * one run.
 */
export async function heedWake(
  { control, clock, newToken, source, owner }: HeedWakeOptions,
  { isRetry }: Wake,
  before: PullControl,
): Promise<HoldProblem | 'failing' | undefined> {
  let known = before;
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
    const problem = problemOf(known, owner, clock.nowMs());
    if (problem === undefined) return !isRetry && hasJustFailed(known, clock.nowMs()) ? 'failing' : undefined;
    if (problem !== 'busy' || known.isWoken) return problem;
    const { version, ...state } = known;
    if ((await control.write(source, version, { ...state, isWoken: true }, newToken())) === 'ok')
      return 'busy';
    // The run that was at work may have ended since.
    known = await control.read(source);
  }
  return 'busy';
}

/** The run that failed comes again by itself, or with the schedule; ten in a minute would pause the source. */
function hasJustFailed({ failures, lastRun }: PullControl, nowMs: number): boolean {
  return failures > 0 && lastRun !== undefined && Math.abs(nowMs - lastRun.endedAtMs) < FAILING_PAUSE_MS;
}
