import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  planPolling,
  type PollingPlan,
  type PollingRules,
  type PollingSeen,
} from '../../../shared/domain/plan-polling.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** Rules as the configuration lets them through: the floor is not above the freshness or the ceiling. */
const rulesArb: fc.Arbitrary<PollingRules> = fc
  .record({
    floor: fc.integer({ min: MINUTE_MS, max: DAY_MINUTES * MINUTE_MS }),
    freshnessMore: fc.integer({ min: 0, max: DAY_MINUTES * MINUTE_MS }),
    ceilingMore: fc.option(fc.integer({ min: 0, max: 3 * DAY_MINUTES * MINUTE_MS }), { nil: undefined }),
  })
  .map(({ floor, freshnessMore, ceilingMore }) => ({
    floorMs: floor,
    freshnessMs: floor + freshnessMore,
    ceilingMs: ceilingMore === undefined ? undefined : floor + ceilingMore,
  }));

/** What runs see, apart from what follows from the runs before. */
const newsArb = fc.record({
  found: fc.boolean(),
  hasBacklog: fc.boolean(),
  isRateLimited: fc.boolean(),
});
const seenArb: fc.Arbitrary<PollingSeen> = fc.record({
  everyMinutes: fc.integer({ min: 1, max: 100_000 }),
  found: fc.boolean(),
  hasBacklog: fc.boolean(),
  isRateLimited: fc.boolean(),
  emptyRuns: fc.nat(10),
});

const QUIET = { found: false, hasBacklog: false, isRateLimited: false };

/** Plays runs one after the other, as the function does. */
function play(rules: PollingRules, startMinutes: number, news: readonly (typeof QUIET)[]): PollingPlan[] {
  const plans: PollingPlan[] = [];
  let everyMinutes = startMinutes;
  let emptyRuns = 0;
  for (const { found, ...rest } of news) {
    emptyRuns = found ? 0 : emptyRuns + 1;
    const plan = planPolling(rules, { ...rest, found, everyMinutes, emptyRuns });
    ({ everyMinutes, emptyRuns } = plan);
    plans.push(plan);
  }
  return plans;
}

/** The longest interval that keeps what the source asks for, written down independently: whole minutes, at least one. */
const longest = ({ freshnessMs, ceilingMs = Infinity }: PollingRules): number =>
  Math.max(1, Math.trunc(Math.min(freshnessMs, ceilingMs) / MINUTE_MS));

describe('the interval between two runs', () => {
  test('of a source that is over its budget is its ceiling, or six times its freshness, a day at most', () => {
    fc.assert(
      fc.property(rulesArb, seenArb, (rules, seen) => {
        const { everyMinutes, reason } = planPolling(rules, { ...seen, isOverBudget: true });
        const allowed = rules.ceilingMs ?? 6 * rules.freshnessMs;
        expect(reason).toBe('over its budget');
        expect(everyMinutes).toBe(
          Math.max(longest(rules), Math.min(DAY_MINUTES, Math.trunc(allowed / MINUTE_MS))),
        );
      }),
    );
  });

  test('is whole minutes within the freshness and the ceiling, and not below the floor unless they ask for it', () => {
    fc.assert(
      fc.property(rulesArb, seenArb, (rules, seen) => {
        const { everyMinutes, reason } = planPolling(rules, seen);
        expect(Number.isInteger(everyMinutes)).toBe(true);
        expect(everyMinutes).toBeLessThanOrEqual(longest(rules));
        expect(everyMinutes * MINUTE_MS >= rules.floorMs || everyMinutes === longest(rules)).toBe(true);
        expect(reason).not.toBe('');
      }),
    );
  });

  test('follows from what was seen alone', () => {
    fc.assert(
      fc.property(rulesArb, seenArb, (rules, seen) => {
        expect(planPolling(rules, seen)).toEqual(planPolling({ ...rules }, { ...seen }));
      }),
    );
  });

  test('never grows while records are found, and is down at the floor after a dozen such runs', () => {
    fc.assert(
      fc.property(rulesArb, fc.integer({ min: 1, max: 3_000 }), (rules, start) => {
        const plans = play(rules, start, Array(13).fill({ ...QUIET, found: true }));
        const minutes = plans.map(({ everyMinutes }) => everyMinutes);
        expect(minutes).toEqual([...minutes].sort((a, b) => b - a));
        const floor = Math.ceil(rules.floorMs / MINUTE_MS);
        expect(minutes.at(-1)).toBe(Math.min(floor, longest(rules)));
      }),
    );
  });

  test('is the floor at once while more waits than one run reads', () => {
    fc.assert(
      fc.property(rulesArb, seenArb, (rules, seen) => {
        const { everyMinutes } = planPolling(rules, { ...seen, hasBacklog: true, isRateLimited: false });
        expect(everyMinutes).toBe(Math.min(Math.ceil(rules.floorMs / MINUTE_MS), longest(rules)));
      }),
    );
  });

  test('grows stepwise while nothing is found: doubled at every third run at most, up to the ceiling, and stays', () => {
    fc.assert(
      fc.property(rulesArb, (rules) => {
        const plans = play(rules, 1, Array(45).fill(QUIET));
        const minutes = plans.map(({ everyMinutes }) => everyMinutes);
        for (let i = 1; i < minutes.length; i++) {
          const [before = 0, after = 0] = [minutes[i - 1], minutes[i]];
          expect(after === before || after === Math.min(2 * before, longest(rules))).toBe(true);
          if (after > before) expect(new Set(minutes.slice(Math.max(0, i - 3), i)).size).toBe(1);
        }
        expect(minutes.at(-1)).toBe(longest(rules));
        // Nothing changes any more: nothing is to be written.
        expect(plans.at(-1)).toEqual(plans.at(-2));
      }),
    );
  });

  test('is longer after the source has limited the rate, whatever was found, up to the ceiling', () => {
    fc.assert(
      fc.property(rulesArb, seenArb, (rules, seen) => {
        const { everyMinutes } = planPolling(rules, { ...seen, isRateLimited: true });
        const now = Math.min(seen.everyMinutes, longest(rules));
        expect(everyMinutes).toBe(Math.min(longest(rules), Math.max(2 * now, everyMinutes)));
        expect(everyMinutes > now || everyMinutes === longest(rules)).toBe(true);
      }),
    );
  });

  test('stays within its bounds over any history', () => {
    fc.assert(
      fc.property(rulesArb, fc.array(newsArb, { maxLength: 60 }), (rules, news) => {
        for (const { everyMinutes } of play(rules, longest(rules), news)) {
          expect(everyMinutes).toBeGreaterThanOrEqual(1);
          expect(everyMinutes).toBeLessThanOrEqual(longest(rules));
        }
      }),
    );
  });
});
