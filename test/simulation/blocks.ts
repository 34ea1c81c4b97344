import { setImmediate } from 'node:timers/promises';
import { addFaults, type FaultCounts } from './faults.ts';
import { MUTANTS } from './mutants.ts';
import { simulate } from './simulate.ts';
import type { Problem } from './truth.ts';

/** Runs that are handed to a worker together. */
export interface Block {
  readonly firstSeed: number;
  readonly runs: number;
  /** Name of a mutant; undefined for the protocol itself. */
  readonly mutant: string | undefined;
}

export interface Failure extends Problem {
  readonly seed: number;
}

export interface BlockResult {
  readonly calls: number;
  readonly faults: FaultCounts;
  readonly failures: readonly Failure[];
}

/** Runs of one `--seed`; the runs of the next one begin behind them. */
export const SEEDS_APART = 10_000_000;

export async function runBlock({ firstSeed, runs, mutant: name }: Block): Promise<BlockResult> {
  const mutant = MUTANTS.find((one) => one.name === name);
  const faults: Record<string, number> = {};
  const failures: Failure[] = [];
  let calls = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    // A run leaves the event loop no turn; and begun by a message, its ticks would not be processed.
    await setImmediate();
    const result = await simulate(seed, { mutant });
    calls += result.calls;
    addFaults(faults, result.faults);
    if (result.problem !== undefined) failures.push({ ...result.problem, seed });
  }
  return { calls, faults, failures };
}
