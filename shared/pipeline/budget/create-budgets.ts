import type { MonthlyCap } from '../../config/plan/monthly-caps.ts';
import { monthOf, planBudget } from '../../domain/plan-budget.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MonthSpend, SpendStore } from '../../ports/spend-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** How long a process keeps what it has to add. */
const SETTLE_EVERY_MS = 60_000;
/** How long it goes by what it has last seen: longer, for what an addition answers is seen as well. */
const SEEN_MS = 75_000;

export interface BudgetsDeps {
  readonly store: SpendStore;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly telemetry: Pick<Telemetry, 'log'>;
  /** The budgets of the sources that have one. */
  readonly caps: ReadonlyMap<string, MonthlyCap>;
}

/** What a process knows of monthly budgets. Sources without one are always within theirs, and cost nothing. */
export interface Budgets {
  /** Whether a source is over its budget, looked up about once a minute. Never fails: what cannot be read is within. */
  look(source: string): Promise<BudgetState>;
  /** What `look` has last answered. */
  isOver(source: string): boolean;
  /** An invocation has cost a source so much, in US dollars. */
  spend(source: string, usd: number): void;
  /** The landing zone of a source was emptied just now. */
  noteLanded(source: string): void;
  /** Adds what was spent to the month; called when an invocation ends. Never fails. */
  settle(): Promise<void>;
}

interface BudgetState {
  readonly isOver: boolean;
  /** When the landing zone was last emptied this month, as far as it is known. */
  readonly landedAtMs: number | undefined;
}

interface Watched {
  readonly cap: MonthlyCap;
  state: BudgetState;
  seenAtMs: number;
  unsettledUsd: number;
  settledAtMs: number;
  landedAtMs: number | undefined;
}

const WITHIN: BudgetState = { isOver: false, landedAtMs: undefined };

/**
 * Adds up what the sources with a monthly budget cost, and says which are over it. A process adds what it has spent once
 * a minute at most, so what it spent last is lost with it, and so is what an addition held whose answer did not come:
 * the sum is as exact as the estimate it is made of, and never keeps a record waiting.
 */
export function createBudgets({ store, clock, telemetry, caps }: BudgetsDeps): Budgets {
  const watched = new Map<string, Watched>(
    [...caps].map(([source, cap]) => [
      source,
      {
        cap,
        state: WITHIN,
        seenAtMs: -Infinity,
        unsettledUsd: 0,
        settledAtMs: -Infinity,
        landedAtMs: undefined,
      },
    ]),
  );

  function plan(
    { cap }: Watched,
    spend: MonthSpend,
    elapsedOfMonth: number,
  ): { readonly isOver: boolean; readonly reason: string } {
    const wasSlowed = spend.slowedSinceMs !== undefined;
    const { state, reason } = planBudget({ ...cap, spentUsd: spend.usd, elapsedOfMonth, wasSlowed });
    return { isOver: state === 'slowed', reason };
  }

  /** Goes by what the store says, and tells it where the source changes over. */
  async function heed(source: string, of: Watched, spend: MonthSpend, nowMs: number): Promise<void> {
    const { month, elapsed } = monthOf(nowMs);
    const { isOver, reason } = plan(of, spend, elapsed);
    of.state = { isOver, landedAtMs: spend.landedAtMs };
    of.seenAtMs = nowMs;
    if (isOver === (spend.slowedSinceMs !== undefined)) return;
    await store.setSlowed(source, month, isOver ? nowMs : undefined);
    telemetry.log(
      isOver ? 'warn' : 'info',
      isOver ? 'the source is over its budget' : 'the source is within its budget again',
      {
        source,
        reason,
      },
    );
  }

  async function attempt(source: string, what: string, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      telemetry.log('warn', what, { source, error: error instanceof Error ? error.message : String(error) });
      return false;
    }
  }

  return {
    look: async (source) => {
      const of = watched.get(source);
      if (of === undefined) return WITHIN;
      const nowMs = clock.nowMs();
      if (nowMs - of.seenAtMs < SEEN_MS) return of.state;
      // Whatever comes of it: a store that does not answer is asked again in a minute, and nobody waits for it until then.
      of.seenAtMs = nowMs;
      let spend: MonthSpend | undefined;
      await attempt(source, 'the budget could not be read; the source counts as within it', async () => {
        spend = await store.read(source, monthOf(nowMs).month);
      });
      if (spend === undefined) of.state = WITHIN;
      else {
        const { isOver } = plan(of, spend, monthOf(nowMs).elapsed);
        of.state = { isOver, landedAtMs: spend.landedAtMs };
      }
      return of.state;
    },
    isOver: (source) => watched.get(source)?.state.isOver === true,
    spend: (source, usd) => {
      const of = watched.get(source);
      if (of !== undefined) of.unsettledUsd += usd;
    },
    noteLanded: (source) => {
      const of = watched.get(source);
      if (of === undefined) return;
      of.landedAtMs = clock.nowMs();
      of.state = { ...of.state, landedAtMs: of.landedAtMs };
    },
    settle: async () => {
      const nowMs = clock.nowMs();
      const due = [...watched].filter(
        ([, of]) =>
          of.landedAtMs !== undefined || (of.unsettledUsd > 0 && nowMs - of.settledAtMs >= SETTLE_EVERY_MS),
      );
      await Promise.all(
        due.map(async ([source, of]) => {
          const added = { usd: of.unsettledUsd, landedAtMs: of.landedAtMs };
          // Not kept for another attempt: it may have arrived.
          of.unsettledUsd = 0;
          of.landedAtMs = undefined;
          of.settledAtMs = nowMs;
          await attempt(source, 'what the source has cost could not be added to its month', async () => {
            await heed(source, of, await store.add(source, monthOf(nowMs).month, added), nowMs);
          });
        }),
      );
    },
  };
}
