import { everyMinutesOf, type Design } from '../../domain/cost/design.ts';
import { expectedFreshness, type ExpectedFreshness } from '../../domain/cost/expected-freshness.ts';
import { modelOperating } from '../../domain/cost/model-operating.ts';
import { modelUsage } from '../../domain/cost/model-usage.ts';
import { byService, priceUsage } from '../../domain/cost/price-usage.ts';
import type { PriceTable } from '../../domain/cost/prices.ts';
import { addUsage, type Usage } from '../../domain/cost/usage.ts';
import type { Workload } from '../../domain/cost/workload.ts';
import type { SourceConfig } from '../schema.ts';
import { isReadWhole } from './at-freshness.ts';
import { isNotified } from './to-answers.ts';

/** An object is read within some 15 seconds of its event, see docs/pull.md. */
const NOTIFIED_FRESHNESS: ExpectedFreshness = { p50Ms: 10_000, p99Ms: 20_000 };

/** What a source costs in a design. */
export interface PricedDesign {
  readonly design: Design;
  readonly freshness: ExpectedFreshness;
  readonly usage: Usage;
  readonly usdPerMonth: number;
  readonly usdPerGb: number;
  /** What it costs in a month in which nothing comes: its part of the shards, its schedule, its metrics and alarms. */
  readonly idleUsdPerMonth: number;
  readonly byService: readonly { readonly service: string; readonly usd: number }[];
}

/** Prices a design for a source: what it causes, its part of what is shared, its metrics and alarms. */
export function priceDesign(
  source: SourceConfig,
  workload: Workload,
  design: Design,
  prices: PriceTable,
): PricedDesign {
  const usage = usageOf(source, workload, design);
  const bill = priceUsage(usage, prices);
  return {
    design,
    freshness: isNotified(source) ? NOTIFIED_FRESHNESS : expectedFreshness(workload, design),
    usage,
    usdPerMonth: bill.usd,
    usdPerGb: bill.usd / (workload.rawBytesPerMonth / 1e9),
    idleUsdPerMonth: priceUsage(idleUsage(source, workload, design), prices).usd,
    byService: byService(bill),
  };
}

/** What a source uses in a month in a design, with its metrics and alarms. */
export function usageOf(source: SourceConfig, workload: Workload, design: Design): Usage {
  const { own, shared } = modelUsage(workload, design);
  return addUsage(own, shared, operatingOf(source, design));
}

/** Metrics and alarms of a source, whatever it brings. */
export function operatingOf(source: SourceConfig, design: Design): Usage {
  return modelOperating(everyMinutesOf(design), {
    watchesSilence: source.alarms.stoppedAfter !== undefined,
    spills: 'overflow' in source && source.overflow === 'spill',
    watchesBudget: source.budget?.usdPerMonth !== undefined,
  });
}

/** A month in which one record comes. What is read as a whole is read all the same, whether anything is new or not. */
function idleUsage(source: SourceConfig, workload: Workload, design: Design): Usage {
  if (isReadWhole(source)) return usageOf(source, workload, design);
  const idle = {
    ...workload,
    rawBytesPerMonth: workload.recordBytes,
    recordsPerRequest: 1,
    partitionsPerCommit: 1,
  };
  return usageOf(source, idle, design);
}
