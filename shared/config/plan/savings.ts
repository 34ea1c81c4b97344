import { toConfigTime } from '../../domain/plan/words.ts';
import type { HeadgateConfig, SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { atFreshness, isReadWhole } from './at-freshness.ts';
import type { SourceOption } from './options-of-source.ts';
import { usdOf, withSource, type SourceFacts } from './source-facts.ts';
import { gbPerDayOf, toWorkload } from './to-workload.ts';

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

/** What is read as a whole brings less when it is read less often: the volume is declared anew with the freshness. */
function freshnessChange(source: SourceConfig, askedMs: number): string {
  const freshness = toConfigTime(askedMs);
  const change = `freshness: "${freshness}"`;
  if (!isReadWhole(source)) return change;
  const gbPerDay = gbPerDayOf(atFreshness(source, freshness));
  return `${change} and volume.gbPerDay: ${String(Number(gbPerDay.toPrecision(3)))}`;
}

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
        .map(({ askedMs }) => freshnessChange(source, askedMs)),
    price: 'the lake is older',
    apply: (declared, { name }, change) => {
      const source = declared.sources[name];
      const freshness = /"(.*?)"/.exec(change)?.[1];
      if (source === undefined || freshness === undefined) return undefined;
      // What adapts a schedule must stay within the freshness.
      return withSource(declared, name, atFreshness(source, freshness));
    },
  },
];

/** Whether what something costs is little enough. */
export type Enough = (cost: { readonly usdPerMonth: number; readonly usdPerGb: number }) => boolean;

/** The single change that makes a source cheap enough, the least painful first; undefined where none does. */
export function savingOf(facts: SourceFacts, isEnough: Enough): Saving | undefined {
  for (const lever of LEVERS) {
    for (const change of lever.change(facts)) {
      const expected = expectedOf(facts, change);
      if (expected !== undefined && !isEnough(expected)) continue;
      const saving = tryOut(lever, facts, facts.declared, change);
      if (saving !== undefined && saving.usdPerMonth < facts.priced.usdPerMonth && isEnough(saving))
        return saving;
    }
  }
  return undefined;
}

const cheapest = new WeakMap<SourceFacts, { readonly saving: Saving | undefined }>();

/** All changes together, with the freshness that saves most. */
export function cheapestOf(facts: SourceFacts): Saving | undefined {
  let found = cheapest.get(facts);
  if (found === undefined) cheapest.set(facts, (found = { saving: combineLevers(facts) }));
  return found.saving;
}

function combineLevers(facts: SourceFacts): Saving | undefined {
  let best: Saving | undefined;
  for (const lever of LEVERS) {
    const changes = lever.change(facts);
    const change = changes.reduce<string | undefined>((a, b) => {
      const [usdA, usdB] = [a, b].map((each) => each && expectedOf(facts, each)?.usdPerMonth);
      return Number(usdB) < Number(usdA) || a === undefined ? b : a;
    }, undefined);
    if (change === undefined) continue;
    const found = tryOut(lever, facts, best?.config ?? facts.declared, change);
    if (found === undefined || found.usdPerMonth >= (best ?? facts.priced).usdPerMonth) continue;
    best =
      best === undefined
        ? found
        : { ...found, change: `${best.change}, ${change}`, price: `${best.price}; ${lever.price}` };
  }
  return best;
}

/** What the curve of a source says that another freshness costs: a plan for each would take too long. */
function expectedOf({ options, source }: SourceFacts, change: string): SourceOption | undefined {
  return options.find(({ askedMs }) => change === freshnessChange(source, askedMs));
}

/** What a change costs: planned anew, all sources taken together. */
function tryOut(
  lever: Lever,
  facts: SourceFacts,
  declared: HeadgateConfig,
  change: string,
): Saving | undefined {
  const config = lever.apply(declared, facts, change);
  const source = config?.sources[facts.name];
  const usdPerMonth = config === undefined ? undefined : usdOf(facts.name, config, facts.prices);
  if (config === undefined || source === undefined || usdPerMonth === undefined) return undefined;
  const usdPerGb = usdPerMonth / (toWorkload(source).rawBytesPerMonth / 1e9);
  return { change, price: lever.price, usdPerMonth, usdPerGb, config };
}
