import { METERED_PRICES } from '../../domain/cost/metered-prices.ts';
import { COUNTERS, type MetricName } from '../../domain/metrics.ts';
import type { LaneActivity } from '../../domain/cost/lane-activity.ts';

/** What the lines of one source and lane add up to. */
interface Sums {
  readonly counters: Partial<Record<MetricName, number>>;
  readonly usage: Partial<Record<(typeof METERED_PRICES)[number], number>>;
  readonly latencies: Map<number, number>;
  cpuMs: number;
  firstMs: number;
}

/**
 * Adds up lines that `EmfTelemetry` has written, by source and lane. Other lines are left out.
 */
export function addActivityLines(lines: Iterable<string>): readonly LaneActivity[] {
  const bySourceAndLane = new Map<string, { source: string; lane: string; sums: Sums }>();
  for (const line of lines) {
    const document = parseDocument(line);
    if (document === undefined) continue;
    const { source, lane } = document;
    const key = `${lane} ${source}`;
    let known = bySourceAndLane.get(key);
    if (known === undefined) {
      const sums = {
        counters: {},
        usage: {},
        latencies: new Map<number, number>(),
        cpuMs: 0,
        firstMs: Infinity,
      };
      bySourceAndLane.set(key, (known = { source, lane, sums }));
    }
    addLine(known.sums, document);
  }
  return [...bySourceAndLane.values()].map(({ source, lane, sums }) => ({
    source,
    lane,
    counters: sums.counters,
    usage: sums.usage,
    estimatedUsd: sums.counters.EstimatedCostUsd ?? 0,
    cpuMs: sums.cpuMs,
    latency: percentilesOf(sums.latencies),
    firstMs: sums.firstMs,
  }));
}

interface Document {
  readonly source: string;
  readonly lane: string;
  readonly _aws: { readonly Timestamp: number };
  readonly usage?: Readonly<Record<string, number>>;
  readonly cpuMs?: number;
  readonly [property: string]: unknown;
}

function parseDocument(line: string): Document | undefined {
  if (!line.startsWith('{"_aws"')) return undefined;
  try {
    const document = JSON.parse(line) as Partial<Document>;
    const isOurs = typeof document.source === 'string' && typeof document.lane === 'string';
    return isOurs ? (document as Document) : undefined;
  } catch {
    return undefined;
  }
}

function addLine(sums: Sums, document: Document): void {
  sums.firstMs = Math.min(sums.firstMs, document._aws.Timestamp);
  sums.cpuMs += document.cpuMs ?? 0;
  for (const name of COUNTERS) {
    const value = document[name];
    if (typeof value === 'number') sums.counters[name] = (sums.counters[name] ?? 0) + value;
  }
  for (const name of METERED_PRICES) {
    const amount = document.usage?.[name];
    if (amount !== undefined) sums.usage[name] = (sums.usage[name] ?? 0) + amount;
  }
  const latency = document['EndToEndLatency'] as { Values: number[]; Counts: number[] } | undefined;
  for (const [i, value] of (latency?.Values ?? []).entries())
    sums.latencies.set(value, (sums.latencies.get(value) ?? 0) + (latency?.Counts[i] ?? 0));
}

/** Nearest rank. */
function percentilesOf(values: ReadonlyMap<number, number>): LaneActivity['latency'] {
  const sorted = [...values].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  const at = (share: number): number => {
    let rest = Math.ceil(total * share);
    return sorted.find(([, count]) => (rest -= count) <= 0)?.[0] ?? Number.NaN;
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
