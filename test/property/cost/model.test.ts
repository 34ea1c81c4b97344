import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everyMinutesOf, type Design } from '../../../shared/domain/cost/design.ts';
import { expectedFreshness } from '../../../shared/domain/cost/expected-freshness.ts';
import { modelOperating } from '../../../shared/domain/cost/model-operating.ts';
import { modelUsage } from '../../../shared/domain/cost/model-usage.ts';
import { OTHER_TOOLS, quoteTool, type OtherToolName } from '../../../shared/domain/cost/other-tools.ts';
import { priceAmount, priceUsage } from '../../../shared/domain/cost/price-usage.ts';
import { PRICES, type PriceName } from '../../../shared/domain/cost/prices.ts';
import { addUsage, amountsOf, scaleUsage, type Usage } from '../../../shared/domain/cost/usage.ts';
import { workloadOf, type Workload } from '../../../shared/domain/cost/workload.ts';

const common = {
  dedupe: fc.constantFrom('record' as const, 'request' as const, 'none' as const),
  dedupeDays: fc.integer({ min: 1, max: 90 }),
  memoryMiB: fc.constantFrom(512, 1024, 1769, 3008),
};
const edgeMemoryMiB = fc.constantFrom(512, 1769);
const share = fc.double({ min: 0.01, max: 1, noNaN: true });
const everyMinutes = fc.integer({ min: 1, max: 10_080 });

const designs: fc.Arbitrary<Design> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant('stream' as const),
    pattern: fc.constant('stream' as const),
    via: fc.constantFrom('push' as const, 'producer' as const),
    capacity: fc.oneof(
      fc.record({
        mode: fc.constant('provisioned' as const),
        shards: fc.integer({ min: 1, max: 200 }),
        share,
        retentionHours: fc.constantFrom(24, 168),
      }),
      fc.record({ mode: fc.constant('on-demand' as const), share }),
    ),
    batchingWindowSeconds: fc.integer({ min: 0, max: 300 }),
    edgeMemoryMiB,
  }),
  fc.record({
    ...common,
    kind: fc.constant('landing' as const),
    pattern: fc.constant('micro-batch' as const),
    windowMinutes: fc.integer({ min: 1, max: 60 }),
    sourcesPerRun: fc.integer({ min: 1, max: 200 }),
    edgeMemoryMiB,
  }),
  fc.record({
    ...common,
    kind: fc.constant('queue' as const),
    pattern: fc.constant('stream' as const),
    batchingWindowSeconds: fc.integer({ min: 0, max: 300 }),
    edgeMemoryMiB,
  }),
  fc.record({
    ...common,
    kind: fc.constant('pull' as const),
    pattern: fc.constantFrom('batch' as const, 'query-cdc' as const),
    reads: fc.constantFrom('http' as const, 'files' as const),
    everyMinutes,
  }),
  fc.record({
    ...common,
    kind: fc.constant('extract' as const),
    pattern: fc.constantFrom('batch' as const, 'query-cdc' as const, 'trigger-cdc' as const),
    everyMinutes,
    readsPerRow: fc.double({ min: 1, max: 20, noNaN: true }),
    needsNat: fc.boolean(),
  }),
  fc.record({
    ...common,
    kind: fc.constant('log-slice' as const),
    pattern: fc.constant('log-cdc' as const),
    everyMinutes,
  }),
  fc.record({
    ...common,
    kind: fc.constant('log-task' as const),
    pattern: fc.constant('log-cdc' as const),
    vcpu: fc.constantFrom(0.25, 1, 4),
    windowSeconds: fc.integer({ min: 1, max: 300 }),
  }),
);

const volumes = fc.double({ min: 1e-4, max: 2_000, noNaN: true });
const workloads: fc.Arbitrary<Workload> = fc
  .record({
    gbPerDay: volumes,
    recordBytes: fc.integer({ min: 50, max: 100_000 }),
    recordsPerRequest: fc.integer({ min: 1, max: 10_000 }),
    haveRequestsKeys: fc.boolean(),
    areRequestsCompressed: fc.boolean(),
  })
  .map(({ gbPerDay, ...known }) => workloadOf(gbPerDay, known));

const usages: fc.Arbitrary<Usage> = fc.dictionary(
  fc.constantFrom(...(Object.keys(PRICES) as PriceName[])),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
);

/** From a size on, claims of many consumers are objects, which cost less: more data may cost less there. */
const hasStep = (design: Design): boolean => design.kind === 'stream' && design.dedupe !== 'none';

const usageOf = (workload: Workload, design: Design): Usage => {
  const { own, shared } = modelUsage(workload, design);
  return addUsage(own, shared);
};
const usdOf = (workload: Workload, design: Design): number => priceUsage(usageOf(workload, design)).usd;

/** Rounding up to whole units and commits makes small steps. */
const STEPS = 1.03;

