import type { Usage } from './usage.ts';

/** What a source uses in a month. */
export interface ModelledUsage {
  /** What it causes itself. */
  readonly own: Usage;
  /** Its share of what is there anyway, for all sources: shards, scheduled runs. */
  readonly shared: Usage;
}
