import type { LaneActivity, Period } from './lane-activity.ts';
import { SECONDS_PER_MONTH } from './metering.ts';
import { byService, priceUsage } from './price-usage.ts';
import { PRICES, type PriceTable } from './prices.ts';
import { addUsage, scaleUsage, type Usage } from './usage.ts';

/** What several sources use together in a month. */
export interface SharedUsage {
  readonly sources: readonly string[];
  readonly usage: Usage;
}

/** What stands and waits and is billed by time: amounts of a month. */
export interface StandingUsage {
  readonly own: ReadonlyMap<string, Usage>;
  readonly shared: readonly SharedUsage[];
}

/** What a source cost in a period. */
export interface SourceCost {
  readonly source: string;
  /** Raw JSON that arrived, or was committed where nobody counts arrivals. */
  readonly rawBytes: number;
  readonly records: number;
  /** Without what stands and waits. */
  readonly meteredUsd: number;
  /** Its part of what stands and waits. */
  readonly standingUsd: number;
  readonly usd: number;
  /** By who bills it, dearest first. `unknown` where the logs that would say it are gone. */
  readonly services: readonly { readonly service: string; readonly usd: number }[];
  /** $ for 1e9 bytes of raw JSON; undefined when nothing came. */
  readonly usdPerGb: number | undefined;
  /** At the rate of the period. */
  readonly usdPerMonth: number;
  /** Of what all sources cost, 0 to 1. */
  readonly share: number;
  /** CPU time of its functions, in ms; undefined where the logs that would say it are gone. */
  readonly cpuMs: number | undefined;
}

/** What sources cost in a period. */
export interface CostReport {
  /** When the first of them did something, or the period began. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly sources: readonly SourceCost[];
  readonly usd: number;
  readonly usdPerMonth: number;
}

/** Who bills what is only known as a sum. */
const UNKNOWN_SERVICE = 'unknown';

/**
 * What sources cost in a period: what their functions metered, and their part of what stands and waits. What several
 * sources share is divided by their raw bytes, or equally where none had any.
 */
export function reportCost(
  activity: readonly LaneActivity[],
  standing: StandingUsage,
  { fromMs, toMs }: Period,
  prices: PriceTable = PRICES,
): CostReport {
  const bySource = new Map<string, LaneActivity[]>([...standing.own.keys()].map((source) => [source, []]));
  for (const each of activity) {
    const known = bySource.get(each.source);
    if (known === undefined) bySource.set(each.source, [each]);
    else known.push(each);
  }
  // A deployment that is younger than the period has used what it did in less time.
  const firstMs = Math.min(...activity.map((each) => each.firstMs ?? fromMs), toMs);
  const sinceMs = activity.length === 0 ? fromMs : Math.max(fromMs, firstMs);
  const perMonth = SECONDS_PER_MONTH / Math.max(1, (toMs - sinceMs) / 1000);
  const rawBytes = new Map([...bySource].map(([source, lanes]) => [source, rawBytesOf(lanes)]));

  const costs = [...bySource].map(([source, lanes]) => {
    const standingOfMonth = standingOf(source, standing, rawBytes);
    const standingUsage = scaleUsage(standingOfMonth, 1 / perMonth);
    const meteredUsage = addUsage(...lanes.map(({ usage = {} }) => usage));
    const unknownUsd = lanes.reduce(
      (sum, { usage, estimatedUsd }) => sum + (usage === undefined ? estimatedUsd : 0),
      0,
    );
    const bill = priceUsage(addUsage(meteredUsage, standingUsage), prices);
    const standingUsd = priceUsage(standingUsage, prices).usd;
    const usd = bill.usd + unknownUsd;
    const bytes = rawBytes.get(source) ?? 0;
    const cpuMs = lanes.map((lane) => lane.cpuMs);
    return {
      source,
      rawBytes: bytes,
      records: recordsOf(lanes),
      meteredUsd: usd - standingUsd,
      standingUsd,
      usd,
      services: [
        ...byService(bill),
        ...(unknownUsd > 0 ? [{ service: UNKNOWN_SERVICE, usd: unknownUsd }] : []),
      ],
      usdPerGb: bytes > 0 ? usd / (bytes / 1e9) : undefined,
      usdPerMonth: usd * perMonth,
      cpuMs: cpuMs.includes(undefined) ? undefined : cpuMs.reduce<number>((sum, ms) => sum + (ms ?? 0), 0),
    };
  });
  const usd = costs.reduce((sum, cost) => sum + cost.usd, 0);
  return {
    fromMs: sinceMs,
    toMs,
    sources: costs
      .map((cost) => ({ ...cost, share: usd > 0 ? cost.usd / usd : 0 }))
      .sort((a, b) => b.usd - a.usd),
    usd,
    usdPerMonth: usd * perMonth,
  };
}

/** Raw bytes of a source: they are counted where they arrive, or where they are committed, or at both places. */
function rawBytesOf(lanes: readonly LaneActivity[]): number {
  const sumOf = (name: 'BytesReceived' | 'BytesCommitted'): number =>
    lanes.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
  return sumOf('BytesReceived') || sumOf('BytesCommitted');
}

const recordsOf = (lanes: readonly LaneActivity[]): number =>
  lanes.reduce((sum, { counters }) => sum + (counters.RecordsReceived ?? 0), 0);

/** A source's part of what stands and waits, in a month. */
export function standingOf(
  source: string,
  { own, shared }: StandingUsage,
  rawBytes: ReadonlyMap<string, number>,
): Usage {
  const parts = shared
    .filter(({ sources }) => sources.includes(source))
    .map(({ sources, usage }) => {
      const all = sources.reduce((sum, each) => sum + (rawBytes.get(each) ?? 0), 0);
      return scaleUsage(usage, all > 0 ? (rawBytes.get(source) ?? 0) / all : 1 / sources.length);
    });
  return addUsage(own.get(source) ?? {}, ...parts);
}
