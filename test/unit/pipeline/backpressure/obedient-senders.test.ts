import { describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../../../shared/domain/seeded-random.ts';
import { createDrainMeter } from '../../../../shared/pipeline/backpressure/drain-meter.ts';

const INSTANCES = 20;
const FRAME_BYTES = 80_000;
/** What a shard takes in each second. */
const SHARD_BYTES = 1_000_000;
const FRAMES_PER_SECOND = Math.floor(SHARD_BYTES / FRAME_BYTES);
const SECONDS = 100;
const OUTAGE = { fromMs: 20_000, toMs: 60_000 };

interface Outcome {
  readonly attemptsPerRequest: number;
  /** When the last request got through. */
  readonly endMs: number;
}

/**
 * Senders whose requests go to any instance and come back when they are told to, at a shard that takes a fixed number of
 * bytes a second.
 *
 * @param load requests in all, as a multiple of what the shard takes in the time in which they come
 * @param retryMs what senders are told instead of the meter's answer
 */
function simulate(load: number, hasOutage: boolean, retryMs?: number): Outcome {
  const random = createSeededRandom(5);
  let nowMs = 0;
  const meters = Array.from({ length: INSTANCES }, () => createDrainMeter({ nowMs: () => nowMs }, random));
  const requests = Math.round(load * FRAMES_PER_SECOND * SECONDS);
  /** Requests by the time at which they are sent (again), in ms. */
  const due = new Map<number, number>();
  const schedule = (atMs: number): unknown => due.set(atMs, (due.get(atMs) ?? 0) + 1);
  for (let i = 0; i < requests; i++) schedule(Math.floor(random() * SECONDS * 1_000));
  let [attempts, done, endMs, takenInSecond] = [0, 0, 0, 0];
  for (; done < requests; nowMs++) {
    if (nowMs % 1_000 === 0) takenInSecond = 0;
    for (let left = due.get(nowMs) ?? 0; left > 0; left--) {
      attempts++;
      const meter = meters[Math.floor(random() * INSTANCES)];
      const isDown = hasOutage && nowMs >= OUTAGE.fromMs && nowMs < OUTAGE.toMs;
      if (!isDown && takenInSecond < FRAMES_PER_SECOND) {
        takenInSecond++;
        done++;
        endMs = nowMs;
        meter?.note({ durableBytes: FRAME_BYTES, refusedBytes: 0 });
        continue;
      }
      meter?.note({ durableBytes: 0, refusedBytes: FRAME_BYTES });
      schedule(nowMs + Math.ceil((retryMs ?? meter?.retryAfterMs() ?? 0) / 1_000) * 1_000);
    }
    due.delete(nowMs);
  }
  return { attemptsPerRequest: attempts / requests, endMs };
}

describe('senders that come back when they are told to', () => {
  test.each([
    ['half as much again as the stream takes', 1.5, false],
    ['an outage of forty seconds at 60 % load', 0.6, true],
  ])(
    'get through %s with less than half the attempts of a fixed wait, hardly later',
    (_, load, hasOutage) => {
      const measured = simulate(load, hasOutage);
      const fixed = simulate(load, hasOutage, 5_000);
      expect(measured.attemptsPerRequest).toBeLessThan(fixed.attemptsPerRequest / 2);
      expect(measured.endMs).toBeLessThan(fixed.endMs * 1.2);
    },
  );

  test('are hardly held up by a stream that is nearly full', () => {
    expect(simulate(0.8, false).attemptsPerRequest).toBeLessThan(1.25);
  });
});
