import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Turn } from '../../../shared/adapters/memory/turn.ts';
import { replayDelivery } from '../../../shared/pipeline/replay/replay-delivery.ts';
import { createReplayWorld, LANE, parked, recordAt } from '../../support/replay-world.ts';

/** What the mapping does with the next records of the shard. */
const segment = fc.record({
  size: fc.integer({ min: 1, max: 5 }),
  does: fc.constantFrom(
    'deliver' as const,
    'park' as const,
    // The batch was parked, and its halves too.
    'bisect' as const,
    // The function committed some of it, and the mapping never heard.
    'deliver the first and park' as const,
  ),
});

/** Store calls, counted over all operators, at which one of them dies: before the effect, or after it. */
const deaths = fc.uniqueArray(fc.nat(120), { maxLength: 6 });

/**
 * The oracle knows identities only: what was handed to the mapping must stand in the lake once, whoever replays which
 * document when.
 */
test('overlapping documents, replayed at once in any interleaving, with operators that die, land every record once', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(segment, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 2 }),
      deaths,
      deaths,
      fc.scheduler(),
      async (segments, operators, before, after, scheduler) => {
        runs++;
        const world = createReplayWorld();
        let calls = 0;
        const turn: Turn = {
          before: async () => {
            await scheduler.schedule(Promise.resolve());
            if (before.includes(calls++)) throw new Error('died');
          },
          after: () => {
            if (after.includes(calls++)) throw new Error('died');
            return Promise.resolve(undefined);
          },
        };
        const shard = segments
          .flatMap(({ size }) => Array<undefined>(size).fill(undefined))
          // Lengths differ on purpose: as texts, "10" comes before "9".
          .map((_, i) => recordAt(i + 7, { id: `r${String(i)}` }));
        let next = 0;
        const works: Promise<void>[] = [];
        const replay = async (from: number, to: number, owner: string): Promise<void> => {
          for (;;) {
            const options = { ...world.options(owner), minAgeMs: 0 };
            const replayed = world
              .under(turn, () => replayDelivery(world.deps, parked(shard.slice(from, to)), options))
              .then(
                ({ finished }) => finished,
                () => false,
              );
            if (await replayed) return;
          }
        };
        const park = (from: number, to: number): void => {
          for (let i = 0; i < operators && from < to; i++)
            works.push(replay(from, to, `operator ${String(i)}`));
        };
        const walk = async (): Promise<void> => {
          for (const { size, does } of segments) {
            const [from, to] = [next, next + size];
            next = to;
            const half = from + Math.ceil(size / 2);
            if (does === 'deliver')
              await world.under(turnOf(scheduler), () => world.deliver(shard.slice(from, to)));
            if (does === 'deliver the first and park') {
              await world.under(turnOf(scheduler), () => world.deliver(shard.slice(from, half)));
            }
            if (does === 'bisect') {
              park(from, half);
              park(half, to);
            }
            if (does !== 'deliver') park(from, to);
          }
        };
        await scheduler.waitFor(
          walk().then(async () => {
            await Promise.all(works);
          }),
        );
        const expected = shard.map(({ sequenceNumber }) => `${LANE}/${sequenceNumber}/0`);
        expect(
          world
            .landed()
            .map(({ id }) => id)
            .toSorted(),
        ).toEqual(expected.toSorted());
      },
    ),
    { numRuns: 150 },
  );
  expect(runs).toBeGreaterThanOrEqual(150);
});

const turnOf = (scheduler: fc.Scheduler): Turn => ({
  before: async () => {
    await scheduler.schedule(Promise.resolve());
  },
});
