import { describe, expect, test } from 'vitest';
import { compareMeasured } from '../../../shared/config/plan/compare-measured.ts';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { applyWhatIf } from '../../../shared/config/plan/what-if.ts';
import { configOf, declare, planOf, sourceOf } from '../../support/declare-plan.ts';

/*
 * A table that is read as a whole brings its size in each run: 24 GB a day each hour are 1 GB in a run, and once a day
 * that is 1 GB a day.
 */
const whole = (change: object = {}) =>
  declare.table({ freshness: '1 hour', volume: { gbPerDay: 24, recordBytes: 500 }, ...change });
const options = (change: object = {}) => {
  const { curve, usdPerMonth } = planOf(whole(change));
  return { usdPerMonth, at: (ms: number) => curve.find(({ askedMs }) => askedMs === ms) };
};
const HOUR_MS = 3_600_000;

describe('what is read as a whole', () => {
  test('costs at another freshness what the same table costs when it is declared so', () => {
    const { at } = options();
    for (const [ms, freshness, gbPerDay] of [
      [6 * HOUR_MS, '6 hours', 4],
      [24 * HOUR_MS, '1 day', 1],
      [HOUR_MS / 2, '30 minutes', 48],
    ] as const) {
      const declared = planOf(whole({ freshness, volume: { gbPerDay, recordBytes: 500 } }));
      expect(at(ms)?.usdPerMonth).toBeCloseTo(declared.usdPerMonth, 9);
      expect(at(ms)?.usdPerGb).toBeCloseTo(declared.usdPerGb, 9);
      expect(at(ms)?.freshness.p99Ms).toBeCloseTo(declared.freshness.p99Ms, 3);
    }
  });

  test('saves more with fewer reads than what a cursor reads: of it each row comes once', () => {
    const byCursor = planOf(whole({ incremental: { cursor: 'updated_at' } }));
    const { at, usdPerMonth } = options();
    const relaxed = byCursor.curve.find(({ askedMs }) => askedMs === 24 * HOUR_MS)?.usdPerMonth ?? 0;
    const saved = usdPerMonth - (at(24 * HOUR_MS)?.usdPerMonth ?? 0);
    expect(saved).toBeGreaterThan(byCursor.usdPerMonth - relaxed);
  });

  test.each(['freshness=6 hours', 'freshness=6 hours,gbPerDay=4', 'gbPerDay=4,freshness=6 hours'])(
    'has the volume of its reads in a what-if, or the one that is named: %s',
    (text) => {
      const changed = applyWhatIf(configOf({ it: whole() }), 'it', text);
      expect(changed.sources['it']?.volume).toMatchObject({ gbPerDay: 4 });
    },
  );

  test('is read when nothing is new as well: idle it costs the same', () => {
    const { idleUsdPerMonth, usdPerMonth } = planOf(whole());
    expect(idleUsdPerMonth).toBeCloseTo(usdPerMonth, 9);
    const byCursor = planOf(whole({ incremental: { cursor: 'updated_at' } }));
    expect(byCursor.idleUsdPerMonth).toBeLessThan(byCursor.usdPerMonth * 0.99);
  });

  test('is said to bring all of it in each read', () => {
    expect(planOf(whole()).reasons.join('\n')).toContain('every read brings all of it, 1 GB');
    expect(planOf(whole({ incremental: { cursor: 'updated_at' } })).reasons.join('\n')).not.toContain(
      'every read brings',
    );
  });

  test('does not change its volume beyond the longest time that polling allows', () => {
    const polling = { floor: '5 minutes', ceiling: '2 hours' };
    const changed = applyWhatIf(configOf({ it: whole({ polling }) }), 'it', 'freshness=1 day');
    expect(changed.sources['it']?.volume).toMatchObject({ gbPerDay: 12 });
  });

  test('that is over its budget is advised a freshness together with the volume that it has then', () => {
    const { findings } = planOf(whole({ budget: { usdPerMonth: planOf(whole()).usdPerMonth * 0.5 } }));
    const advice = findings.find(({ id }) => id === 'over-budget')?.next ?? '';
    const [, freshness = '', gbPerDay = ''] =
      /freshness: "([^"]+)" and volume\.gbPerDay: ([\d.]+): .*\$[\d.]+ a month/.exec(advice) ?? [];
    const budget = { usdPerMonth: planOf(whole()).usdPerMonth * 0.5 };
    const plan = planDeployment(
      configOf({
        it: whole({ freshness, volume: { gbPerDay: Number(gbPerDay), recordBytes: 500 }, budget }),
      }),
    );
    expect(sourceOf(plan, 'it').findings.filter(({ id }) => id === 'over-budget')).toEqual([]);
  });

  test('that is queried seldom saves what fewer reads of all of it save', () => {
    const config = configOf({ it: whole() });
    const measured = {
      source: 'it',
      days: 7,
      records: 336e6,
      gbPerDay: 24,
      recordBytes: 500,
      recordsPerRequest: undefined,
      frameCompression: undefined,
      parquetCompression: undefined,
      filesPerDay: 24,
      bytesPerFile: 2e8,
      duplicates: 0,
      logGbPerDay: 0,
      latency: undefined,
    };
    const found = compareMeasured(config, measured, { queries: 7, days: 7 }).find(
      ({ id }) => id === 'fresher-than-read',
    );
    // Every day a query, so that a quarter of a day is fresh enough.
    expect(found?.next).toContain('"6 hours"');
    const relaxed = options().at(6 * HOUR_MS)?.usdPerMonth ?? 0;
    expect(found?.usdPerMonth).toBeCloseTo(planOf(whole()).usdPerMonth - relaxed, 2);
  });
});
