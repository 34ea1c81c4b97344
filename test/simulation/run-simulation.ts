import { SEEDS_APART, type Block, type Failure } from './blocks.ts';
import { addFaults } from './faults.ts';
import { MUTANTS } from './mutants.ts';
import type { Mutant } from './mutant.ts';
import { WorkerPool } from './worker-pool.ts';

export interface SimulationOptions {
  /** Calls of stores that the protocol itself makes at least; mutants come on top. */
  readonly calls: number;
  /** The first seed of the runs is this one times `SEEDS_APART`. */
  readonly seed: number;
  readonly threads: number;
  /** All by default. */
  readonly mutants?: readonly Mutant[];
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly calls: number;
  readonly mutants: number;
}

/** What became of one mutant. */
export interface MutantReport {
  readonly name: string;
  readonly breaks: string;
  /** What it must do. */
  readonly harm: Mutant['harm'];
  readonly runs: number;
  /** Runs in which it was noticed. */
  readonly caught: number;
  /** Runs by what went wrong. */
  readonly lost: number;
  readonly duplicated: number;
  readonly stuck: number;
  readonly miscounted: number;
  readonly firstSeed: number | undefined;
  readonly first: string | undefined;
}

export interface SimulationReport {
  readonly calls: number;
  readonly runs: number;
  readonly seed: number;
  readonly seconds: number;
  /** Runs in which a record was lost, landed twice, was counted wrongly, or the processes came to no end. */
  readonly lost: number;
  readonly duplicated: number;
  readonly stuck: number;
  readonly miscounted: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly mutants: readonly MutantReport[];
}

const RUNS_PER_BLOCK = 25;
/** Runs of a mutant at first; as many again follow until it is caught. */
const MUTANT_RUNS = 25;
const MAX_MUTANT_RUNS = 500;

/** Runs the protocol until it has made enough calls, then every mutant. The result does not depend on the threads. */
export async function runSimulation(options: SimulationOptions): Promise<SimulationReport> {
  const pool = new WorkerPool(options.threads);
  try {
    const started = performance.now();
    const protocol = await runProtocol(pool, options);
    const seconds = (performance.now() - started) / 1000;
    const mutants = await runMutants(pool, options, protocol.calls);
    return { ...protocol, seconds, mutants };
  } finally {
    await pool.close();
  }
}

async function runProtocol(
  pool: WorkerPool,
  { calls: wanted, seed, onProgress }: SimulationOptions,
): Promise<Omit<SimulationReport, 'seconds' | 'mutants'>> {
  let firstSeed = seed * SEEDS_APART;
  let calls = 0;
  let runs = 0;
  const faults: Record<string, number> = {};
  const failures: Failure[] = [];
  await pool.run(
    () => {
      if (calls >= wanted) return undefined;
      const block: Block = { firstSeed, runs: RUNS_PER_BLOCK, mutant: undefined };
      firstSeed += RUNS_PER_BLOCK;
      return block;
    },
    (block, result) => {
      // What another thread has begun beyond the end does not count.
      if (calls >= wanted) return;
      calls += result.calls;
      runs += block.runs;
      addFaults(faults, result.faults);
      failures.push(...result.failures);
      onProgress?.({ calls, mutants: 0 });
    },
  );
  return { calls, runs, seed, ...count(failures), faults, failures };
}

async function runMutants(
  pool: WorkerPool,
  { seed, mutants = MUTANTS, onProgress }: SimulationOptions,
  calls: number,
): Promise<MutantReport[]> {
  const runs = new Map(mutants.map(({ name }) => [name, 0]));
  const failures = new Map<string, Failure[]>(mutants.map(({ name }) => [name, []]));
  const queue = mutants.map(({ name }) => name);
  const isCaught = ({ name, harm }: Mutant): boolean =>
    failures.get(name)?.some(({ kind }) => proves(kind, harm)) === true;
  /** Those that were not caught are tried again. */
  for (let names = queue; names.length > 0;) {
    const todo = [...names];
    await pool.run(
      () => {
        const mutant = todo.shift();
        if (mutant === undefined) return undefined;
        return { firstSeed: seed * SEEDS_APART + (runs.get(mutant) ?? 0), runs: MUTANT_RUNS, mutant };
      },
      ({ mutant = '', runs: more }, result) => {
        runs.set(mutant, (runs.get(mutant) ?? 0) + more);
        failures.get(mutant)?.push(...result.failures);
        onProgress?.({ calls, mutants: mutants.filter(isCaught).length });
      },
    );
    names = mutants
      .filter(
        (mutant) =>
          mutant.harm !== 'nothing' && !isCaught(mutant) && (runs.get(mutant.name) ?? 0) < MAX_MUTANT_RUNS,
      )
      .map(({ name }) => name);
  }
  return mutants.map(({ name, breaks, harm }) => {
    const found = failures.get(name) ?? [];
    const [first] = found;
    return {
      name,
      breaks,
      harm,
      runs: runs.get(name) ?? 0,
      caught: found.length,
      ...count(found),
      firstSeed: first?.seed,
      first: first && `${first.kind}: ${first.what}`,
    };
  });
}

/** Whether what went wrong shows that a mutant did what it must. */
export function proves(kind: Failure['kind'], harm: Mutant['harm']): boolean {
  switch (harm) {
    case 'loss or duplicates':
      return kind === 'lost' || kind === 'duplicated';
    case 'wrong counts':
      return kind === 'miscounted';
    case 'no end':
    case 'nothing':
      return true;
  }
}

function count(
  failures: readonly Failure[],
): Pick<SimulationReport, 'lost' | 'duplicated' | 'stuck' | 'miscounted'> {
  const of = (wanted: Failure['kind']): number => failures.filter(({ kind }) => kind === wanted).length;
  return {
    lost: of('lost'),
    duplicated: of('duplicated'),
    stuck: of('stuck'),
    miscounted: of('miscounted'),
  };
}

/** Whether a mutant did what it must. */
export function isAsExpected({ harm, caught, lost, duplicated, miscounted }: MutantReport): boolean {
  switch (harm) {
    case 'loss or duplicates':
      return lost + duplicated > 0;
    case 'wrong counts':
      return miscounted > 0;
    case 'no end':
      return caught > 0;
    case 'nothing':
      return caught === 0;
  }
}
