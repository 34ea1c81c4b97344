import { describe, expect, test } from 'vitest';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { planResources } from '../../../shared/config/plan/plan-resources.ts';
import { cheapestOf, savingOf } from '../../../shared/config/plan/savings.ts';
import { gatherFacts, withSource, type SourceFacts } from '../../../shared/config/plan/source-facts.ts';
import type { HeadgateConfig } from '../../../shared/config/schema.ts';
import { PRICES } from '../../../shared/domain/cost/prices.ts';
import { toConfigTime } from '../../../shared/domain/plan/words.ts';
import { configOf, declare, sourceOf } from '../../support/declare-plan.ts';

/** Sources that share a stream and a landing schedule, so that a change of one moves what the others cost. */
const config = configOf({
  clicks: declare.push({ volume: { gbPerDay: 50 } }),
  scores: declare.push({ freshness: '15 minutes', volume: { gbPerDay: 2 } }),
  chatty: declare.push({ volume: { gbPerDay: 1 }, recordsPerRequest: 1 }),
  hook: declare.webhook(),
  own: declare.stream(),
  api: declare.http(),
  table: declare.table({ changes: 'upserts', incremental: { cursor: 'updated_at' } }),
});
const all = gatherFacts(config, planResources(config), PRICES);

const usdWith = (changed: HeadgateConfig, { name }: SourceFacts): number =>
  sourceOf(planDeployment(changed), name).usdPerMonth;

describe.each(all.map((facts) => [facts.name, facts] as const))('savings of %s', (_name, facts) => {
  test('all together cost what a plan with them costs, and no single freshness costs less', () => {
    const best = cheapestOf(facts);
    expect(best).toBeDefined();
    if (best === undefined) return;
    expect(usdWith(best.config, facts)).toBeCloseTo(best.usdPerMonth, 6);
    for (const { askedMs } of facts.options.filter((option) => option.askedMs > facts.answers.freshnessMs)) {
      const relaxed = withSource(config, facts.name, { ...facts.source, freshness: toConfigTime(askedMs) });
      expect(usdWith(relaxed, facts)).toBeGreaterThanOrEqual(best.usdPerMonth - 0.01);
    }
  });

  test('that are enough by themselves cost what they say', () => {
    const cheapest = cheapestOf(facts)?.usdPerMonth ?? 0;
    const usd = (facts.priced.usdPerMonth + cheapest) / 2;
    const saving = savingOf(facts, ({ usdPerMonth }) => usdPerMonth <= usd);
    expect(saving).toBeDefined();
    if (saving === undefined) return;
    expect(saving.usdPerMonth).toBeLessThanOrEqual(usd);
    expect(usdWith(saving.config, facts)).toBeCloseTo(saving.usdPerMonth, 6);
  });

  test('are not found where nothing is enough', () => {
    expect(savingOf(facts, () => false)).toBeUndefined();
  });
});
