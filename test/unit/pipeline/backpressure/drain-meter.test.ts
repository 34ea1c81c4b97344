import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../shared/adapters/memory/manual-clock.ts';
import { createDrainMeter } from '../../../../shared/pipeline/backpressure/drain-meter.ts';

const MIDDLE = 0.5;
/** In the middle of the jitter the answer is the estimate itself. */
function createWorld(random = MIDDLE) {
  const clock = new ManualClock({ startMs: 1_000_000 });
  return { clock, meter: createDrainMeter(clock, () => random) };
}

describe('the time after which a refused request is repeated', () => {
  test('is how long the refused bytes need at the pace of the durable ones', () => {
    const { meter } = createWorld();
    meter.note({ durableBytes: 100_000, refusedBytes: 700_000 });
    expect(meter.retryAfterMs()).toBe(7_000);
  });

  test('counts only seconds in which something was sent: little that was asked for is no slow stream', () => {
    const { clock, meter } = createWorld();
    meter.note({ durableBytes: 100_000, refusedBytes: 0 });
    clock.advance(8_000);
    meter.note({ durableBytes: 0, refusedBytes: 200_000 });
    expect(meter.retryAfterMs()).toBe(4_000);
  });

  test('forgets what is longer ago than ten seconds', () => {
    const { clock, meter } = createWorld();
    meter.note({ durableBytes: 1_000, refusedBytes: 1_000_000 });
    clock.advance(10_000);
    meter.note({ durableBytes: 100_000, refusedBytes: 300_000 });
    expect(meter.retryAfterMs()).toBe(3_000);
  });

  test('doubles for a sender that obeys while nothing gets through, however many others are refused', () => {
    const { clock, meter } = createWorld();
    const answers: number[] = [];
    for (let i = 0; i < 6; i++) {
      for (let other = 0; other < 50; other++) meter.note({ durableBytes: 0, refusedBytes: 50_000 });
      const answer = meter.retryAfterMs();
      answers.push(answer);
      clock.advance(answer);
    }
    expect(answers).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 16_000]);
  });

  test('begins again with one second after something got through', () => {
    const { clock, meter } = createWorld();
    meter.note({ durableBytes: 0, refusedBytes: 1 });
    clock.advance(30_000);
    meter.note({ durableBytes: 10_000, refusedBytes: 0 });
    clock.advance(20_000);
    meter.note({ durableBytes: 0, refusedBytes: 10_000 });
    expect(meter.retryAfterMs()).toBe(1_000);
  });

  test('is a second where nothing was refused at all', () => {
    expect(createWorld().meter.retryAfterMs()).toBe(1_000);
  });

  test.each([
    ['short', 1_000, 1_000, 1_500],
    ['middling', 10_000, 5_000, 15_000],
    ['endless', 10_000_000, 20_000, 60_000],
  ])('spreads over half the need to as much more, for a %s one', (_, refusedBytes, least, most) => {
    const at = (random: number): number => {
      const { meter } = createWorld(random);
      meter.note({ durableBytes: 1_000, refusedBytes });
      return meter.retryAfterMs();
    };
    expect(at(0)).toBe(least);
    expect(at(0.999_999)).toBeLessThanOrEqual(most);
    expect(at(0.999_999)).toBeGreaterThan(most * 0.99);
  });

  test('for any history: one to sixty seconds, and in the middle what a plain sum over that history says', () => {
    const event = fc.record({
      pauseMs: fc.integer({ min: 0, max: 4_000 }),
      durableBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000_000 })),
      refusedBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000_000 })),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 40 }),
        fc.integer({ min: 0, max: 15_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (events, pauseMs, random) => {
          const { clock, meter } = createWorld(random);
          const history: { atMs: number; durable: number; refused: number }[] = [];
          for (const { pauseMs: beforeMs, durableBytes, refusedBytes } of events) {
            clock.advance(beforeMs);
            meter.note({ durableBytes, refusedBytes });
            history.push({ atMs: clock.nowMs(), durable: durableBytes, refused: refusedBytes });
          }
          clock.advance(pauseMs);
          const nowMs = clock.nowMs();
          const recent = history.filter(({ atMs }) => Math.floor(nowMs / 1e3) - Math.floor(atMs / 1e3) < 10);
          const durable = recent.reduce((sum, entry) => sum + entry.durable, 0);
          const refused = recent.reduce((sum, entry) => sum + entry.refused, 0);
          const seconds = new Set(recent.map(({ atMs }) => Math.floor(atMs / 1e3))).size;
          const lastSuccess = history.findLastIndex((entry) => entry.durable > 0);
          const firstRefusal = history.slice(lastSuccess + 1).find((entry) => entry.refused > 0);
          const need =
            durable > 0 ? (refused * seconds * 1e3) / durable : nowMs - (firstRefusal?.atMs ?? nowMs);
          const answer = meter.retryAfterMs();
          expect(answer).toBeGreaterThanOrEqual(1_000);
          expect(answer).toBeLessThanOrEqual(60_000);
          const spread = Math.min(40_000, Math.max(1_000, need)) * (0.5 + random);
          expect(Math.abs(answer - Math.max(1_000, spread))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
