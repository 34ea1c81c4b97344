import type { Clock } from '../../ports/clock.ts';
import type { PullControl, PullControlStore } from '../../ports/pull-control.ts';

/** Why a run leaves its source alone. */
export type HoldProblem = 'paused' | 'busy';

/** A run's hold on its source. */
export interface SourceHold {
  /** To be called now and then. @returns why the run is to end now; undefined to go on */
  check(): Promise<HoldProblem | undefined>;
}

export interface HoldOptions {
  readonly control: PullControlStore;
  readonly clock: Clock;
  readonly newToken: () => string;
  readonly source: string;
  readonly owner: string;
}

/** Runs that are over before that hold nothing, and write nothing for it. */
const FIRST_CHECK_MS = 20_000;
/** How often a long run says that it is there, and looks whether the source was paused. */
const CHECK_EVERY_MS = 60_000;
/** How long others wait for a run that says nothing any more: one batch may take some minutes to be read. */
const LEASE_MS = 300_000;

/**
 * Keeps schedules that come faster than a long run ends from reading the same rows beside it, and lets a long run notice
 * that its source was paused. For liveness only: what lands once and in which order is decided by the ledger.
 */
export function holdSource({ control, clock, newToken, source, owner }: HoldOptions): SourceHold {
  let nextCheckMs = clock.nowMs() + FIRST_CHECK_MS;
  return {
    async check() {
      const nowMs = clock.nowMs();
      if (nowMs < nextCheckMs) return undefined;
      const known = await control.read(source);
      const problem = problemOf(known, owner, nowMs);
      if (problem !== undefined) return problem;
      const running = { owner, untilMs: nowMs + LEASE_MS };
      const result = await control.write(source, known.version, { ...known, running }, newToken());
      // After a conflict somebody else is here: the next check sees who.
      if (result === 'ok') nextCheckMs = nowMs + CHECK_EVERY_MS;
      return undefined;
    },
  };
}

/** Why a source is to be left alone; undefined when it may be read. */
export function problemOf(
  { paused, running }: PullControl,
  owner: string,
  nowMs: number,
): HoldProblem | undefined {
  if (paused !== undefined) return 'paused';
  if (running === undefined || running.owner === owner || running.untilMs <= nowMs) return undefined;
  // A clock that is far off must not hold the source for longer than a lease.
  return running.untilMs - nowMs <= LEASE_MS ? 'busy' : undefined;
}
