import { describe, expect, test } from 'vitest';
import { MemoryQuotaStore } from '../../../shared/adapters/memory/memory-quota-store.ts';
import { declareLimited } from '../../support/declare-limited.ts';
import { runFleet, type FleetLoad, type FleetRequest, type Routing } from '../../support/quota-fleet.ts';

// The bounds are about what is likely: the same dice for everybody, others by hand.
const seed = Number(process.env['QUOTA_SEED'] ?? 1);
const SECONDS = 240;
/** Before this the fleet does not know its load yet. */
const WARM_UP_SECONDS = 120;

interface Outcome {
  readonly requests: readonly FleetRequest[];
  /** Writes after the warm-up, for each 1,000 records that were admitted then. */
  readonly writesPer1000: number;
}

async function run(
  limit: number,
  demand: number | ((second: number) => number),
  load: Partial<Omit<FleetLoad, 'source' | 'store' | 'requestsPerSecond'>> & {
    readonly bytesPerSecond?: string;
  } = {},
): Promise<Outcome> {
  const { bytesPerSecond, ...more } = load;
  const store = new MemoryQuotaStore();
  let writesBefore = 0;
  const requests = await runFleet({
    source: declareLimited({
      requestsPerSecond: limit,
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    }),
    store,
    seed,
    seconds: SECONDS,
    instances: () => 1,
    requestsPerSecond: (second) => {
      if (second < WARM_UP_SECONDS) writesBefore = store.writes;
      return limit * (typeof demand === 'number' ? demand : demand(second));
    },
    ...more,
  });
  const records = (load.recordsPerRequest ?? 1) * requests.filter(isLateAndAdmitted).length;
  return { requests, writesPer1000: (store.writes - writesBefore) / (records / 1_000) };
}

const isLateAndAdmitted = ({ admitted, second }: FleetRequest): boolean =>
  admitted && second >= WARM_UP_SECONDS;

/** Least and most that was admitted in any minute from a second on, as a part of a minute's limit. */
function minutes(
  requests: readonly FleetRequest[],
  limit: number,
  fromSecond: number,
): { least: number; most: number } {
  const perSecond = Array.from({ length: SECONDS }, () => 0);
  for (const { admitted, second } of requests) {
    if (admitted) perSecond[Math.floor(second)] = (perSecond[Math.floor(second)] ?? 0) + 1;
  }
  const sums = Array.from({ length: SECONDS - 60 - fromSecond + 1 }, (_, i) =>
    perSecond.slice(fromSecond + i, fromSecond + i + 60).reduce((sum, n) => sum + n, 0),
  );
  return { least: Math.min(...sums) / (60 * limit), most: Math.max(...sums) / (60 * limit) };
}

/** What was admitted between two seconds, as a part of what the limit allows in this time. */
function admittedPart(
  requests: readonly FleetRequest[],
  limit: number,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const admitted = requests.filter(({ admitted, second }) => admitted && second >= from && second < to);
  return admitted.length / (limit * (to - from));
}

const refusedPart = (requests: readonly FleetRequest[]): number =>
  requests.filter(({ admitted }) => !admitted).length / requests.length;

const FLEETS: readonly (readonly [instances: number, routing: Routing])[] = [
  [1, 'even'],
  [3, 'even'],
  [5, 'uneven'],
  [20, 'even'],
  [20, 'uneven'],
];

