import { usageUsd } from '../../domain/cost/price-usage.ts';
import type { PriceTable } from '../../domain/cost/prices.ts';
import type { Workload } from '../../domain/cost/workload.ts';
import type { Answers } from '../../domain/plan/answers.ts';
import { decidePattern, type Decision } from '../../domain/plan/decide-pattern.ts';
import type { HeadgateConfig, SourceConfig } from '../schema.ts';
import { optionsOfSource, type SourceOption } from './options-of-source.ts';
import { plannedDesign } from './planned-design.ts';
import { planResources, type ResourcePlan } from './plan-resources.ts';
import { priceDesign, usageOf, type PricedDesign } from './price-source.ts';
import { toAnswers } from './to-answers.ts';
import { toWorkload } from './to-workload.ts';

/** A source with everything that is known about it before anything is said. */
export interface SourceFacts {
  readonly name: string;
  /** As it was declared. */
  readonly source: SourceConfig;
  readonly declared: HeadgateConfig;
  readonly resources: ResourcePlan;
  readonly prices: PriceTable;
  readonly workload: Workload;
  readonly answers: Answers;
  readonly decision: Decision;
  readonly priced: PricedDesign;
  readonly options: readonly SourceOption[];
  /** See `PricedSource`. */
  readonly known: Map<string, number>;
}

/** The facts of every source of a deployment. */
export function gatherFacts(
  declared: HeadgateConfig,
  resources: ResourcePlan,
  prices: PriceTable,
): readonly SourceFacts[] {
  const known = new Map<string, number>();
  return Object.entries(declared.sources).map(([name, source]) => {
    const workload = toWorkload(source);
    const design = plannedDesign(name, resources);
    const priced = priceDesign(source, workload, design, prices);
    const answers = toAnswers(
      name,
      source,
      resources.reads.find((read) => read.source === name),
    );
    return {
      name,
      source,
      declared,
      resources,
      prices,
      workload,
      answers,
      decision: decidePattern(answers),
      priced,
      options: optionsOfSource({ name, source, resources, prices, known, ...priced }),
      known,
    };
  });
}

/** What a source would cost in a month if the configuration were another one; undefined where it is not in it. */
export function usdOf(name: string, declared: HeadgateConfig, prices: PriceTable): number | undefined {
  const source = declared.sources[name];
  if (source === undefined) return undefined;
  const design = plannedDesign(name, planResources(declared));
  return usageUsd(usageOf(source, toWorkload(source), design), prices);
}

/** The same configuration with another source under a name. */
export function withSource(declared: HeadgateConfig, name: string, source: SourceConfig): HeadgateConfig {
  return { ...declared, sources: { ...declared.sources, [name]: source } };
}
