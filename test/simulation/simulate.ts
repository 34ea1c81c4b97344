import { runPull } from './pull-run.ts';
import type { RunOptions, RunResult } from './run.ts';
import { runStream } from './stream-run.ts';

/** Of so many runs one pulls. */
const PULL_EVERY = 8;

/** One run of the engine; everything about it is drawn from the seed. */
export function simulate(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const isPull = options.mutant === undefined ? seed % PULL_EVERY === 0 : options.mutant.lane === 'pull';
  return isPull ? runPull(seed, options) : runStream(seed, options);
}
