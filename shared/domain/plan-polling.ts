/** What a source asks of its schedule; times in ms. */
export interface PollingRules {
  readonly freshnessMs: number;
  /** Shortest time between two runs. */
  readonly floorMs: number;
  /** Longest time between two runs; undefined: the freshness. */
  readonly ceilingMs: number | undefined;
}

/** What a run has seen, and what the schedule was. */
export interface PollingSeen {
  /** The interval as the schedule has it now. */
  readonly everyMinutes: number;
  /** Records were found. */
  readonly found: boolean;
  /** The run was over before everything was read. */
  readonly hasBacklog: boolean;
  /** Runs in a row that found nothing, this one included, since the interval has changed. */
  readonly emptyRuns: number;
  /** The source refused requests because there were too many. */
  readonly isRateLimited: boolean;
  /** The month is projected to cost more than its budget. */
  readonly isOverBudget?: boolean;
}

/** The next interval, and why. */
export interface PollingPlan {
  readonly everyMinutes: number;
  /** For people. */
  readonly reason: string;
  /** Empty runs to go on counting from. */
  readonly emptyRuns: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Freshness of a source that is over its budget and names no ceiling. */
const SLOWED_TIMES = 6;
/** A source that was silent for a moment is not slowed down at once. */
const PATIENCE_RUNS = 3;

/**
 * Whole minutes between which the interval moves. The freshness comes before the floor where they disagree, and a minute
 * before all: schedules know no shorter time.
 */
function pollingBounds({ freshnessMs, floorMs, ceilingMs = freshnessMs }: PollingRules): {
  readonly minMinutes: number;
  readonly maxMinutes: number;
} {
  const maxMinutes = Math.max(1, Math.floor(Math.min(freshnessMs, ceilingMs) / MINUTE_MS));
  return { minMinutes: Math.min(maxMinutes, Math.max(1, Math.ceil(floorMs / MINUTE_MS))), maxMinutes };
}

/** Minutes between two runs of a source that is over its budget: its ceiling, or six times its freshness, a day at most. */
export function slowedMinutes({
  freshnessMs,
  ceilingMs = SLOWED_TIMES * freshnessMs,
}: Omit<PollingRules, 'floorMs'>): number {
  return Math.max(1, Math.floor(Math.min(ceilingMs, DAY_MS) / MINUTE_MS));
}

/**
 * How long to wait until the next run: as short as allowed while runs do not get done, half as long after each run that
 * found something, twice as long after every third run that found nothing, and after a run that the source has slowed
 * down. A source that is over its budget is asked as rarely as it allows. The same input gives the same plan.
 */
export function planPolling(rules: PollingRules, seen: PollingSeen): PollingPlan {
  const { minMinutes, maxMinutes } = pollingBounds(rules);
  const clamp = (minutes: number): number => Math.min(maxMinutes, Math.max(minMinutes, minutes));
  if (seen.isOverBudget === true) {
    return {
      everyMinutes: Math.max(maxMinutes, slowedMinutes(rules)),
      reason: 'over its budget',
      emptyRuns: 0,
    };
  }
  const now = clamp(seen.everyMinutes);
  if (seen.isRateLimited) {
    return { everyMinutes: clamp(now * 2), reason: 'the source limits the rate of requests', emptyRuns: 0 };
  }
  if (seen.hasBacklog) {
    return { everyMinutes: minMinutes, reason: 'more is waiting than one run reads', emptyRuns: 0 };
  }
  if (seen.found) {
    return { everyMinutes: clamp(Math.ceil(now / 2)), reason: 'the last run found records', emptyRuns: 0 };
  }
  if (seen.emptyRuns < PATIENCE_RUNS) {
    const runs = seen.emptyRuns === 1 ? 'the last run' : `the last ${String(seen.emptyRuns)} runs`;
    return { everyMinutes: now, reason: `${runs} found nothing`, emptyRuns: seen.emptyRuns };
  }
  if (now === maxMinutes) {
    // As rare as allowed: nothing is left to count.
    return { everyMinutes: now, reason: 'nothing has been found for a while', emptyRuns: PATIENCE_RUNS };
  }
  return {
    everyMinutes: clamp(now * 2),
    reason: `${String(PATIENCE_RUNS)} runs in a row found nothing`,
    emptyRuns: 0,
  };
}
