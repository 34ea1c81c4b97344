/** What is known of the spending of a source in a month. */
export interface BudgetFacts {
  /** What its invocations have cost so far this month, in US dollars. */
  readonly spentUsd: number;
  /** Most that the month may cost. */
  readonly capUsd: number;
  /** How much of the month has passed: from 0 to 1. */
  readonly elapsedOfMonth: number;
  /** What the month costs whatever the source brings: its part of the shards, its metrics and alarms. */
  readonly fixedUsd: number;
  /** What was decided before. */
  readonly wasSlowed: boolean;
}

export interface BudgetPlan {
  readonly state: 'within' | 'slowed';
  /** What the month comes to if the rest of it is like what has passed. */
  readonly projectedUsd: number;
  /** For people. */
  readonly reason: string;
}

/** Of the first hours nobody can tell what the month will be like: they count as a day of it. */
const LEAST_OF_MONTH = 1 / 31;
/** A source that was slowed down is let go again when the projection is so far below the cap. */
const RETURN_AT = 0.9;

/**
 * Whether a source is slowed down to stay within its budget: as soon as the month is projected to cost more than the cap,
 * and until it is projected to cost 0.9 of it at most. The same facts give the same plan.
 */
export function planBudget({
  spentUsd,
  capUsd,
  elapsedOfMonth,
  fixedUsd,
  wasSlowed,
}: BudgetFacts): BudgetPlan {
  const projectedUsd = fixedUsd + spentUsd / Math.min(1, Math.max(LEAST_OF_MONTH, elapsedOfMonth));
  const limitUsd = wasSlowed ? RETURN_AT * capUsd : capUsd;
  const state = projectedUsd > limitUsd ? 'slowed' : 'within';
  const is = `the month is projected to cost $${projectedUsd.toFixed(2)}`;
  const reason =
    state === 'within'
      ? `${is}, and may cost $${capUsd.toFixed(2)}`
      : projectedUsd > capUsd
        ? `${is}, more than its budget of $${capUsd.toFixed(2)}`
        : `${is}, still more than 90 % of its budget of $${capUsd.toFixed(2)}`;
  return { state, projectedUsd, reason };
}

/** A calendar month (UTC) as a number, `202612`, and how much of it has passed. */
export function monthOf(nowMs: number): { readonly month: number; readonly elapsed: number } {
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const startMs = Date.UTC(year, month);
  return {
    month: year * 100 + month + 1,
    elapsed: (nowMs - startMs) / (Date.UTC(year, month + 1) - startMs),
  };
}
