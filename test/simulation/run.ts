import type { FaultCounts } from './faults.ts';
import type { Mutant } from './mutant.ts';
import type { Trace } from './scheduler.ts';
import type { Problem } from './truth.ts';

export interface RunResult {
  /** What went wrong; undefined when everything that is promised held. */
  readonly problem: Problem | undefined;
  /** Calls of stores. */
  readonly calls: number;
  readonly faults: FaultCounts;
}

export interface RunOptions {
  readonly mutant?: Mutant | undefined;
  readonly trace?: Trace | undefined;
}

/** Steps of a run at most: several times what any run needs, unless it is to be stuck. */
export function maxStepsOf({ mutant }: RunOptions): number {
  return mutant?.harm === 'no end' ? 20_000 : 100_000;
}
