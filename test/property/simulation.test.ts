import { describe, expect, test } from 'vitest';
import { runBlock } from '../simulation/blocks.ts';
import { MUTANTS } from '../simulation/mutants.ts';
import { proves, runSimulation } from '../simulation/run-simulation.ts';
import { simulate } from '../simulation/simulate.ts';

/** `npm run sim` runs millions of calls; here are as many as everybody has time for. */
const RUNS = 250;
const MAX_MUTANT_RUNS = 600;

describe('the engine under crashes, zombies, lost and late calls, resharding, replays and overlapping pulls', () => {
  test('loses nothing, lands nothing twice and comes to an end, whatever befalls it', async () => {
    const { failures, faults } = await runBlock({ firstSeed: 1, runs: RUNS, mutant: undefined });
    expect(failures).toEqual([]);
    expect(
      Object.entries(faults).filter(([, times]) => times === 0),
      'everything that can befall it did',
    ).toEqual([]);
  });
});

describe('a simulation', () => {
  test('goes the same way for the same seed, call by call', async () => {
    const traceOf = async (seed: number): Promise<string[]> => {
      const trace: string[] = [];
      await simulate(seed, { trace: (line) => trace.push(line) });
      return trace;
    };
    for (const seed of [8, 9, 10, 11]) {
      const trace = await traceOf(seed);
      expect(trace.length).toBeGreaterThan(10);
      expect(await traceOf(seed)).toEqual(trace);
    }
    expect(await traceOf(10)).not.toEqual(await traceOf(11));
  });

  test('has a result that does not depend on the number of threads', async () => {
    const [one, three] = await Promise.all(
      [1, 3].map(async (threads) => runSimulation({ calls: 15_000, seed: 3, threads, mutants: [] })),
    );
    expect({ ...three, seconds: 0 }).toEqual({ ...one, seconds: 0 });
  });
});

describe('a broken protocol is noticed:', () => {
  test.each(MUTANTS.filter(({ harm }) => harm !== 'nothing'))('$name', async (mutant) => {
    let seed = 1;
    const isCaught = async (): Promise<boolean> => {
      const { problem } = await simulate(seed, { mutant });
      return problem !== undefined && proves(problem.kind, mutant.harm);
    };
    while (seed < MAX_MUTANT_RUNS && !(await isCaught())) seed++;
    expect(seed).toBeLessThan(MAX_MUTANT_RUNS);
  });

  test.each(MUTANTS.filter(({ harm }) => harm === 'nothing'))('$name does no harm', async (mutant) => {
    const { failures } = await runBlock({ firstSeed: 1, runs: 50, mutant: mutant.name });
    expect(failures).toEqual([]);
  });
});
