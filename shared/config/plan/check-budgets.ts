import type { Finding } from '../../domain/plan/finding.ts';
import { toUsd } from '../../domain/plan/words.ts';
import type { SourceFacts } from './source-facts.ts';
import { cheapestOf, savingOf, type Saving } from './savings.ts';

/** What a source or a deployment may cost. */
interface Budget {
  readonly usdPerGb?: number | undefined;
  readonly usdPerMonth?: number | undefined;
}

interface Cost {
  readonly usdPerGb: number;
  readonly usdPerMonth: number;
}

const isWithin = ({ usdPerGb = Infinity, usdPerMonth = Infinity }: Budget, cost: Cost): boolean =>
  cost.usdPerGb <= usdPerGb && cost.usdPerMonth <= usdPerMonth;

/** What is spent against what may be: "costs $0.26 per GB, and the budget is $0.10". */
function overspent({ usdPerGb, usdPerMonth }: Budget, cost: Cost): string {
  return [
    usdPerGb !== undefined && cost.usdPerGb > usdPerGb
      ? `${toUsd(cost.usdPerGb)} per GB, and the budget is ${toUsd(usdPerGb)}`
      : undefined,
    usdPerMonth !== undefined && cost.usdPerMonth > usdPerMonth
      ? `${toUsd(cost.usdPerMonth)} a month, and the budget is ${toUsd(usdPerMonth)}`
      : undefined,
  ]
    .filter((text) => text !== undefined)
    .join('; ');
}

/** Whether a source is over its budget, and what would meet it. */
export function checkBudget(facts: SourceFacts): Finding | undefined {
  const { source, name, priced } = facts;
  const { budget } = source;
  if (budget === undefined || isWithin(budget, priced)) return undefined;
  const all = savingOf(facts, (cost) => isWithin(budget, cost)) ?? cheapestOf(facts);
  return {
    id: 'over-budget',
    level: 'error',
    field: `sources.${name}.budget`,
    says: `it costs ${overspent(budget, priced)}`,
    next: adviseOn(budget, all, priced),
    usdPerMonth: priced.usdPerMonth - (all?.usdPerMonth ?? priced.usdPerMonth),
  };
}

function adviseOn(budget: Budget, saving: Saving | undefined, priced: Cost): string {
  if (saving === undefined) {
    return `no change of the configuration makes it cheaper; the nearest budget that can be met is usdPerGb: ${ceilUsd(priced.usdPerGb)}, usdPerMonth: ${ceilUsd(priced.usdPerMonth)}`;
  }
  const costs = `${toUsd(saving.usdPerGb)} per GB, ${toUsd(saving.usdPerMonth)} a month`;
  return isWithin(budget, saving)
    ? `set ${saving.change}: ${costs} (${saving.price})`
    : `no plan meets it. The nearest: ${saving.change}: ${costs} (${saving.price}); or raise the budget to that`;
}

/** An amount that a budget can be set to: not less than it is. */
function ceilUsd(usd: number): string {
  const digits = usd >= 1 ? 2 : Math.max(2, 1 - Math.floor(Math.log10(usd)));
  const factor = 10 ** digits;
  return String(Math.ceil(usd * factor) / factor);
}

/** Whether all sources together are over the budget of the deployment, and what would help, the largest saving first. */
export function checkDeploymentBudget(
  budget: Budget | undefined,
  cost: Cost,
  all: readonly SourceFacts[],
): Finding | undefined {
  if (budget === undefined || isWithin(budget, cost)) return undefined;
  const savings = all
    .flatMap((facts) => {
      const best = cheapestOf(facts);
      return best === undefined ? [] : [{ facts, best, saved: facts.priced.usdPerMonth - best.usdPerMonth }];
    })
    .sort((a, b) => b.saved - a.saved);
  const gb = cost.usdPerMonth / cost.usdPerGb;
  let left = cost.usdPerMonth;
  const taken: string[] = [];
  for (const { facts, best, saved } of savings) {
    if (isWithin(budget, { usdPerMonth: left, usdPerGb: left / gb })) break;
    left -= saved;
    taken.push(`sources.${facts.name}: ${best.change} (−${toUsd(saved)} a month)`);
  }
  const isMet = isWithin(budget, { usdPerMonth: left, usdPerGb: left / gb });
  return {
    id: 'deployment-over-budget',
    level: 'error',
    field: 'budget',
    says: `all sources together cost ${overspent(budget, cost)}`,
    next:
      taken.length === 0
        ? 'no change of the configuration makes it cheaper; raise the budget, or take out a source'
        : `${isMet ? 'this meets it' : `even this does not meet it, ${toUsd(left)} a month are left`}: ${taken.join('; ')}`,
    usdPerMonth: cost.usdPerMonth - left,
  };
}
