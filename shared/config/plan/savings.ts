import type { PriceTable } from '../../domain/cost/prices.ts';
import { toConfigTime } from '../../domain/plan/words.ts';
import type { HeadgateConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { toWorkload } from './to-workload.ts';
import { usdOf, withSource, type SourceFacts } from './source-facts.ts';

/** A change of the configuration that makes a source cheaper. */
export interface Saving {
  /** What to change, such as `freshness: "15 minutes"`. */
  readonly change: string;
  /** What it costs: nothing but money is free. */
  readonly price: string;
  readonly usdPerMonth: number;
  readonly usdPerGb: number;
  readonly config: HeadgateConfig;
}

interface Lever {
  readonly change: (facts: SourceFacts) => readonly string[];
  readonly price: string;
  readonly apply: (
    declared: HeadgateConfig,
    facts: SourceFacts,
    change: string,
  ) => HeadgateConfig | undefined;
}

const USUAL_BATCH = 500;
const DAY_MS = 86_400_000;

/** What can be changed, the least painful first. */
const LEVERS: readonly Lever[] = [
  {
    change: ({ source }) =>
      (source.type === 'push' || source.type === 'webhook') && source.pattern !== undefined
        ? ['no `pattern`']
        : [],
    price: 'nothing: the plan chooses',
    apply: (declared, { name }) => {
      const source = declared.sources[name];
      if (source?.type !== 'push' && source?.type !== 'webhook') return undefined;
      return withSource(declared, name, { ...source, pattern: undefined });
    },
  },
  {
    change: ({ source, workload }) =>
      source.type === 'push' && workload.recordsPerRequest < USUAL_BATCH
        ? [`recordsPerRequest: ${String(USUAL_BATCH)}`]
        : [],
    price: 'senders collect records before they send',
    apply: (declared, { name }) => {
      const source = declared.sources[name];
      if (source?.type !== 'push') return undefined;
      return withSource(declared, name, { ...source, recordsPerRequest: USUAL_BATCH });
    },
  },
  {
    change: ({ source }) =>
      (source.type === 'push' || source.type === 'webhook') && source.dedupe === 'record'
        ? ['dedupe: "request"']
        : [],
    price: 'a record that is in two requests lands twice',
    apply: (declared, { name }) => {
      const source = declared.sources[name];
      if (source?.type !== 'push' && source?.type !== 'webhook') return undefined;
      return withSource(declared, name, { ...source, dedupe: 'request' });
    },
  },
  {
    change: ({ declared, priced }) =>
      priced.design.kind === 'stream' && toMs(declared.ingest.retention) > DAY_MS
        ? ['ingest.retention: "1 day"']
        : [],
    price: 'an outage of the consumer must be mended within a day',
    apply: (declared) => ({ ...declared, ingest: { ...declared.ingest, retention: '1 day' } }),
  },
  {
    change: ({ options, source }) =>
      options
        .filter(({ askedMs }) => askedMs > toMs(source.freshness))
        .map(({ askedMs }) => `freshness: "${toConfigTime(askedMs)}"`),
    price: 'the lake is older',
    apply: (declared, { name }, change) => {
      const source = declared.sources[name];
      const freshness = /"(.*)"/.exec(change)?.[1];
      if (source === undefined || freshness === undefined) return undefined;
      // What adapts a schedule must stay within the freshness.
      return withSource(declared, name, { ...source, freshness });
    },
  },
];

/** Every single change that makes a source cheaper, the least painful first. */
export function savingsOf(facts: SourceFacts, prices: PriceTable): readonly Saving[] {
  const gb = toWorkload(facts.source).rawBytesPerMonth / 1e9;
  return LEVERS.flatMap((lever) =>
    lever.change(facts).flatMap((change) => {
      const config = lever.apply(facts.declared, facts, change);
      const usdPerMonth = config === undefined ? undefined : usdOf(facts.name, config, prices);
      if (config === undefined || usdPerMonth === undefined || usdPerMonth >= facts.priced.usdPerMonth)
        return [];
      return [{ change, price: lever.price, usdPerMonth, usdPerGb: usdPerMonth / gb, config }];
    }),
  );
}

/** All changes together, with the oldest freshness that saves something. */
export function cheapestOf(facts: SourceFacts, prices: PriceTable): Saving | undefined {
  const gb = toWorkload(facts.source).rawBytesPerMonth / 1e9;
  let best: Saving | undefined;
  let current = facts;
  for (const lever of LEVERS) {
    const found = lever
      .change(facts)
      .map((change) => ({ change, config: lever.apply(current.declared, facts, change) }))
      .flatMap(({ change, config }) => {
        const usdPerMonth = config === undefined ? undefined : usdOf(facts.name, config, prices);
        return config === undefined || usdPerMonth === undefined ? [] : [{ change, config, usdPerMonth }];
      })
      .sort((a, b) => a.usdPerMonth - b.usdPerMonth)[0];
    if (found === undefined || found.usdPerMonth >= (best?.usdPerMonth ?? facts.priced.usdPerMonth)) continue;
    best = {
      change: best === undefined ? found.change : `${best.change}, ${found.change}`,
      price: best === undefined ? lever.price : `${best.price}; ${lever.price}`,
      usdPerMonth: found.usdPerMonth,
      usdPerGb: found.usdPerMonth / gb,
      config: found.config,
    };
    current = { ...current, declared: found.config };
  }
  return best;
}
