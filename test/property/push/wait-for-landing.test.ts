import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { waitForLanding } from '../../../shared/pipeline/wait-for-landing.ts';

const DEADLINE_MS = 20_000;
const LANES = ['kinesis/ingest/shardId-0', 'kinesis/ingest/shardId-1'] as const;

/** What happens next to the positions of a lane: they are committed, or ceded, and perhaps replayed. */
const step = fc.record({
  pauseMs: fc.integer({ min: 0, max: 5_000 }),
  lane: fc.constantFrom(...LANES),
  take: fc.integer({ min: 1, max: 6 }),
  does: fc.constantFrom('commit' as const, 'commit' as const, 'commit' as const, 'cede' as const),
  replayAfterMs: fc.option(fc.integer({ min: 0, max: 8_000 }), { nil: undefined }),
});

/** Positions of 56 digits and more, as Kinesis has them, and small ones around a power of ten. */
const BASES = [8n, 10n ** 56n - 4n, 49_590n * 10n ** 51n] as const;

test('a wait ends with success exactly when every frame has landed in time', async () => {
  const outcomes = new Map<boolean, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.uniqueArray(fc.record({ lane: fc.constantFrom(...LANES), offset: fc.nat({ max: 14 }) }), {
        minLength: 1,
        maxLength: 8,
        selector: ({ lane, offset }) => `${lane} ${String(offset)}`,
      }),
      fc.constantFrom(...BASES),
      fc.array(fc.boolean(), { maxLength: 6 }),
      async (steps, frames, base, failures) => {
        const clock = new ManualClock({ jump: true });
        const startMs = clock.nowMs();
        const store = new MemoryLedgerStore();
        const failing = [...failures];

        /** The oracle: when each position of each lane landed, if ever, by writing it down. */
        const landedAtMs = new Map<string, number>();
        const events: { atMs: number; run: () => Promise<unknown> }[] = [];
        const next = new Map<string, number>(LANES.map((lane) => [lane, 0]));
        let atMs = 0;
        const write = async (
          lane: string,
          kind: 'commit' | 'cede',
          from: number,
          to: number,
        ): Promise<void> => {
          const { version } = await store.read(lane);
          const [first, last] = [String(base + BigInt(from)), String(base + BigInt(to))];
          const range = { from: first, to: last, records: 1, keys: 0 };
          const result =
            kind === 'commit'
              ? await store.commit(lane, version, range, `w${String(version)}`)
              : await store.cede(lane, version, last, `w${String(version)}`);
          expect(result).toBe('ok');
        };
        for (const { pauseMs, lane, take, does, replayAfterMs } of steps) {
          atMs += pauseMs;
          const from = next.get(lane) ?? 0;
          const to = from + take - 1;
          next.set(lane, to + 1);
          events.push({ atMs, run: () => write(lane, does, from, to) });
          const landsAtMs =
            does === 'commit' ? atMs : replayAfterMs === undefined ? undefined : atMs + replayAfterMs;
          if (landsAtMs === undefined) continue;
          if (does === 'cede') {
            events.push({ atMs: landsAtMs, run: () => write(`replay/${lane}`, 'commit', from, to) });
          }
          for (let offset = from; offset <= to; offset++)
            landedAtMs.set(`${lane} ${String(offset)}`, landsAtMs);
        }
        events.sort((a, b) => a.atMs - b.atMs);

        let applied = Promise.resolve();
        const applyDue = async (): Promise<void> => {
          while (events[0] !== undefined && events[0].atMs <= clock.nowMs() - startMs) {
            await events.shift()?.run();
          }
        };
        // Shards are read at the same time; what happens to the ledger happens one after the other.
        const before = async (): Promise<void> => {
          applied = applied.then(applyDue);
          await applied;
          if (failing.shift() === true) throw new TransientError('AWS_UNAVAILABLE', 'throttled');
        };
        const landed = await waitForLanding(
          {
            clock,
            telemetry: new MemoryTelemetry(),
            ledger: {
              read: async (lane) => {
                await before();
                return await store.read(lane);
              },
              rangesOverlapping: async (lane, from, to) => {
                await before();
                return await store.rangesOverlapping(lane, from, to);
              },
            },
          },
          frames.map(({ lane, offset }) => ({ lane, position: String(base + BigInt(offset)), bytes: 1 })),
          startMs + DEADLINE_MS,
        );

        const tookMs = clock.nowMs() - startMs;
        expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS);
        const readyMs = Math.max(
          ...frames.map(({ lane, offset }) => landedAtMs.get(`${lane} ${String(offset)}`) ?? Infinity),
        );
        if (landed) expect(readyMs).toBeLessThanOrEqual(tookMs);
        // Each failed read costs a pause of two seconds at most, and so does what happens just after a read.
        const patience = 2_000 * (1 + failures.filter(Boolean).length);
        if (readyMs + patience < DEADLINE_MS) {
          expect(landed).toBe(true);
          expect(tookMs).toBeLessThanOrEqual(readyMs + patience);
        }
        outcomes.set(landed, (outcomes.get(landed) ?? 0) + 1);
      },
    ),
    { numRuns: 400 },
  );
  expect(outcomes.get(true)).toBeGreaterThan(20);
  expect(outcomes.get(false)).toBeGreaterThan(20);
});
