import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { createLagWatch, type Priority } from '../../../shared/pipeline/backpressure/lag-watch.ts';

const MAX_LAG_MS = 60_000;
const READING_VALID_MS = 60_000;
/** How exactly the watch knows the age of the oldest own frame, and how long it may take to notice: it asks every 5 s. */
const PRECISION = 1 / 8;
const NOTICE_MS = 5_000 + 2_000;

const FACTOR: Readonly<Record<Priority, number>> = { low: 1, normal: 2, high: Infinity };

/** For some seconds: frames that others send, how many frames each shard's consumer takes, whether the ledger answers. */
const phase = fc.record({
  seconds: fc.integer({ min: 1, max: 90 }),
  others: fc.integer({ min: 0, max: 3 }),
  speeds: fc.array(fc.constantFrom(0, 0, 0.3, 1, 4, 40), { minLength: 2, maxLength: 2 }),
  isLedgerUp: fc.constantFrom(true, true, true, true, false),
});

interface Frame {
  readonly atMs: number;
  readonly isOwn: boolean;
}

test('sheds only while the lag is real, and always once its own frames show it', async () => {
  let shed = 0;
  let noticed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(phase, { minLength: 3, maxLength: 10 }),
      fc.constantFrom<Priority>('low', 'normal', 'high'),
      async (phases, priority) => {
        const clock = new ManualClock();
        /** Everything that was ever put on each shard, in order; a position is an index plus one. */
        const shards: Frame[][] = [[], []];
        const passed = [0, 0];
        let isLedgerUp = true;
        const ledger = {
          read: (lane: string) =>
            isLedgerUp
              ? Promise.resolve({
                  position: String(Math.floor(passed[Number(lane.slice(-1))] ?? 0)),
                  commits: 0,
                  version: 0,
                  intent: undefined,
                })
              : Promise.reject(new Error('the ledger is down')),
        };
        const telemetry = new MemoryTelemetry();
        const watch = createLagWatch({ ledger, clock, telemetry, random: () => 0.5 }, MAX_LAG_MS);
        const limitMs = FACTOR[priority] * MAX_LAG_MS;
        let lastLagMs = -Infinity;
        /** For how long an own frame has been waiting for longer than the limit, with the ledger up. */
        let shownSinceMs = Infinity;
        let second = 0;
        for (const { seconds, others, speeds, isLedgerUp: isUp } of phases) {
          isLedgerUp = isUp;
          for (let i = 0; i < seconds; i++) {
            clock.advance(1_000);
            second++;
            const nowMs = clock.nowMs();
            shards.forEach((shard, n) => {
              for (let k = 0; k < others; k++) shard.push({ atMs: nowMs, isOwn: false });
              passed[n] = Math.min(shard.length, (passed[n] ?? 0) + (speeds[n] ?? 0) * (1 + others));
            });
            const waiting = shards.map((shard, n) => shard.slice(Math.floor(passed[n] ?? 0)));
            const lagMs = Math.max(0, ...waiting.flat().map(({ atMs }) => nowMs - atMs));
            const ownLagMs = Math.max(
              0,
              ...waiting.flat().flatMap(({ atMs, isOwn }) => (isOwn ? nowMs - atMs : [])),
            );
            if (lagMs > limitMs) lastLagMs = nowMs;
            if (ownLagMs * (1 - PRECISION) <= limitMs || !isUp) shownSinceMs = Infinity;
            else shownSinceMs = Math.min(shownSinceMs, nowMs);

            const reading = watch.refresh();
            const decision = watch.shouldShed(priority);
            if (decision.shed) {
              shed++;
              expect(nowMs - lastLagMs).toBeLessThanOrEqual(READING_VALID_MS);
              expect(decision.retryAfterMs).toBeGreaterThanOrEqual(1_000);
              expect(decision.retryAfterMs).toBeLessThanOrEqual(60_000);
            }
            // A frame of another source goes through in any case: it keeps the lag known.
            const shard = shards[second % 2] ?? [];
            shard.push({ atMs: nowMs, isOwn: true });
            const lane = `kinesis/ingest/shardId-${String(second % 2)}`;
            watch.note([{ lane, position: String(shard.length), bytes: 1 }]);
            await reading;
            if (nowMs - shownSinceMs > NOTICE_MS) {
              noticed++;
              expect(watch.shouldShed(priority).shed).toBe(true);
            }
          }
        }
      },
    ),
    { numRuns: 100 },
  );
  // What was asked has occurred.
  expect(shed).toBeGreaterThan(100);
  expect(noticed).toBeGreaterThan(100);
});
