import type { SHOWN_DESIGNS } from '../../docs/cost-designs.ts';

/** A class of freshness, its design, and how it is measured. */
export interface Tier {
  readonly freshness: string;
  readonly design: keyof typeof SHOWN_DESIGNS;
  /** What the decision framework says that it costs, in $/GB. */
  readonly seedRange: readonly [low: number, high: number];
  /** What is run to measure it. */
  readonly workload: WorkloadName;
}

/** What is run: each once, on the embedded cloud. */
export type WorkloadName = keyof typeof PUSHED | typeof TABLE;

/** Sources whose records are pushed, with the requests that make one measurement. */
export const PUSHED = {
  /** One shard of 100 GB a day has five requests in each window of 10 s. */
  streamed: { freshness: '30 seconds', pattern: 'stream', requests: 20 },
  /** What 100 GB a day bring in one window: 139 MB. */
  collected2: { freshness: '4 minutes', pattern: 'micro-batch', requests: 47 },
  /** A commit as large as commits of the landing lane get; a window of 15 minutes has four of them. */
  collected15: { freshness: '30 minutes', pattern: 'micro-batch', requests: 85 },
} as const;

/** The table that is read by its cursor, and the rows that one run finds. */
export const TABLE = 'followed';
export const TABLE_ROWS = 400_000;

export const RECORDS_PER_REQUEST = 3_000;
export const GB_PER_DAY = 100;

export const TIERS: readonly Tier[] = [
  { freshness: '< 1 min', design: 'streamLean', seedRange: [0.1, 0.5], workload: 'streamed' },
  { freshness: '1-15 min', design: 'landing2', seedRange: [0.05, 0.15], workload: 'collected2' },
  { freshness: '15-60 min', design: 'landing15', seedRange: [0.02, 0.05], workload: 'collected15' },
  { freshness: '1-24 h', design: 'cursor6h', seedRange: [0.01, 0.02], workload: TABLE },
  { freshness: '> 24 h', design: 'cursorDaily', seedRange: [0.005, 0.01], workload: TABLE },
];

/** Everything that can be run. */
export const WORKLOADS: readonly WorkloadName[] = [
  ...(Object.keys(PUSHED) as (keyof typeof PUSHED)[]),
  TABLE,
];