describe('what a design uses in a month', () => {
  test('is a number from 0 on, of everything, whatever the workload', () => {
    fc.assert(
      fc.property(workloads, designs, (workload, design) => {
        for (const [name, amount] of amountsOf(
          addUsage(usageOf(workload, design), modelOperating(everyMinutesOf(design))),
        )) {
          expect(Number.isFinite(amount) && amount >= 0, `${name}: ${String(amount)}`).toBe(true);
        }
      }),
    );
  });

  test('costs no less for more data', () => {
    fc.assert(
      fc.property(
        workloads,
        designs,
        fc.double({ min: 1, max: 50, noNaN: true }),
        (workload, design, factor) => {
          if (hasStep(design)) return;
          const more = { ...workload, rawBytesPerMonth: workload.rawBytesPerMonth * factor };
          expect(usdOf(more, design) * STEPS).toBeGreaterThanOrEqual(usdOf(workload, design));
        },
      ),
    );
  });

  // More shards read more of what the others have claimed.
  test('costs no more per GB for more data, but for the shards of a stream', () => {
    fc.assert(
      fc.property(
        workloads,
        designs,
        fc.double({ min: 1, max: 50, noNaN: true }),
        (workload, design, factor) => {
          const more = { ...workload, rawBytesPerMonth: workload.rawBytesPerMonth * factor };
          if (design.kind === 'stream') return;
          expect(usdOf(more, design) / factor).toBeLessThanOrEqual(usdOf(workload, design) * STEPS);
        },
      ),
    );
  });

  test('costs no more with a longer window', () => {
    fc.assert(
      fc.property(workloads, designs, fc.integer({ min: 1, max: 20 }), (workload, design, factor) => {
        if (hasStep(design)) return;
        const longer =
          'windowMinutes' in design
            ? { ...design, windowMinutes: design.windowMinutes * factor }
            : 'everyMinutes' in design
              ? { ...design, everyMinutes: design.everyMinutes * factor }
              : 'windowSeconds' in design
                ? { ...design, windowSeconds: design.windowSeconds * factor }
                : { ...design, batchingWindowSeconds: design.batchingWindowSeconds * factor };
        expect(usdOf(workload, longer)).toBeLessThanOrEqual(usdOf(workload, design) * STEPS);
      }),
    );
  });

  test('costs no more without deduplication, and where claims are items no less by record than by request', () => {
    fc.assert(
      fc.property(workloads, designs, (workload, design) => {
        const [record = 0, request = 0, none = 0] = (['record', 'request', 'none'] as const).map((dedupe) =>
          usdOf(workload, { ...design, dedupe }),
        );
        expect(none).toBeLessThanOrEqual(request + 1e-9);
        // Many claims are an object, which is cheaper than the items that fewer of them are.
        const { own } = modelUsage(workload, { ...design, dedupe: 'record' });
        if ((own.s3GbMonth ?? 0) === 0) expect(request).toBeLessThanOrEqual(record + 1e-9);
      }),
    );
  });

  test('is shared with nobody where the source has its stream and its runs alone', () => {
    fc.assert(
      fc.property(workloads, designs, (workload, design) => {
        if (design.kind !== 'stream') return;
        const half = { ...design, capacity: { ...design.capacity, share: design.capacity.share / 2 } };
        const [all, part] = [design, half].map((each) => modelUsage(workload, each).shared);
        expect((part?.kinesisShardHour ?? 0) * 2).toBeCloseTo(all?.kinesisShardHour ?? 0, 6);
      }),
    );
  });
});

describe('how fresh a design is', () => {
  test('half of the records are fresher than nearly all of them, and a window is a lower bound', () => {
    fc.assert(
      fc.property(workloads, designs, (workload, design) => {
        const { p50Ms, p99Ms } = expectedFreshness(workload, design);
        expect(p50Ms).toBeGreaterThan(0);
        expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
        if ('everyMinutes' in design) expect(p99Ms).toBeGreaterThanOrEqual(design.everyMinutes * 59_400);
        if ('windowMinutes' in design) expect(p99Ms).toBeGreaterThanOrEqual(design.windowMinutes * 59_400);
      }),
    );
  });
});

describe('usages', () => {
  test('add up to what each of them costs, where amounts have one price', () => {
    fc.assert(
      fc.property(usages, usages, (a, b) => {
        const flat = Object.fromEntries(
          Object.entries(PRICES).map(([name, price]) => [name, { ...price, tiers: [] }]),
        ) as unknown as typeof PRICES;
        const sum = priceUsage(addUsage(a, b), flat).usd;
        expect(sum).toBeCloseTo(
          priceUsage(a, flat).usd + priceUsage(b, flat).usd,
          Math.max(0, 9 - Math.ceil(Math.log10(sum + 1))),
        );
      }),
    );
  });

  test('have lines that add up to the bill, in descending order', () => {
    fc.assert(
      fc.property(usages, (usage) => {
        const { usd, lines } = priceUsage(usage);
        expect(lines.reduce((sum, line) => sum + line.usd, 0)).toBe(usd);
        expect([...lines].sort((a, b) => b.usd - a.usd)).toEqual(lines);
      }),
    );
  });

  test('are the same scaled as added to themselves', () => {
    fc.assert(
      fc.property(usages, fc.integer({ min: 1, max: 9 }), (usage, times) => {
        const added = addUsage(...Array.from({ length: times }, () => usage));
        const scaled = scaleUsage(usage, times);
        for (const [name, amount] of amountsOf(scaled))
          expect((added[name] ?? 0) / amount || 1).toBeCloseTo(1, 9);
      }),
    );
  });

  test('cost more for more, and never more a unit than up to the first tier', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(PRICES)),
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        (price, a, b) => {
          const [less, more] = [Math.min(a, b), Math.max(a, b)];
          expect(priceAmount(price, more)).toBeGreaterThanOrEqual(priceAmount(price, less));
          expect(priceAmount(price, more)).toBeLessThanOrEqual(((more * price.usd) / price.per) * (1 + 1e-9));
        },
      ),
    );
  });
});

describe('other tools', () => {
  test('cost something, and no less for more data', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(OTHER_TOOLS) as OtherToolName[])),
        volumes,
        fc.double({ min: 1, max: 50, noNaN: true }),
        (name, gbPerDay, factor) => {
          const less = quoteTool(name, workloadOf(gbPerDay));
          const more = quoteTool(name, workloadOf(gbPerDay * factor));
          expect(less.usdPerMonth).toBeGreaterThan(0);
          expect(more.usdPerMonth * (1 + 1e-9)).toBeGreaterThanOrEqual(less.usdPerMonth);
          expect(less.sources.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