describe(`a fleet (QUOTA_SEED=${String(seed)})`, () => {
  describe.each(FLEETS)('of %i instances, requests falling on them %sly', (instances, routing) => {
    const fleet = { instances: () => instances, routing };

    test.each([1.2, 2, 5])(
      'admits the limit within a tenth in every minute of %d times as much',
      async (demand) => {
        const { requests } = await run(100, demand, fleet);
        const { least, most } = minutes(requests, 100, 0);
        expect(least).toBeGreaterThan(0.9);
        expect(most).toBeLessThan(1.1);
      },
    );

    test.each([0.1, 0.5, 0.8])('refuses not one in a thousand of %d times the limit', async (demand) => {
      const { requests } = await run(100, demand, fleet);
      expect(refusedPart(requests)).toBeLessThan(0.001);
    });
  });

  test.each([
    [60, 1_000],
    [200, 1_000],
    [200, 100],
  ])('of %i instances holds %i requests per second within a tenth', async (instances, limit) => {
    const { requests } = await run(limit, 2, { instances: () => instances });
    const { least, most } = minutes(requests, limit, 5);
    expect(least).toBeGreaterThan(0.9);
    expect(most).toBeLessThan(1.1);
  });

  test.each([1, 2, 4])(
    'of %i instances writes at most once in 1,000 records of single-record requests, above and below the limit',
    async (instances) => {
      for (const demand of [0.8, 2]) {
        const { writesPer1000 } = await run(100, demand, { instances: () => instances, seconds: 600 });
        expect(writesPer1000).toBeLessThanOrEqual(1);
      }
    },
  );

  test('of 200 instances writes at most once in 1,000 records when requests have a hundred', async () => {
    for (const demand of [0.8, 2]) {
      const { writesPer1000 } = await run(100, demand, {
        instances: () => 200,
        recordsPerRequest: 100,
        seconds: 600,
      });
      expect(writesPer1000).toBeLessThanOrEqual(1);
    }
  });

  test('that grows holds the limit, and one that shrinks has all of it again after two minutes', async () => {
    const grown = await run(100, 3, { instances: (second) => (second < 80 ? 2 : 20) });
    expect(minutes(grown.requests, 100, 0).most).toBeLessThan(1.2);
    expect(minutes(grown.requests, 100, 110).most).toBeLessThan(1.1);
    const shrunk = await run(100, 3, { instances: (second) => (second < 50 ? 20 : 4) });
    expect(minutes(shrunk.requests, 100, 0).most).toBeLessThan(1.1);
    expect(minutes(shrunk.requests, 100, 170).least).toBeGreaterThan(0.9);
  });

  test('whose instances are all replaced, as by a deployment, refuses for little more than a minute', async () => {
    const { requests } = await run(100, 0.8, {
      instances: () => 4,
      replaced: (second) => (second < 100 ? 0 : 4),
    });
    const between = (from: number, to: number): readonly FleetRequest[] =>
      requests.filter(({ second }) => second >= from && second < to);
    expect(refusedPart(between(5, 100))).toBe(0);
    expect(refusedPart(between(100, 185))).toBeLessThan(0.5);
    expect(refusedPart(between(185, SECONDS))).toBe(0);
  });

  test('that is overrun every now and then admits no more than the limit and its burst', async () => {
    const { requests } = await run(100, (second) => (second % 40 < 10 ? 5 : 0), { instances: () => 5 });
    // Ten seconds of the limit and five of burst in every forty; two surges fit into a minute.
    expect(minutes(requests, 100, 0).most).toBeLessThan(0.6);
  });

  test('that was idle has saved up no more than it could when it stopped', async () => {
    const { requests } = await run(10, (second) => (second < 60 ? 1 : second < 180 ? 0 : 10), {
      instances: () => 40,
    });
    // Its last shares counted for a while without being used; forty full buckets would make 1.8.
    expect(minutes(requests, 10, 170).most).toBeLessThan(1.6);
  });

  test('does not refuse what is below the limit for long after a surge', async () => {
    const { requests } = await run(100, (second) => (second < 100 ? 4 : 0.7), { instances: () => 5 });
    expect(refusedPart(requests.filter(({ second }) => second > 200))).toBe(0);
  });

  test("holds a limit of bytes, with bodies of a second's worth", async () => {
    const { requests } = await run(10, 0.4, {
      instances: () => 3,
      bytesPerSecond: '1 MB',
      bytesPerRequest: 1_000_000,
    });
    const admitted = requests.filter(isLateAndAdmitted).length / (SECONDS - WARM_UP_SECONDS);
    expect(admitted).toBeGreaterThan(0.9);
    expect(admitted).toBeLessThan(1.1);
  });

  test.each([
    [5, 100, 20, 10, 1.55],
    [20, 100, 20, 10, 1.8],
    [100, 100, 20, 10, 1.9],
    [20, 20, 5, 10, 1.95],
    [100, 10, 1, 20, 1.9],
  ])(
    'of %i instances that is overrun after a quiet time admits %i requests per second and five seconds of burst',
    async (instances, limit, quiet, surgeSeconds, most) => {
      const { requests } = await run(limit, (second) => (second < 300 ? quiet / limit : 10), {
        instances: () => instances,
        seconds: 300 + surgeSeconds,
      });
      const part = admittedPart(requests, limit, { from: 300, to: 300 + surgeSeconds });
      // Instances learn of the surge one after the other: until then some requests of each get in.
      expect(part).toBeLessThan(most);
    },
  );

  describe('with bodies worth five seconds of the limit', () => {
    /** One body in five seconds is what the limit allows. */
    const LIMIT = 0.2;
    const bodies = { bytesPerSecond: '1 MB', bytesPerRequest: 5_000_000, seconds: 1_800 };
    const load = (perSecond: number, fleet: Partial<FleetLoad>): Promise<Outcome> =>
      run(1_000, perSecond / 1_000, { ...bodies, ...fleet });

    test.each([
      [1, 0.1],
      [5, 0.12],
      [20, 0.25],
    ])('%i instances refuse few of three fifths of the limit', async (instances, most) => {
      const { requests } = await load(0.6 * LIMIT, { instances: () => instances });
      expect(refusedPart(requests)).toBeLessThan(most);
    });

    test.each([5, 20, 50])(
      '%i instances hold the limit in a flood, from its first minutes',
      async (instances) => {
        const { requests } = await load(5, { instances: () => instances, seconds: 600 });
        const first = admittedPart(requests, LIMIT, { from: 0, to: 120 });
        expect(first).toBeGreaterThan(0.5);
        expect(first).toBeLessThan(1.5);
        const later = admittedPart(requests, LIMIT, { from: 120, to: 600 });
        expect(later).toBeGreaterThan(0.8);
        expect(later).toBeLessThan(1.1);
      },
    );

    test('a flood does not get more by new instances, nor nothing', async () => {
      const { requests } = await load(5, {
        instances: () => 20,
        replaced: (second) => Math.floor(second),
        seconds: 600,
      });
      const part = admittedPart(requests, LIMIT, { from: 0, to: 600 });
      expect(part).toBeGreaterThan(0.5);
      expect(part).toBeLessThan(1.2);
    });

    test('instances that seldom have a request do not exceed the limit together', async () => {
      const { requests } = await load(1.5 * LIMIT, { instances: () => 20 });
      expect(admittedPart(requests, LIMIT, { from: 120, to: 1_800 })).toBeLessThan(1.05);
    });
  });
});
