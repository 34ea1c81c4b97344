import { runFiles } from './files-run.ts';
import { runLanding } from './landing-run.ts';
import { runPull } from './pull-run.ts';
import type { Mutant } from './mutant.ts';
import type { RunOptions, RunResult } from './run.ts';
import { runStream } from './stream-run.ts';
import { runTable } from './table-run.ts';

/** Of so many runs one pulls from an API, one reads a table, one objects, and one lands what waits in the landing zone. */
const CYCLE = 8;
const LANES: Readonly<Partial<Record<number, Mutant['lane']>>> = {
  0: 'pull',
  2: 'table',
  4: 'landing',
  6: 'files',
};

const RUN_ON: Readonly<Record<Mutant['lane'], typeof runStream>> = {
  stream: runStream,
  pull: runPull,
  table: runTable,
  landing: runLanding,
  files: runFiles,
};

/** One run of the engine; everything about it is drawn from the seed. */
export function simulate(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const lane = options.mutant?.lane ?? LANES[seed % CYCLE] ?? 'stream';
  return RUN_ON[lane](seed, options);
}
