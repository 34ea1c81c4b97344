import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseStreamed,
  type LaneChoice,
  type StreamTerms,
} from '../../../shared/domain/plan/choose-lanes.ts';
import { addLoads, planShards, shardsFilled } from '../../../shared/domain/plan/shards.ts';

/** Volumes from next to nothing to several shards, prices that differ in either direction. */
const choices = (maxLength: number): fc.Arbitrary<LaneChoice[]> =>
  fc
    .array(
      fc.record({
        bytesPerSecond: fc.integer({ min: 1, max: 1_500_000 }),
        recordsPerSecond: fc.integer({ min: 1, max: 900 }),
        streamUsd: fc.integer({ min: 0, max: 200 }),
        landingUsd: fc.integer({ min: 0, max: 200 }),
      }),
      { maxLength },
    )
    .map((all) =>
      all.map(({ bytesPerSecond, recordsPerSecond, streamUsd, landingUsd }, at) => ({
        name: `s${String(at)}`,
        load: { bytesPerSecond, recordsPerSecond },
        streamUsd,
        landingUsd,
      })),
    );

const terms = fc.record({
  load: fc.option(
    fc.record({
      bytesPerSecond: fc.integer({ min: 1, max: 2_000_000 }),
      recordsPerSecond: fc.integer({ min: 1, max: 2_000 }),
    }),
    { nil: undefined },
  ),
  shardUsd: fc.integer({ min: 1, max: 60 }),
  fixedShards: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
});

/** Every set of sources there is. */
function subsets(names: readonly string[]): Set<string>[] {
  return Array.from(
    { length: 2 ** names.length },
    (_, bits) => new Set(names.filter((_name, at) => ((bits >> at) & 1) === 1)),
  );
}

/** The price of a choice, counted in another way than the code does. */
function billOf(
  all: readonly LaneChoice[],
  streamed: ReadonlySet<string>,
  { load, shardUsd, fixedShards }: StreamTerms,
): number {
  let usd = 0;
  let bytes = load?.bytesPerSecond ?? 0;
  let records = load?.recordsPerSecond ?? 0;
  let uses = load !== undefined;
  let moved = false;
  for (const choice of all) {
    if (!streamed.has(choice.name)) usd += choice.landingUsd;
    else {
      usd += choice.streamUsd;
      bytes += choice.load.bytesPerSecond;
      records += choice.load.recordsPerSecond;
      uses = moved = true;
    }
  }
  if (!uses) return usd;
  let needed = 1;
  while (bytes > needed * 600_000 + 1e-3 || records > needed * 600 + 1e-6) needed += 1;
  if (fixedShards !== undefined && moved && needed > fixedShards) return Infinity;
  return usd + (fixedShards ?? needed) * shardUsd;
}

describe('the lanes of sources that may wait', () => {
  test('cannot be made cheaper by moving one source by hand', () => {
    fc.assert(
      fc.property(choices(12), terms, (all, stream) => {
        const chosen = chooseStreamed(all, stream);
        const usd = billOf(all, chosen, stream);
        for (const { name } of all) {
          const other = new Set(chosen);
          if (!other.delete(name)) other.add(name);
          expect(billOf(all, other, stream)).toBeGreaterThanOrEqual(usd - 1e-3);
        }
      }),
    );
  });

  test('never cost more than all streamed or all collected, and mostly what the best of all choices costs', () => {
    let best = 0;
    let runs = 0;
    fc.assert(
      fc.property(choices(8), terms, (all, stream) => {
        const usd = billOf(all, chooseStreamed(all, stream), stream);
        const least = Math.min(
          ...subsets(all.map(({ name }) => name)).map((set) => billOf(all, set, stream)),
        );
        expect(usd).toBeLessThanOrEqual(billOf(all, new Set(), stream) + 1e-6);
        expect(usd).toBeLessThanOrEqual(billOf(all, new Set(all.map(({ name }) => name)), stream) + 1e-6);
        runs += 1;
        if (usd <= least + 1e-6) best += 1;
      }),
      { seed: 6, numRuns: 300 },
    );
    // The seed is fixed, so this is no matter of chance.
    expect(best / runs).toBeGreaterThan(0.85);
  });

  test('do not depend on the order in which sources are declared', () => {
    fc.assert(
      fc.property(choices(8), terms, (all, stream) => {
        const usd = billOf(all, chooseStreamed(all, stream), stream);
        expect(billOf(all, chooseStreamed([...all].reverse(), stream), stream)).toBeCloseTo(usd, 6);
      }),
    );
  });
});

describe('shards', () => {
  const load = fc.record({
    bytesPerSecond: fc.double({ min: 0, max: 1e8, noNaN: true }),
    recordsPerSecond: fc.double({ min: 0, max: 1e5, noNaN: true }),
  });

  test('are as few as the load fills to 60 %, and one at least', () => {
    fc.assert(
      fc.property(load, (one) => {
        const shards = planShards(one);
        expect(shardsFilled(one) / shards).toBeLessThanOrEqual(0.6 + 1e-6);
        expect(shards).toBeGreaterThanOrEqual(1);
        if (shards > 1) expect(shardsFilled(one) / (shards - 1)).toBeGreaterThan(0.6 - 1e-6);
      }),
    );
  });

  test('of many sources together are not more than those of each', () => {
    fc.assert(
      fc.property(fc.array(load, { minLength: 1, maxLength: 20 }), (loads) => {
        const apart = loads.reduce((sum, each) => sum + planShards(each), 0);
        expect(planShards(addLoads(loads))).toBeLessThanOrEqual(apart);
      }),
    );
  });
});
