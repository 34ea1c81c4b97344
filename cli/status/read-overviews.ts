import type { HeadgateConfig, SourceConfig } from '../../shared/config/schema.ts';
import { backfillLane } from '../../shared/domain/backfill.ts';
import { forEachLimited } from '../../shared/domain/for-each-limited.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import { hourOf } from '../../shared/domain/record-counts.ts';
import { readBudgets, type BudgetDeps } from '../budgets.ts';
import type { OpenPull, PullDeps } from '../open-pull.ts';
import { sourceOverview, type SourceOverview } from './source-overview.ts';

/** Sources that are asked about at the same time. */
const PARALLEL_READS = 32;

/**
 * How sources are doing.
 *
 * @param sinceMs how far records are looked back at
 */
export async function readOverviews(
  deps: Pick<PullDeps, 'clock' | 'openPull'> & BudgetDeps,
  config: HeadgateConfig,
  names: readonly string[],
  sinceMs: number,
): Promise<readonly SourceOverview[]> {
  const nowMs = deps.clock.nowMs();
  const [deployment, budgets] = await Promise.all([deps.openPull(config), readBudgets(config, deps)]);
  const found: SourceOverview[] = [];
  try {
    await forEachLimited([...names.entries()], PARALLEL_READS, async ([at, name]) => {
      const source = config.sources[name];
      if (source === undefined) return;
      const [hours, watched, pulled] = await Promise.all([
        deployment.counts.read(name, hourOf(nowMs - sinceMs), hourOf(nowMs)),
        deployment.findings.read(name),
        readPulled(deployment, name, source),
      ]);
      const budget = budgets.find((each) => each.source === name);
      found[at] = sourceOverview(name, source, { hours, watched, budget, pulled }, nowMs);
    });
  } finally {
    deployment.close();
  }
  return found;
}

async function readPulled(
  { control, ledger }: Pick<OpenPull, 'control' | 'ledger'>,
  name: string,
  source: SourceConfig,
): Promise<Parameters<typeof sourceOverview>[2]['pulled']> {
  if (!('pauseAfterFailures' in source)) return undefined;
  const [known, state, backfill] = await Promise.all([
    control.read(name),
    ledger.read(pullLane(name)),
    ledger.read(backfillLane(name)),
  ]);
  return { control: known, state, backfill };
}
