import { planMonthlyCaps } from '../shared/config/plan/monthly-caps.ts';
import type { HeadgateConfig } from '../shared/config/schema.ts';
import { slowingOf, type Slowing } from '../shared/config/slowing-of.ts';
import { monthOf, planBudget } from '../shared/domain/plan-budget.ts';
import { toUsd } from '../shared/domain/plan/words.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { SpendStore } from '../shared/ports/spend-store.ts';

/** What the commands work with that show monthly budgets. */
export interface BudgetDeps {
  readonly clock: Clock;
  /** Opens what the functions of a deployment have added up. */
  readonly openSpend: (config: HeadgateConfig) => Promise<OpenSpend>;
}

interface OpenSpend {
  readonly store: Pick<SpendStore, 'read'>;
  readonly close: () => void;
}

/** Where a source stands in this calendar month (UTC), in US dollars. */
export interface MonthBudget {
  readonly source: string;
  readonly capUsd: number;
  /** What its invocations have cost, and its part of what stands and waits, so far. */
  readonly spentUsd: number;
  /** What the month comes to if the rest of it is like what has passed. */
  readonly projectedUsd: number;
  /** ISO 8601; undefined while it is not slowed down. */
  readonly slowedSince: string | undefined;
  /** What happens, or would happen, while it is over its budget. */
  readonly slowing: Slowing;
}

/** The sources with a monthly budget, as their functions see them; asks nobody where no source has one. */
export async function readBudgets(
  config: HeadgateConfig,
  { clock, openSpend }: BudgetDeps,
): Promise<readonly MonthBudget[]> {
  const caps = planMonthlyCaps(config);
  if (caps.size === 0) return [];
  const { store, close } = await openSpend(config);
  try {
    const { month, elapsed } = monthOf(clock.nowMs());
    return await Promise.all(
      [...caps].map(async ([source, { capUsd, fixedUsd }]): Promise<MonthBudget> => {
        const { usd, slowedSinceMs } = await store.read(source, month);
        const wasSlowed = slowedSinceMs !== undefined;
        const settings = config.sources[source];
        return {
          source,
          capUsd,
          spentUsd: usd + fixedUsd * elapsed,
          projectedUsd: planBudget({ spentUsd: usd, capUsd, fixedUsd, elapsedOfMonth: elapsed, wasSlowed })
            .projectedUsd,
          slowedSince: slowedSinceMs === undefined ? undefined : new Date(slowedSinceMs).toISOString(),
          slowing: settings === undefined ? 'none' : slowingOf(settings),
        };
      }),
    );
  } finally {
    close();
  }
}

/** Monthly budgets, for people; an empty text where there are none. */
export function budgetsText(budgets: readonly MonthBudget[]): string {
  if (budgets.length === 0) return '';
  return ['Budgets of this month (UTC):', ...budgets.map(budgetText)].join('\n');
}

const MEANWHILE: Readonly<Record<Slowing, string>> = {
  landing: 'its records go to the landing zone and land each hour',
  hourly: 'it is landed each hour',
  polling: 'it is read less often',
  none: 'it is only watched',
};

function budgetText({ source, spentUsd, projectedUsd, capUsd, slowedSince, slowing }: MonthBudget): string {
  const money = `${toUsd(spentUsd)} of ${toUsd(capUsd)} spent, ${toUsd(projectedUsd)} projected`;
  if (slowedSince === undefined) return `  ${source}: ${money}`;
  const since = slowedSince.slice(0, 16).replace('T', ' ');
  const how = slowing === 'none' ? 'over its budget since' : 'slowed since';
  return `  ${source}: ${money}; ${how} ${since}: ${MEANWHILE[slowing]}, and nothing is refused or lost`;
}
