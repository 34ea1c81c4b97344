import { describe, expect, test } from 'vitest';
import {
  simulateEngine,
  type SimulatedStores,
  type SimulationOptions,
} from '../support/engine-simulation.ts';

async function badRuns(runs: number, options: SimulationOptions): Promise<string[]> {
  const problems: string[] = [];
  for (let seed = 1; seed <= runs; seed++) {
    const { problem } = await simulateEngine(seed, options);
    if (problem !== undefined) problems.push(`seed ${String(seed)}: ${problem}`);
  }
  return problems;
}

describe('the engine under crashes, zombies, lost answers and changing cuts', () => {
  test('lands every key once and every violation in quarantine', async () => {
    expect(await badRuns(300, {})).toEqual([]);
  });

  test('does so when faults are frequent', async () => {
    const rates = { lostAnswer: 0.15, crash: 0.06, failure: 0.06 };
    expect(await badRuns(100, { rates, zombie: 0.4, keys: 6 })).toEqual([]);
  });
});

/** Each breaks one promise of a port; a simulation that does not notice proves nothing. */
const MUTANTS: Readonly<Record<string, (stores: SimulatedStores) => SimulatedStores>> = {
  'a lake that overwrites instead of creating': ({ lake, ...others }) => ({
    ...others,
    lake: {
      putIfAbsent: async (key, object) => {
        await lake.overwrite(key, object);
        return 'created';
      },
      overwrite: (key, object) => lake.overwrite(key, object),
      kindOf: (key) => lake.kindOf(key),
    },
  }),
  'a lake that leaves no tombstone': ({ lake, ...others }) => ({
    ...others,
    lake: {
      putIfAbsent: async (key, object) => {
        if (object.kind === 'data') return lake.putIfAbsent(key, object);
        return (await lake.kindOf(key)) === undefined ? 'created' : 'exists';
      },
      overwrite: (key, object) => lake.overwrite(key, object),
      kindOf: (key) => lake.kindOf(key),
    },
  }),
  'a lake that does not withdraw data': ({ lake, ...others }) => ({
    ...others,
    lake: {
      putIfAbsent: (key, object) => lake.putIfAbsent(key, object),
      overwrite: () => Promise.resolve(),
      kindOf: (key) => lake.kindOf(key),
    },
  }),
  'a ledger that takes a write of any version': ({ ledger, ...others }) => ({
    ...others,
    ledger: {
      read: (lane) => ledger.read(lane),
      announce: async (lane, _version, ...rest) =>
        ledger.announce(lane, (await ledger.read(lane)).version, ...rest),
      commit: async (lane, _version, ...rest) =>
        ledger.commit(lane, (await ledger.read(lane)).version, ...rest),
      abort: async (lane, _version, ...rest) =>
        ledger.abort(lane, (await ledger.read(lane)).version, ...rest),
      cede: (...args) => ledger.cede(...args),
      rangesOverlapping: (...args) => ledger.rangesOverlapping(...args),
    },
  }),
  'a claim log that is read late': ({ claimLog, ...others }) => ({
    ...others,
    claimLog: {
      read: async (bucket, after) => (await claimLog.read(bucket, after)).slice(0, -1),
      // Without the newest items every append would conflict: this log takes them all.
      append: async (bucket, number, item) => {
        for (let free = number; ; free++) {
          if ((await claimLog.append(bucket, free, item)) === 'ok') return 'ok';
        }
      },
    },
  }),
};

describe('a broken store is noticed:', () => {
  test.each(Object.entries(MUTANTS))('%s', async (_name, mutate) => {
    const problems = await badRuns(150, {
      mutate,
      rates: { lostAnswer: 0.1, crash: 0.05, failure: 0.05 },
      zombie: 0.3,
    });
    expect(problems.length).toBeGreaterThan(0);
  });
});
