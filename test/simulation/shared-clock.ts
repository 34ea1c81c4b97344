import type { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Rng } from './rng.ts';
import type { Scheduler } from './scheduler.ts';

const MAX_TURNS = 6;

/** The clock of all processes: others go on while one of them sleeps. */
export function createSharedClock(clock: ManualClock, scheduler: Scheduler, rng: Rng): Clock {
  return {
    nowMs: () => clock.nowMs(),
    sleep: async (ms) => {
      const wakeMs = clock.nowMs() + ms;
      await scheduler.pauses(1 + rng.int(MAX_TURNS));
      clock.advance(Math.max(0, wakeMs - clock.nowMs()));
    },
  };
}
